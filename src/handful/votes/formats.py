"""Files of other evaluation tools: AlpacaEval's annotations, MT-Bench's judgments, PandaLM's test sets, paired reviews.

Each reader knows one vocabulary and refuses a file that is of another kind.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from handful.core.errors import DataError
from handful.votes.plain import FIELD_LIMIT, first_line, opened, records, text
from handful.votes.table import Builder
from handful.votes.words import CODES, NONE, PRESETS, UNREADABLE, Words

Record = dict[str, Any]
Reader = Callable[[Sequence[Path], Builder], None]


def records_of(
    path: Path, builder: Builder, needed: Sequence[str], kind: str
) -> Iterator[tuple[int, Record]]:
    """(line or number, record) of a file.

    Raises:
        DataError: the first record lacks a needed field, so that the file is of another kind.
    """
    builder.begin(path)
    with opened(path) as file:
        for place, (number, record) in enumerate(rows(path, file)):
            if not isinstance(record, dict):
                builder.reject(number, "is not an object of names and values")
                continue
            absent = [name for name in needed if name not in record]
            if absent and place == 0:
                there = ", ".join(list(record)[:12])
                raise DataError(f"{path}: is not a file of {kind}: it has no {absent[0]!r}, but {there}")
            if absent:
                builder.reject(number, f"has no {absent[0]!r}")
                continue
            yield number, record


def rows(path: Path, file: TextIO) -> Iterator[tuple[int, Any]]:
    """(line or number, record) of JSON, or of a table: some of these files are passed on as CSV."""
    if first_line(file, path).lstrip().startswith(("{", "[")):
        yield from records(path, file)
        return
    before = csv.field_size_limit(FIELD_LIMIT)
    table = csv.DictReader(file, strict=True)
    try:
        for row in table:
            yield table.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}:{table.line_num}: {error}") from error
    finally:
        csv.field_size_limit(before)


def named(record: Record, *names: str) -> str:
    """The first of these fields that holds text or a number; "" where none does."""
    return next((found for name in names if (found := text(record.get(name)) or "")), "")


# --- AlpacaEval


def alpaca_eval(paths: Sequence[Path], builder: Builder) -> None:
    """annotations.json: `preference` from 1 (all for output_1) to 2 (all for output_2).

    A tie is 1.5, in older files 0; nothing, or NaN, is a verdict that could not be read. The choice is the side that
    the preference is on, and `score` keeps how far. The files do not say what was shown first.
    """
    builder.shown = False
    builder.words = Words(CODES)
    for path in paths:
        seen: Counter[tuple[str, ...]] = Counter()
        needed = ("instruction", "generator_1", "generator_2", "preference")
        for number, record in records_of(path, builder, needed, "AlpacaEval's annotations"):
            first, second = named(record, "generator_1"), named(record, "generator_2")
            annotator = named(record, "annotator") or "annotator"
            prompt = named(record, "instruction")
            key = (prompt, first, second, annotator)
            seen[key] += 1
            again = f" [{seen[key]}]" if seen[key] > 1 else ""  # the same words, another prompt of the set
            preference = record["preference"]
            if isinstance(preference, str | bool) or not readable(preference):
                builder.reject(number, f"preference is {preference!r}; it must be from 1 to 2, or 0")
                continue
            choice, score = preferred(preference)
            builder.add(number, prompt + again, annotator, first, second, choice, score=score)
    builder.check()


def readable(preference: Any) -> bool:
    """Whether AlpacaEval can have written it; an empty one means that the annotator said nothing readable."""
    return preference is None or math.isnan(preference) or preference == 0 or 1 <= preference <= 2


def preferred(preference: float | None) -> tuple[str, float | None]:
    """(choice, how far it is for output_1) of a preference."""
    if preference is None or math.isnan(preference):
        return UNREADABLE, None
    if preference in (0, 1.5):
        return "tie", 0.5
    return ("left" if preference < 1.5 else "right"), 2 - preference


# --- MT-Bench


def mt_bench(paths: Sequence[Path], builder: Builder) -> None:
    """gpt-4_pair.jsonl (both orders, `g1_winner` and `g2_winner`) and human judgments (`winner`), also together.

    "expert_3" and "author_1" are in the groups expert and author; a judge that is a list, of a model and its prompt, is
    in the group judge under the model's name, anybody else in the group people. "error" is a verdict that could not be
    read.
    """
    builder.words = Words({**PRESETS["models"], "error": NONE, UNREADABLE: NONE})
    for path in paths:
        for number, record in records_of(
            path, builder, ("question_id", "judge"), "MT-Bench's pairwise judgments"
        ):
            if "g1_winner" in record and "g2_winner" in record:
                both_orders(number, record, builder)
            elif "winner" in record and "model_a" in record and "model_b" in record:
                annotator, group = judge_of(record["judge"])
                a, b = named(record, "model_a"), named(record, "model_b")
                builder.add(
                    number,
                    named(record, "question_id"),
                    annotator,
                    a,
                    b,
                    named(record, "winner"),
                    group,
                    named(record, "turn"),
                )
            else:
                raise DataError(
                    f"{path}:{number}: has neither g1_winner and g2_winner nor model_a, model_b and winner: it is no "
                    "pairwise judgment (single-answer grades are not read)"
                )
        builder.check()


def both_orders(number: int, record: Record, builder: Builder) -> None:
    """Two verdicts of a model: model_1 was shown first, then model_2."""
    annotator, group = judge_of(record["judge"])[0], "judge"
    one, two = named(record, "model_1"), named(record, "model_2")
    prompt, turn = named(record, "question_id"), named(record, "turn")
    for winner, first, second in (("g1_winner", one, two), ("g2_winner", two, one)):
        said = named(record, winner)
        side = {"model_1": one, "model_2": two}.get(said, said)
        choice = "model_a" if side == first else "model_b" if side == second else said
        builder.add(number, prompt, annotator, first, second, choice, group, turn)


def judge_of(judge: Any) -> tuple[str, str]:
    """(name, group) of whoever judged."""
    if isinstance(judge, list | tuple) and judge:
        return str(judge[0]), "judge"
    name = text(judge) or ""
    found = re.fullmatch(r"(expert|author)s?[ _-]?\w*", name)
    return name, found[1] if found else "people"


# --- PandaLM


def pandalm(paths: Sequence[Path], builder: Builder) -> None:
    """The test set (annotator1 to annotator3 say 1, 2 or 0, a tie) and models' results on it (`gpt_result` …).

    Results name no systems: the test set must be among the files.
    """
    builder.words = Words({**PRESETS["numbers"], UNREADABLE: NONE})
    sides: dict[str, tuple[str, str, str]] = {}
    results = []
    for path in paths:
        for number, record in records_of(path, builder, ("idx",), "PandaLM's"):
            if "cmp_key" not in record:
                results.append((path, number, record))
                continue
            left, found, right = named(record, "cmp_key").partition("_")
            if not found:
                builder.reject(number, f"cmp_key is {record['cmp_key']!r}, which names no two systems")
                continue
            prompt = f"{named(record, 'instruction')}\n{named(record, 'input')}"
            sides[named(record, "idx")] = (prompt, left, right)
            for name in sorted(key for key in record if re.fullmatch(r"annotator\d+", key)):
                builder.add(
                    number, prompt, name, left, right, named(record, name), "people", named(record, "idx")
                )
        builder.check()
    for path, number, record in results:
        builder.where = str(path)
        add_result(number, record, sides, builder)
    builder.check()


def add_result(number: int, record: Record, sides: dict[str, tuple[str, str, str]], builder: Builder) -> None:
    """A model's verdict on an item of the test set. What is not 1, 2 or 0 is a verdict that could not be read."""
    key = next((name for name in record if name.endswith("_result")), "")
    idx = named(record, "idx")
    if not key or idx not in sides:
        why = (
            "has no field that ends in _result"
            if not key
            else f"idx {idx!r} is in no test set among the files"
        )
        raise DataError(f"{builder.where}:{number}: {why}; name PandaLM's testset-v1.json beside it")
    prompt, left, right = sides[idx]
    said = named(record, key).strip()
    choice = said if said in PRESETS["numbers"] else UNREADABLE
    builder.add(number, prompt, key.removesuffix("_result"), left, right, choice, "judge", idx)


# --- reviews with two scores


SCORES = re.compile(r"\s*(-?\d+(?:\.\d+)?)(?:/10)?[\s,;]+(-?\d+(?:\.\d+)?)(?:/10)?\s*$")


def reviews(paths: Sequence[Path], builder: Builder) -> None:
    """A judge's reviews of Answer1 and Answer2 in both orders, each with two scores in its first line.

    As the scripts around Vicuna's first test set write them: {"data": [{"conversations", "Answer1", "Answer2",
    "review", "review_reverse"}]}. The scores are of the answers as shown, so in `review_reverse` Answer2's is first.
    """
    builder.words = Words(CODES)
    for path in paths:
        for number, record in entries(path, builder):
            prompt = named(record, "conversations", "instruction", "prompt", "question")
            for field, left, right in (
                ("review", "Answer1", "Answer2"),
                ("review_reverse", "Answer2", "Answer1"),
            ):
                if field in record:
                    builder.add(number, prompt, path.stem, left, right, by_scores(named(record, field)))
    builder.check()


def entries(path: Path, builder: Builder) -> Iterator[tuple[int, Record]]:
    """The records under "data", whether the file is on one line or on many."""
    builder.begin(path)
    with opened(path) as file:
        found = list(records(path, file))
    if len(found) == 1 and isinstance(found[0][1], dict) and isinstance(found[0][1].get("data"), list):
        found = list(enumerate(found[0][1]["data"], start=1))
    for number, record in found:
        if not isinstance(record, dict) or not named(record, "review"):
            raise DataError(f"{path}:{number}: has no 'review'; it is not a file of paired reviews")
        yield number, record


def by_scores(review: str) -> str:
    """left, right or tie, by the two scores of the first line; "none" where there are not two."""
    found = SCORES.match(review.strip().split("\n", 1)[0])
    if not found or min(float(found[1]), float(found[2])) < 0:
        return UNREADABLE
    first, second = float(found[1]), float(found[2])
    return "left" if first > second else "right" if second > first else "tie"


READERS: dict[str, Reader] = {
    "alpaca_eval": alpaca_eval,
    "mt_bench": mt_bench,
    "pandalm": pandalm,
    "reviews": reviews,
}
