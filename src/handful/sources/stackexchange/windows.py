"""A Posts.xml as one window after the other, each cut at every "<": inside a row there is none but the first byte's.

A piece is what lies between one "<" and the next: nearly always a row, with the space behind it; else the file's head
or foot, or a part of a row that is not as it should be. Pieces follow each other without gaps.
"""

from __future__ import annotations

from io import BufferedIOBase
from math import inf
from typing import IO, cast

import numpy as np

from handful.core.errors import DataError
from handful.sources.stackexchange.fronts import FRONT, Column
from handful.sources.stackexchange.rows import MARK, MAX_ROW

SIZE = 1 << 21
"""Bytes read at a time: a few thousand rows, so that numpy's calls cost little; they still lie in the cache."""


class Window:
    """The bytes from `position` on, and the pieces that end in them.

    `memory` is read into again and again, and longer than what is read: behind it stands what was there before.
    """

    def __init__(self, file: IO[bytes], position: int, stop: float) -> None:
        self.read = cast(BufferedIOBase, file).readinto
        self.position = position
        self.stop = stop
        self.edge = inf
        """Where the first line begins that the range does not have."""
        self.starts = self.ends = np.empty(0, np.int64)
        self.size = 0
        self.more = position < stop
        self.allot(SIZE)

    def allot(self, size: int) -> None:
        self.memory = bytearray(size + FRONT)
        self.bytes = np.frombuffer(self.memory, np.uint8)
        self.marks = np.empty(size, np.bool_)

    def advance(self) -> bool:
        """Move on, to the pieces behind those seen. False where there are no more.

        Raises:
            DataError: a piece is longer than any row.
        """
        if not self.more:
            return False
        held = self.keep()
        read = self.read(memoryview(self.memory)[held : len(self.memory) - FRONT]) or 0
        self.size = held + read
        self.more = read > 0
        self.starts, self.ends = self.pieces(held)
        self.cut()
        return True

    def keep(self) -> int:
        """Bring what is left of the last window, a piece without its end, to the front. Returns its size."""
        seen = int(self.ends[-1]) if len(self.ends) else 0
        rest = self.memory[seen : self.size]
        if len(rest) >= MAX_ROW:
            raise DataError(
                f"has a row of more than {MAX_ROW:,} bytes; this is not a Posts.xml as in the dump"
            )
        if 2 * len(rest) > len(self.marks):
            self.allot(2 * len(self.marks))
        self.memory[: len(rest)] = rest
        self.position += seen
        return len(rest)

    def pieces(self, held: int) -> tuple[Column, Column]:
        """Where each begins and ends. The bytes held have no "<" but, perhaps, at the very front."""
        fresh = np.equal(self.bytes[held : self.size], ord("<"), out=self.marks[held : self.size])
        bounds = np.flatnonzero(fresh) + held
        if not self.more:
            bounds = np.append(bounds, self.size)
        bounds = bounds[bounds > 0]
        return np.concatenate((np.zeros(min(1, len(bounds)), np.int64), bounds[:-1])), bounds

    def cut(self) -> None:
        """Leave out what is of the next range: all from the first row on in the lines that start at `stop` or later.

        What stands there before that row is the rest of a row of this range.
        """
        if self.position + self.size < self.stop:
            return
        if self.edge == inf:
            feed = self.memory.find(b"\n", max(0, int(self.stop) - 1 - self.position), self.size)
            self.edge = self.position + feed + 1 if feed >= 0 else inf
        for index in np.flatnonzero(self.starts + self.position >= self.edge).tolist():
            if MARK.match(self.memory, int(self.starts[index]), self.size):
                self.starts, self.ends, self.more = self.starts[:index], self.ends[:index], False
                return
