"""The gate: pairs that people have judged, put to every judge, so that its accuracy stands beside its results.

A file is JSON lines, a JSON list or CSV with a header: prompt, left, right, choice ("left", "right", "tie"); optionally
id, group and annotator. The same pair may stand there several times, by other annotators: a judge is asked once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from handful.core.errors import DataError
from handful.core.jsonl import dumps
from handful.core.labelled import rows_of
from handful.core.types import Choice, Noun, Turn
from handful.judge.items import ORDERS, Item

NEEDED = ("prompt", "left", "right", "choice")
KNOWN = (*NEEDED, "id", "group", "annotator")
CHOICES = get_args(Choice)


class Label(Noun, frozen=True):
    """What one person said of one pair of the gate. `id` is that of the verdicts on it in gate.jsonl."""

    id: str
    prompt: str
    choice: Choice
    group: str = ""
    annotator: str = ""
    given: str = ""
    """The pair's id in the file, where it has one."""


def read_gate(paths: Sequence[str]) -> tuple[list[Item], list[Label]]:
    """The pairs, each once and in both orders, and every label.

    Raises:
        DataError: a file cannot be read, a row lacks a text or holds another choice, or a named annotator says two
            things of one pair. File and row are named.
    """
    items: dict[str, Item] = {}
    labels: list[Label] = []
    said: dict[tuple[str, str], str] = {}
    for path in map(Path, paths):
        for where, row in rows_of(path, NEEDED):
            item, label = checked(row, where)
            who = label.annotator
            if who and (label.id, who) in said:
                raise DataError(f"{where}: {who!r} has labelled this pair before, at {said[label.id, who]}")
            said[label.id, who] = where
            items.setdefault(item.id, item)
            labels.append(label)
    if paths and not labels:
        raise DataError(f"judge.gate: {', '.join(paths)}: no labelled pair in it")
    return list(items.values()), labels


def checked(row: Any, where: str) -> tuple[Item, Label]:
    """A row as a pair and its label, or a DataError that says what is wrong with it."""
    if not isinstance(row, dict):
        raise DataError(f"{where}: is no object with the fields {', '.join(NEEDED)}")
    missing = [name for name in NEEDED if row.get(name) is None]
    if missing:
        raise DataError(
            f"{where}: has no {missing[0]!r}; a labelled pair has the columns {', '.join(NEEDED)}"
        )
    fields = {name: row[name] for name in KNOWN if row.get(name) is not None}
    for name, value in fields.items():
        if name in ("id", "annotator", "group") and isinstance(value, int):
            fields[name] = str(value)
        elif not isinstance(value, str):
            raise DataError(f"{where}: {name!r} is {value!r:.60}, which is no text")
    choice = fields["choice"].strip().lower()
    if choice not in CHOICES:
        raise DataError(
            f"{where}: the choice is {fields['choice']!r:.60}; it must be one of {', '.join(CHOICES)}"
        )
    if not fields["prompt"].strip():
        raise DataError(f"{where}: the prompt is empty")
    item = pair(fields["prompt"], fields["left"], fields["right"])
    extra = fields.get("group", ""), fields.get("annotator", ""), fields.get("id", "")
    return item, Label(item.id, fields["prompt"], choice, *extra)


def pair(prompt: str, left: str, right: str) -> Item:
    """A pair under an id made of its texts, which no comparison of a study has."""
    digest = hashlib.sha256(dumps([prompt, left, right])).hexdigest()[:12]
    return Item(f"gate-{digest}", "preference", (Turn("user", prompt),), (left, right), ORDERS)
