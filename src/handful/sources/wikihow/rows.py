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
from itertools import islice
from pathlib import Path

from handful.core.errors import DataError

BLOCK = 1 << 20
LARGE = 1 << 20
"""Bytes of a file from which on the tenth of a second that pyarrow takes to import, once, is worth it."""
CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
REPLACEMENT = "\ufffd".encode()


class Text:
    """A file of text, and how many of its characters could not be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable = 0


class Cleaned(io.RawIOBase):
    """A file's bytes without control characters. No piece ends between "\\r" and "\\n", where pyarrow loses a line."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.held = b""
        self.replaced = 0
        """Characters U+FFFD so far."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = BLOCK) -> bytes:
        piece = b""
        while not piece and (raw := self.file.read(size - len(self.held))):
            piece = self.held + without_controls(raw)
            self.held = b"\r" if len(piece) > 1 and piece.endswith(b"\r") else b""
            piece = piece.removesuffix(self.held)
        if not piece:
            piece, self.held = self.held, b""
        self.replaced += piece.count(REPLACEMENT)
        return piece

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
        DataError: the csv module cannot read the file.
    """
    done = 0
    if text.path.stat().st_size >= LARGE and importlib.util.find_spec("pyarrow"):
        from handful.sources.wikihow import arrow

        with Cleaned(text.path) as file:
            try:
                for rows in arrow.batches(file, width, places, BLOCK):
                    yield from rows
                    done += len(rows)
            except arrow.Refused:
                pass
            else:
                text.unreadable = file.replaced
                return
    yield from islice(all_rows(text, places), done, None)


def all_rows(text: Text, places: Sequence[int]) -> Iterator[tuple[str, ...]]:
    csv.field_size_limit(sys.maxsize)
    least = max(places) + 1
    try:
        with opened(text.path) as file:
            for row in csv.reader(counted(file, text)):
                if len(row) >= least:
                    yield tuple([row[place] for place in places])
                elif row:
                    yield tuple([row[place] if place < len(row) else "" for place in places])
    except csv.Error as error:
        raise DataError(f"{text.path}: cannot be read as CSV ({error})") from error


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
