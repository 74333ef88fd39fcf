"""CSV, exact and fast: read by pyarrow where the file is large and pyarrow installed, else by Python's csv module.

pyarrow reads twice as fast and gives the same fields. At what it refuses (a row of too few fields, a quotation
mark that is never closed, bytes that are no UTF-8) the csv module takes over, which is lenient. Bytes that are not
UTF-8 become U+FFFD and are counted.
"""

from __future__ import annotations

import codecs
import csv
import importlib.util
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from handful.core.errors import DataError

BLOCK = 1 << 20
LARGE = 1 << 20
"""Bytes of a file from which on the tenth of a second that pyarrow takes to import, once, is worth it."""
CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LAST = "\x1a"
"""A line of our own behind the last: where it is no row of its own, the row before it has no end."""
MAX_LOST = 20
MAX_LOST_SHARE = 0.5
"""More lines behind a quotation mark that is never closed than both mean that the file cannot be read as CSV."""
REPLACEMENT = "\ufffd".encode()


class Text:
    """A file of text, how many of its characters could not be read, and what was lost at its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable = 0
        self.lost = ""
        """In words, where a quotation mark is never closed."""


class Cleaned(io.RawIOBase):
    """A file's bytes without control characters, and `tail` behind them as it is. No piece ends between "\\r" and
    "\\n", where pyarrow loses a line."""

    def __init__(self, path: Path, tail: bytes = b"") -> None:
        self.file = path.open("rb")
        self.tail = io.BytesIO(tail)
        self.held = b""
        self.replaced = 0
        """Characters U+FFFD so far."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = BLOCK) -> bytes:
        more = self._more(size - len(self.held))
        piece, self.held = self.held + more, b""
        if more and len(piece) > 1 and piece.endswith(b"\r"):
            piece, self.held = piece[:-1], b"\r"
        self.replaced += piece.count(REPLACEMENT)
        return piece

    def _more(self, size: int) -> bytes:
        while raw := self.file.read(size):
            if kept := without_controls(raw):
                return kept
        return self.tail.read(size)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.file.close()
        super().close()


def without_controls(raw: bytes) -> bytes:
    """UTF-8 without control characters. Nearly all text has none, which is quick to see."""
    return raw.translate(None, CONTROLS) if any(control in raw for control in CONTROLS) else raw


def read_rows(text: Text, width: int, places: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Each row's fields at `places`, "" where it is too short. The first row is the header.

    Args:
        width: fields of a row that is not odd.

    Raises:
        DataError: the csv module cannot read the file, or most of it lies behind a quotation mark that is never closed.
    """
    done = 0
    if text.path.stat().st_size >= LARGE and importlib.util.find_spec("pyarrow"):
        from handful.sources.wikihow import arrow

        held: list[tuple[str, ...]] = []
        with Cleaned(text.path, f"\n{','.join([LAST] * width)}\n".encode()) as file:
            try:
                for rows in arrow.batches(file, width, places, BLOCK):
                    yield from held
                    done += len(held)
                    held = rows
            except arrow.Refused:
                pass
            else:
                if held[-1] == (LAST,) * len(places):
                    yield from held[:-1]
                    text.unreadable = file.replaced
                    return
    yield from islice(all_rows(text, places), done, None)


def all_rows(text: Text, places: Sequence[int]) -> Iterator[tuple[str, ...]]:
    csv.field_size_limit(sys.maxsize)
    least = max(places) + 1
    start = 0
    try:
        with opened(text.path) as file:
            reader = csv.reader(chain(counted(file, text), (LAST,)))
            for row in reader:
                if row and row[-1].endswith(LAST):
                    text.lost = lost(text.path, start + 1, reader.line_num - 1) if row != [LAST] else ""
                    return
                start = reader.line_num
                if len(row) >= least:
                    yield tuple([row[place] for place in places])
                elif row:
                    yield tuple([row[place] if place < len(row) else "" for place in places])
    except csv.Error as error:
        raise DataError(f"{text.path}: cannot be read as CSV ({error})") from error


def lost(path: Path, first: int, last: int) -> str:
    """Why the row of these lines, the last of a file, is left out. Raises DataError where the file is mostly that."""
    lines = last - first + 1
    behind = f"a quotation mark opens in this row and is never closed: {lines:,} of {last:,} lines"
    if lines > MAX_LOST and lines > MAX_LOST_SHARE * last:
        raise DataError(
            f"{path}:{first}: {behind} are one field; close it, or fetch the file again if it was cut off"
        )
    return f"{path.name}:{first}: {behind} are left out"


def opened(path: Path) -> io.TextIOWrapper:
    with path.open("rb") as file:
        if file.read(2) in UTF_16:
            return path.open(encoding="utf-16", errors="replace", newline="")
    file = io.BufferedReader(Cleaned(path), BLOCK)
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")


def counted(lines: Iterable[str], text: Text) -> Iterator[str]:
    text.unreadable = 0
    for line in lines:
        text.unreadable += line.count("\ufffd")
        yield line


def header_of(path: Path) -> tuple[str, ...]:
    """The fields of the first row; none for an empty file."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    encoding = "utf-16" if head.startswith(UTF_16) else "utf-8-sig"
    text = head.decode(encoding, "replace").replace("\0", "")
    return tuple(next((row for row in csv.reader(io.StringIO(text, newline="")) if row), ()))
