"""Rows of a JSON file: one list, or one row a line. A row that cannot be read is told in its place.

Lines are read one at a time, a list whole. A few bad rows are a matter of the reader, which drops them by rule. A
file of which most lines are none is damaged, or of another kind, and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from handful.core.beginnings import ENOUGH, foreign
from handful.core.errors import DataError

BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BOM = b"\xef\xbb\xbf"
MAX_BROKEN = 20
MAX_BROKEN_SHARE = 0.5
"""More lines that are not JSON than both mean a damaged file, or one of another kind."""


class BadRow(ValueError):
    """A row that cannot be used. Says why."""


def rows(path: Path, tidy: Callable[[bytes], bytes] = bytes) -> Iterator[tuple[str, Any]]:
    """Yield where each row stands ("file.jsonl:12", "file.json: row 12") and the row, or a BadRow in its place.

    Args:
        tidy: is handed the bytes of each line, or of the whole list, before they are decoded.

    Raises:
        DataError: the file is empty or of another kind, a list that cannot be read, or mostly no JSON.
    """
    with path.open("rb") as file:
        head = file.read(ENOUGH).removeprefix(BOM).lstrip()
        file.seek(0)
        if not head and not file.read().removeprefix(BOM).strip():
            raise DataError(f"{path}: is empty")
        file.seek(0)
        if words := foreign(head):
            raise DataError(f"{path}: {words}")
        if head.startswith(b"["):
            found = _list(path, tidy(file.read().removeprefix(BOM)))
            yield from ((f"{path.name}: row {number}", row) for number, row in enumerate(found, start=1))
            return
        row: Any
        lines = broken = 0
        first = ""
        for number, line in enumerate(file, start=1):
            line = tidy(line.removeprefix(BOM) if number == 1 else line).strip()
            if not line:
                continue
            lines += 1
            try:
                row = msgspec.json.decode(line)
            except BAD_JSON as error:
                row = BadRow(f"not JSON ({error})")
                broken += 1
                first = first or f"line {number}: {error}"
            yield f"{path.name}:{number}", row
        if broken == lines or (broken > MAX_BROKEN and broken > MAX_BROKEN_SHARE * lines):
            raise DataError(
                f"{path}: {broken:,} of {lines:,} lines are not JSON, the first in {first}; "
                "it must hold one JSON object a line, or one list of them"
            )


def _list(path: Path, content: bytes) -> list[Any]:
    try:
        found = msgspec.json.decode(content, type=list[Any])
    except BAD_JSON as error:
        try:
            found = _row_by_row(content)
        except (ValueError, RecursionError):
            raise DataError(
                f"{path}: begins as a JSON list, and cannot be read as one ({error}); "
                "where it was cut off, fetch it again"
            ) from error
    if not found:
        raise DataError(f"{path}: is an empty list")
    return found


def _row_by_row(content: bytes) -> list[Any]:
    """The rows of a list of which some hold what no text should. The standard library reads them all, and lets the
    good ones be told from the bad."""
    found = json.loads(content.decode(errors="surrogateescape"), strict=False)
    return [
        row if _is_text(row) else BadRow("holds half a surrogate pair, or bytes that are no UTF-8")
        for row in found
    ]


def _is_text(row: Any) -> bool:
    try:
        msgspec.json.encode(row)
    except UnicodeEncodeError:
        return False
    return True
