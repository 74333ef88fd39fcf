"""The gate: pairs that people have judged, put to every judge, so that its accuracy stands beside its results.

A file is JSON lines, a JSON list or CSV with a header: prompt, left, right, choice ("left", "right", "tie"); optionally
id, group and annotator. The same pair may stand there several times, by other annotators: a judge is asked once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from handful.core.errors import DataError
from handful.core.jsonl import dumps
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
        for where, row in rows_of(path):
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


def rows_of(path: Path) -> Iterator[tuple[str, Any]]:
    """(file and line or row, the row) of each."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    start = text.lstrip()[:1]
    if start == "[":
        yield from of_list(path, text)
    elif start == "{":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"{path}:{number}", from_json(line, f"{path}:{number}")
    elif start:
        yield from of_csv(path, text)


def from_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is no JSON ({error})") from error


def of_list(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, row in enumerate(from_json(text, str(path)), start=1):
        yield f"{path}, row {number}", row


def of_csv(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in NEEDED if name not in header]
        if missing:
            raise DataError(
                f"{path}: has no column {missing[0]!r}; labelled pairs have the columns {', '.join(NEEDED)}, "
                f"this file has {', '.join(header)[:200]}"
            )
        reader.fieldnames = header
        for row in reader:
            yield f"{path}:{reader.line_num}", row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: is no CSV that can be read ({error})") from error
