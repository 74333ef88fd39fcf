"""Pairs with a known answer: those to practise on, and the checks among the items; and what people agree to.

A file of pairs has the columns of a gate: prompt, left, right, choice ("left", "right", "tie"), optionally id and
explanation. The three practice pairs that come with Handful were written by a language model (practice.toml).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, cast, get_args

from handful.annotate.items import Content, Item, Kind, Study, held
from handful.core.errors import DataError
from handful.core.jsonl import dumps
from handful.core.labelled import rows_of
from handful.core.types import Choice, Turn
from handful.recipe.evaluation import Annotate

NEEDED = ("prompt", "left", "right", "choice")
PACKAGE = "handful.annotate"


def practice_of(params: Annotate, study: Study) -> list[Item]:
    """The pairs to practise on: the recipe's, else ours; none of ours where no preference is asked.

    Raises:
        DataError: a file cannot be read, or there is nothing in the study that it practises.
    """
    if params.practice:
        return read_pairs(params.practice, study, "practice")
    if "preference" not in study.tasks:
        return []
    text = (files(PACKAGE) / "practice.toml").read_text(encoding="utf-8")
    rows = ((f"practice.toml, pair {n}", row) for n, row in enumerate(tomllib.loads(text)["pair"], start=1))
    return pairs_of(rows, study, "practice")


def checks_of(params: Annotate, study: Study) -> list[Item]:
    """The pairs whose answer is known, to be spread among each person's items."""
    return read_pairs(params.checks, study, "check")


def consent_of(params: Annotate) -> str:
    """What people agree to before they start, as Markdown.

    Raises:
        DataError: a file cannot be read, or is empty.
    """
    if not params.consent:
        return (files(PACKAGE) / "consent.md").read_text(encoding="utf-8")
    texts = []
    for path in params.consent:
        try:
            texts.append(Path(path).read_text(encoding="utf-8-sig").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"annotate.consent: {path}: cannot be read ({error})") from error
        if not texts[-1]:
            raise DataError(f"annotate.consent: {path}: is empty; write what people agree to")
    return "\n\n".join(texts) + "\n"


def read_pairs(paths: Sequence[str], study: Study, kind: Kind) -> list[Item]:
    """The pairs of some files, each once.

    Raises:
        DataError: a file cannot be read, a row lacks a text or holds another choice, two rows of one pair say
            different things, or the study does not ask for preferences. File and row are named.
    """
    name = "annotate.checks" if kind == "check" else "annotate.practice"
    if paths and "preference" not in study.tasks:
        raise DataError(
            f'{name}: these are pairs of answers, but people are not asked for a "preference"; take them out'
        )
    found = pairs_of((row for path in paths for row in rows_of(Path(path), NEEDED)), study, kind)
    if paths and not found:
        raise DataError(f"{name}: {', '.join(paths)}: no pair in it")
    return found


def pairs_of(rows: Iterable[tuple[str, Any]], study: Study, kind: Kind) -> list[Item]:
    found: dict[str, Item] = {}
    places: dict[str, str] = {}
    for where, row in rows:
        item = checked(row, where, study.instructions["preference"], kind)
        before = found.get(item.key)
        if before is not None and before.known_text != item.known_text:
            raise DataError(f"{where}: this pair has another choice at {places[item.key]}; keep one of them")
        found.setdefault(item.key, item)
        places.setdefault(item.key, where)
    return list(found.values())


def checked(row: Any, where: str, told: str, kind: Kind) -> Item:
    """A row as an item, or a DataError that says what is wrong with it."""
    if not isinstance(row, dict):
        raise DataError(f"{where}: is no object with the fields {', '.join(NEEDED)}")
    texts = {name: row.get(name) for name in (*NEEDED, "explanation", "id")}
    for name, value in texts.items():
        if name in NEEDED and value is None:
            raise DataError(f"{where}: has no {name!r}; a labelled pair has the columns {', '.join(NEEDED)}")
        if value is not None and not isinstance(value, str) and not (name == "id" and isinstance(value, int)):
            raise DataError(f"{where}: {name!r} is {value!r:.60}, which is no text")
    prompt, left, right, choice = (str(texts[name]).strip() for name in NEEDED)
    if choice.lower() not in get_args(Choice):
        raise DataError(
            f"{where}: the choice is {choice!r:.60}; it must be one of {', '.join(get_args(Choice))}"
        )
    if not prompt:
        raise DataError(f"{where}: the prompt is empty")
    shown = Content((Turn("user", prompt),), (left, right))
    name = str(texts["id"] or f"{kind}-{hashlib.sha256(dumps([prompt, left, right])).hexdigest()[:12]}")
    return held(
        "preference",
        told,
        shown,
        subject=name[:64],
        kind=kind,
        known=cast(Choice, choice.lower()),
        explanation=str(texts["explanation"] or "").strip(),
    )
