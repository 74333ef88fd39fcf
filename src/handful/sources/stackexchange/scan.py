"""One pass over the rows of a Posts.xml: four numbers a post into tables, nothing unescaped, no text kept.

The rows of the dump have the same attributes at their front, which are read from thousands at once; only what is not
in that form is looked at again, with care: rows in another order, with a "<" inside, or broken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BufferedReader
from itertools import pairwise
from typing import IO

import numpy as np

from handful.core.errors import DataError
from handful.core.types import Dropped
from handful.run.engine import report
from handful.sources.stackexchange.fronts import ANSWERED, ASKED, ODD, Column, Fronts, read_fronts
from handful.sources.stackexchange.rows import (
    MARK,
    MAX_ROW,
    QUESTION,
    Fault,
    Post,
    glance,
)
from handful.sources.stackexchange.tables import PLACES, Tables
from handful.sources.stackexchange.windows import Window

END = (b"/>\r\n", b"/>\n")
FIRST = 9
"""Bytes of a line before which its own "<row" begins, in the form of the dump."""
WHOLE = float("inf")
LONGEST = MAX_ROW - 1
HEAD = 1 << 16
LOOK = 1 << 26
"""Bytes between two looks at how many rows were broken, and two reports of bytes read."""
MAX_BROKEN = 20
MAX_BROKEN_SHARE = 0.001
"""More broken rows than both mean another format, or a badly damaged file."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two numeric rules of `clean` that can be applied while reading, without losing what it would keep."""

    min_answer_score: int = -(10**9)
    min_chars: int = 0


@dataclass(slots=True)
class Scan:
    """What a pass counted, and the rows that it could not use."""

    posts: int = 0
    questions: int = 0
    answers: int = 0
    broken: int = 0
    faults: list[Dropped] = field(default_factory=list)

    def fault(self, site: str, *faults: Fault) -> None:
        self.broken += sum(fault.rule != "fabricated_post" for fault in faults)
        self.faults += [Dropped(f"{site}/{fault.id}", fault.rule, fault.detail) for fault in faults]


def scan(
    site: str,
    file: IO[bytes],
    tables: Tables,
    bounds: Bounds,
    spill: IO[bytes] | None = None,
    position: int = 0,
    stop: float = WHOLE,
) -> Scan:
    """Read the rows that start before the byte `stop` into `tables`.

    Args:
        file: stands at the byte `position`.
        spill: gets a copy of each row that may be wanted, and places are those in it; else they are those in `file`.

    Raises:
        DataError: a row is longer than any of the dump, or far too many rows of a whole file are broken. Names no file.
    """
    seen = Scan()
    careful = Careful(site, tables, bounds, spill, seen)
    window = Window(file, position, stop)
    looked = position
    while window.advance():
        read_window(window, careful)
        if window.position - looked >= LOOK:
            report(window.position - looked)
            looked = window.position
            if stop == WHOLE:
                check_broken(seen.broken, seen.posts)
    careful.close()
    report(max(0, min(window.position + window.size, stop) - looked))  # a window may go beyond the range
    if stop == WHOLE:  # a range may be small, and hold all that is broken of a large file
        check_broken(seen.broken, seen.posts)
    return seen


def read_window(window: Window, careful: Careful) -> None:
    """Add the rows of a window to the tables, in their order: runs of ordinary ones at once, what is odd with care."""
    starts, ends = window.starts, window.ends
    fronts = read_fronts(window.bytes, starts, ends)
    places = places_of(window, fronts, careful)
    asked, taken = fronts.kind == ASKED, fronts.kind >= ASKED
    table = np.column_stack(
        (
            np.where(asked, fronts.id, fronts.parent),
            np.where(asked, 0, fronts.id),
            np.where(asked, 0, fronts.score),
            places,
        )
    )[taken]
    seen, questions = careful.seen, int(asked.sum())
    seen.posts += int((fronts.kind != ODD).sum())
    seen.questions += questions
    seen.answers += len(table) - questions
    done, before = 0, np.cumsum(taken)
    for first, last in runs(np.flatnonzero(fronts.kind == ODD)):
        if first:
            careful.close()
        careful.tables.add(table[done : before[first]])
        done = before[first]
        begin, end = int(starts[first]), int(ends[last])
        careful.read(bytes(window.memory[begin:end]), window.position + begin)
    if len(starts) and fronts.kind[-1] != ODD:  # it begins with a mark, so what was open is whole
        careful.close()
    careful.tables.add(table[done:])


def places_of(window: Window, fronts: Fronts, careful: Careful) -> Column:
    """The place of each row that may be wanted, and of other answers what the table says instead.

    An answer that is good enough but whose body has no end becomes ODD.
    """
    starts, sizes, find = window.starts, window.ends - window.starts, window.memory.find
    good = np.flatnonzero((fronts.kind == ANSWERED) & (fronts.score >= careful.bounds.min_answer_score))
    bodies = zip(fronts.body[good].tolist(), window.ends[good].tolist(), strict=True)
    bytes_of = np.array([find(b'"', begin, end) - begin for begin, end in bodies], np.int64)
    fronts.kind[good[bytes_of < 0]] = ODD
    long_enough = bytes_of >= careful.bounds.min_chars
    places = np.full(len(starts), -1)
    places[good] = -1 - bytes_of
    wanted = fronts.kind == ASKED
    wanted[good] = long_enough & (bytes_of >= 0)
    at = window.position + starts[wanted]
    if careful.spill is not None:
        at = careful.copy_all(window.memory, starts[wanted], sizes[wanted])
    places[wanted] = at * PLACES + sizes[wanted]
    return places


def runs(indices: Column) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of numbers that follow each other."""
    for run in np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1) if len(indices) else ():
        yield int(run[0]), int(run[-1])


def lines_of(file: IO[bytes]) -> Callable[[int], bytes]:
    """The file's `readline`; or, where rows are not set apart by line feeds, one that ends each at its own end."""
    head = file.peek(HEAD)[:HEAD] if isinstance(file, BufferedReader) else b""
    if head.count(b"<row") < 3 or head.count(b"\n") >= head.count(b"<row") - 2:
        return file.readline
    held = b""

    def read_row(limit: int) -> bytes:
        nonlocal held
        while (end := held.find(b"/>")) < 0 and len(held) < limit and (more := file.read(HEAD)):
            held += more
        end = len(held) if end < 0 else end + 2
        row, held = held[:end], held[end:]
        return row

    return read_row


class Careful:
    """Reads what is not a whole row on a line of its own, and copies rows where they have to be copied."""

    def __init__(
        self, site: str, tables: Tables, bounds: Bounds, spill: IO[bytes] | None, seen: Scan
    ) -> None:
        self.site = site
        self.tables = tables
        self.bounds = bounds
        self.spill = spill
        self.seen = seen
        self.copied = 0
        self.open = b""
        """A row that may go on, from its mark on."""
        self.start = 0
        """Where it begins."""

    def copy(self, row: bytes) -> int:
        """Keep a copy of a row, and tell its place."""
        assert self.spill is not None
        self.spill.write(row)
        place = self.copied * PLACES + len(row)
        self.copied += len(row)
        return place

    def copy_all(self, memory: bytearray, starts: Column, sizes: Column) -> Column:
        """Keep copies of many rows, and tell where each begins in the copies."""
        assert self.spill is not None
        view = memoryview(memory)
        self.spill.writelines(
            view[start:end] for start, end in zip(starts.tolist(), (starts + sizes).tolist(), strict=True)
        )
        ends = self.copied + np.cumsum(sizes)
        self.copied += int(sizes.sum())
        return ends - sizes

    def read(self, line: bytes, position: int) -> None:
        """What is no row as it should be: the dump's head and foot, a part of a row, or several of them.

        The last row stays open until `close`, or until the text behind it, which comes next, shows another mark.
        """
        if len(self.open) + len(line) >= LONGEST:
            raise DataError(
                f"has a row of more than {MAX_ROW:,} bytes; this is not a Posts.xml as in the dump"
            )
        if self.open:
            line, position = self.open + line, self.start
        self.open = b""
        marks = [found.start() for found in MARK.finditer(line)]
        for start, end in pairwise(marks):
            self.put(line[start:end], position + start)
        if marks:
            self.open, self.start = line[marks[-1] :], position + marks[-1]

    def close(self) -> None:
        if self.open:
            self.put(self.open, self.start)
            self.open = b""

    def put(self, row: bytes, position: int) -> None:
        """Take a row, from its mark to before the next, into the tables or among the faults."""
        self.seen.posts += 1
        post = glance(row[len(b"<row") :])
        if isinstance(post, Fault):
            self.seen.fault(self.site, replace(post, id=post.id or "unreadable"))
        elif post is not None:
            self.add(post, row, position)

    def add(self, post: Post, row: bytes, position: int) -> None:
        asked = post.type == QUESTION
        question = post.id if asked else post.parent
        if asked:
            self.seen.questions += 1
        else:
            self.seen.answers += 1
        place = -1
        if asked or (post.score >= self.bounds.min_answer_score and post.size >= self.bounds.min_chars):
            place = position * PLACES + len(row) if self.spill is None else self.copy(row)
        elif post.score >= self.bounds.min_answer_score:
            place = -1 - post.size
        row_of_table = (question, 0 if asked else post.id, 0 if asked else post.score, place)
        self.tables.add(np.array([row_of_table], np.int64))


def is_closed(row: bytes) -> bool:
    """Whether a row has its end. Text cannot look like one: in the dump every "<" and ">" of a text is escaped."""
    return b"/>" in row or b"</row" in row


def check_broken(broken: int, posts: int) -> None:
    if broken > MAX_BROKEN and broken > MAX_BROKEN_SHARE * posts:
        raise DataError(
            f"{broken:,} of {posts:,} rows cannot be read (at most {MAX_BROKEN_SHARE:.1%} may be broken); "
            "the file is damaged, or not in the form of the dump"
        )
