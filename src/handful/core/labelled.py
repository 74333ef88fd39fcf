"""Files of labelled pairs: JSON lines, a JSON list, or CSV with a header; a row each, with where it stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handful.core.errors import DataError


def rows_of(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """(file and line or row, the row) of each.

    Args:
        needed: the columns that CSV must have. What a row of JSON lacks is for the caller to say.

    Raises:
        DataError: the file cannot be read; says where.
    """
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
        yield from of_csv(path, text, needed)


def from_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is no JSON ({error})") from error


def of_list(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, row in enumerate(from_json(text, str(path)), start=1):
        yield f"{path}, row {number}", row


def of_csv(path: Path, text: str, needed: Sequence[str]) -> Iterator[tuple[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in needed if name not in header]
        if missing:
            raise DataError(
                f"{path}: has no column {missing[0]!r}; labelled pairs have the columns {', '.join(needed)}, "
                f"this file has {', '.join(header)[:200]}"
            )
        reader.fieldnames = header
        for row in reader:
            yield f"{path}:{reader.line_num}", row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: is no CSV that can be read ({error})") from error
