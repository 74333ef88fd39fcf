"""Which column of a file is which of ours, and what to type where that is not clear. Nothing is taken unasked.

An error names all columns that are missing at once, and for each the one that most likely holds it: first by meaning
(a worker is an annotator), then by spelling. Files of kinds that are no table of verdicts are named.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.votes.table import COLUMNS, NEEDED

ALSO = {
    "prompt_id": (
        "question_id item_id task_id example_id instance_id session_id conversation_id dialog_id question item task "
        "example instance instruction prompt query input conversation id idx index uid uuid qid"
    ),
    "annotator": (
        "annotator_id worker worker_id user user_id username rater judge judge_name assessor labeler labeller reviewer "
        "evaluator grader coder voter expert completed_by judge_model ip_hash"
    ),
    "left": (
        "model_a model_1 model1 model_left left_model system_a system_1 system1 generator_1 method_a method_1 "
        "answer1_model response_a_model a first name_a model_x response_a response_1 output_1 completion_a"
    ),
    "right": (
        "model_b model_2 model2 model_right right_model system_b system_2 system2 generator_2 method_b method_2 "
        "answer2_model response_b_model b second name_b model_y response_b response_2 output_2 completion_b"
    ),
    "choice": (
        "winner vote label verdict judgment judgement preference preferred chosen decision outcome result answer "
        "better best overall_preference preference_strength overall selected rating score"
    ),
}
SYNONYMS = {name: tuple(words.split()) for name, words in ALSO.items()}
"""Our name of a column -> what others call it, the likeliest first."""

SIGNS: dict[str, tuple[set[str], ...]] = {
    "alpaca_eval": ({"generator_1", "generator_2", "preference"},),
    "mt_bench": (
        {"model_1", "model_2", "g1_winner"},
        {"question_id", "model_a", "model_b", "winner", "judge"},
    ),
    "pandalm": ({"idx", "cmp_key", "annotator1"}, {"idx", "gpt_result"}, {"idx", "pandalm_result"}),
    "reviews": ({"review", "review_reverse"},),
}
"""Format -> the columns that it is known by: enough to say which --format may be meant."""

ROW_EACH = "write a row for each verdict: prompt_id, annotator, left, right, choice"
NO_TABLES: tuple[tuple[set[str], str], ...] = (
    (
        {"annotations", "data"},
        "looks like a Label Studio export with annotations inside of tasks: export it as JSON-MIN or CSV, and name its "
        "columns with --column",
    ),
    (
        {"fields", "responses"},
        "looks like Argilla's records, with all responses to a record in one: " + ROW_EACH,
    ),
    ({"winner_model_a", "winner_model_b"}, "has the choice in several columns of 0 and 1: " + ROW_EACH),
    (
        {"question_id", "games"},
        "looks like Arena-Hard's judgments, with both games in one record: " + ROW_EACH,
    ),
    ({"prompt", "chosen", "rejected"}, "holds chosen and rejected texts, which name no systems: " + ROW_EACH),
    (
        {"helpfulness", "correctness", "coherence"},
        "holds grades of single responses, as HelpSteer's; only verdicts between two systems are read here",
    ),
    ({"rankings"}, "holds rankings of several responses: " + ROW_EACH),
)
"""Columns -> what is to be done with a file that has them and lacks ours."""


def normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def places_of(
    path: Path, header: Sequence[str], columns: Mapping[str, str], values: Mapping[str, str]
) -> dict[str, int]:
    """Our name of each column -> its place in the header.

    Args:
        columns: our name -> the file's own, where they differ.
        values: our name -> what every row has, where the file lacks the column.

    Raises:
        DataError: a needed column is missing, stands twice, or has a value though it is there.
    """
    found = [normal(cell) for cell in header]
    places, absent = {}, []
    for name in COLUMNS:
        own = normal(columns.get(name, name))
        if found.count(own) > 1:
            raise DataError(f"{path}: has the column {own!r} twice")
        if own in found and name in values:
            raise DataError(f"{path}: has the column {own!r} itself; leave out --value {name}={values[name]}")
        if own in found:
            places[name] = found.index(own)
        elif name not in values and (name in NEEDED or name in columns):
            absent.append(name)
    if absent:
        raise missing(path, absent, columns, header)
    return places


def missing(
    path: Path, absent: Sequence[str], columns: Mapping[str, str], header: Sequence[str]
) -> DataError:
    """The error about columns that are not there: what the file may be, or which option names each."""
    there = {normal(cell): cell.strip() for cell in header}
    for format, signs in SIGNS.items():
        if not columns and any(sign <= set(there) for sign in signs):
            return DataError(f"{path}: looks like {format}'s: add --format {format}")
    for marks, advice in NO_TABLES:
        if marks <= set(there):
            return DataError(f"{path}: {advice}")
    near = nearest(absent, columns, there)
    quoted = [repr(columns.get(name, name)) for name in absent]
    names = f"s {', '.join(quoted[:-1])} and {quoted[-1]}" if len(quoted) > 1 else f" {quoted[0]}"
    listed = ", ".join(cell.strip() for cell in header[:20]) + (" …" if len(header) > 20 else "")
    its = [f"{name}={near.get(name, 'ITS_NAME')}" for name in absent]
    options = " ".join(f"--column {shlex.quote(option)}" for option in its)
    fixed = [name for name in absent if name not in near and name in ("annotator", "left", "right")]
    values = " ".join(f"--value {name}=NAME" for name in fixed)
    none = f"; or, where it holds none and every row has the same, {values}" if values else ""
    kept = "".join(f" (beside --column {ours}={its})" for ours, its in columns.items() if ours not in absent)
    which = "which holds it" if len(absent) == 1 else "which hold them"
    return DataError(
        f"{path}: has no column{names}; its columns are {listed}. Say {which}{kept}, as in: {options}{none}"
    )


def nearest(absent: Sequence[str], columns: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    """Our name -> the column that most likely holds it, for those that have one; none is named twice."""
    taken = {normal(columns.get(name, name)) for name in COLUMNS} & set(there)
    found: dict[str, str] = {}
    for guess in (by_own_spelling, by_meaning, by_part, by_spelling):
        for name in absent:
            free = [other for other in there if other not in taken]
            other = guess(name, normal(columns.get(name, name)), free) if name not in found else None
            if other:
                found[name] = there[other]
                taken.add(other)
    return found


def by_own_spelling(name: str, own: str, free: Sequence[str]) -> str | None:
    """The nearest in spelling to what was typed; of our own name, only what is nearly the same."""
    return close(own, free, 0.6 if own != name else 0.85)


def by_meaning(name: str, own: str, free: Collection[str]) -> str | None:
    return next((word for word in SYNONYMS.get(name, ()) if word in free), None)


def by_part(name: str, own: str, free: Iterable[str]) -> str | None:
    """A column that has one of the words in its name: human_label, worker_code."""
    words = {word for word in SYNONYMS.get(name, ()) if len(word) > 3} | {name}
    return next((other for other in free if words & set(other.split("_"))), None)


def by_spelling(name: str, own: str, free: Sequence[str]) -> str | None:
    return close(own, free, 0.6)


def close(word: str, free: Sequence[str], cutoff: float) -> str | None:
    return next(iter(get_close_matches(word, free, n=1, cutoff=cutoff)), None)


def column(record: Mapping[str, Any], keys: Mapping[str, str], own: str) -> Any:
    """A value of a JSON record by the normal form of its name, or by a path as result.choice; "" where it has none."""
    if own in keys:
        return record[keys[own]]
    value: Any = record
    for part in own.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = next((inner for name, inner in value.items() if normal(name) == part), "")
        else:
            return ""
    return value
