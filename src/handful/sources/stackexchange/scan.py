"""One pass over the rows of a Posts.xml: four numbers a post into tables, nothing unescaped, no text kept.

The dump has one row a line, with the same attributes at its front. One pattern reads those; only what it does not fit
is looked at again, with care: rows in another order, over several lines, several on a line, or broken off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from io import BufferedReader
from itertools import chain, islice, pairwise
from typing import IO

import numpy as np

from handful.core.errors import DataError
from handful.core.types import Dropped
from handful.run.engine import report
from handful.sources.stackexchange.rows import (
    FABRICATED,
    FALSE_POST,
    MARK,
    MAX_ROW,
    QUESTION,
    Fault,
    Post,
    glance,
)
from handful.sources.stackexchange.tables import PLACES, Table, Tables

FRONT = re.compile(
    rb'\s*<row Id="(\d{1,18})" PostTypeId="(?:1"(?: AcceptedAnswerId="\d+")?|2" ParentId="(\d{1,18})")'
    rb' CreationDate="[^"]*" Score="(-?\d{1,9})"(?: ViewCount="\d*")? Body="'
)
OTHER_TYPE = re.compile(rb'\s*<row Id="\d{1,18}" PostTypeId="(?:[03-9]|\d\d+)"[^<]*/>\s*\Z')
END = (b"/>\r\n", b"/>\n")
FIRST = 9
"""Bytes of a line before which its own "<row" begins, in the form of the dump."""
NOBODY = b"0"
WHOLE = float("inf")
LONGEST = MAX_ROW - 1
HEAD = 1 << 16
BLOCK = 50_000
"""Rows between two looks at how many were broken, and at memory, and two reports of bytes read."""
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
        DataError: a line is longer than any row, or far too many rows of a whole file are broken. Names no file.
    """
    seen = Scan()
    careful = Careful(site, tables, bounds, spill, seen)
    columns = Columns()
    add_id, add_parent, add_score = columns.ids.append, columns.parents.append, columns.scores.append
    add_place = columns.places.append
    front, other_type = FRONT.match, OTHER_TYPE.match
    least, size = bounds.min_answer_score, bounds.min_chars
    lines: Iterator[bytes] = iter(partial(lines_of(file), LONGEST), b"")
    while position < stop and (first := next(lines, b"")):
        others, begin = 0, position
        for line in chain((first,), islice(lines, BLOCK - 1)):
            if position >= stop:
                lines = chain((line,), lines)
                break
            length = len(line)
            found = front(line)
            if found is not None and line.endswith(END) and line.find(b"<", FIRST) < 0:
                id, parent, score = found.groups()
                add_id(id)
                add_score(score)
                if parent is None:
                    add_parent(NOBODY)
                    add_place(position * PLACES + length if spill is None else careful.copy(line))
                else:
                    add_parent(parent)
                    if int(score) < least:
                        add_place(-1)
                    elif (body := line.find(b'"', found.end()) - found.end()) < size:
                        add_place(-1 - body)
                    else:
                        add_place(position * PLACES + length if spill is None else careful.copy(line))
            elif other_type(line):
                others += 1
            else:
                careful.read(line, position)
            position += length
        seen.posts += others
        tables.add(columns.table(site, seen))
        report(position - begin)
        if stop == WHOLE:
            check_broken(seen.broken, seen.posts)
    careful.end(lines)
    if stop == WHOLE:  # a range may be small, and hold all that is broken of a large file
        check_broken(seen.broken, seen.posts)
    return seen


class Columns:
    """The numbers of posts as the bytes that they are in the file, until there are enough to turn at once."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.parents: list[bytes] = []
        self.scores: list[bytes] = []
        self.places: list[int] = []

    def table(self, site: str, seen: Scan) -> Table:
        """The rows gathered so far, which are forgotten. Counts them, and sets the dump's own false posts aside."""
        count = len(self.ids)
        ids, parents, scores = (
            np.fromiter(map(int, column), np.int64, count) for column in (self.ids, self.parents, self.scores)
        )
        asked = parents == 0
        rows = np.column_stack(
            (
                np.where(asked, ids, parents),
                np.where(asked, 0, ids),
                np.where(asked, 0, scores),
                np.array(self.places, np.int64),
            )
        )
        for column in (self.ids, self.parents, self.scores, self.places):
            column.clear()
        false = ids >= FABRICATED
        seen.posts += count
        if false.any():
            seen.fault(site, *(Fault("fabricated_post", str(id), FALSE_POST) for id in ids[false].tolist()))
            rows, asked = rows[~false], asked[~false]
        seen.questions += int(asked.sum())
        seen.answers += len(asked) - int(asked.sum())
        return rows


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
        """A row that has no end yet, from its mark on."""
        self.start = 0
        """Where it begins."""

    def copy(self, row: bytes) -> int:
        """Keep a copy of a row, and tell its place."""
        assert self.spill is not None
        self.spill.write(row)
        place = self.copied * PLACES + len(row)
        self.copied += len(row)
        return place

    def read(self, line: bytes, position: int) -> None:
        """A line that is no row as it should be: the dump's head and foot, a part of a row, or several of them."""
        if len(self.open) + len(line) >= LONGEST:
            raise DataError(
                f"has a row of more than {MAX_ROW:,} bytes; this is not a Posts.xml as in the dump"
            )
        if self.open and position == self.start + len(self.open):
            line, position = self.open + line, self.start
        else:
            self.close()
        self.open = b""
        marks = [found.start() for found in MARK.finditer(line)]
        for start, end in pairwise([*marks, len(line)]):
            row = line[start:end]
            if end == len(line) and not is_closed(row):
                self.open, self.start = row, position + start
            else:
                self.put(row, position + start)

    def end(self, lines: Iterator[bytes]) -> None:
        """Read the rest of a row that the end of the range has cut."""
        while self.open and (line := next(lines, b"")):
            if MARK.search(line):
                break
            self.read(line, self.start + len(self.open))
        self.close()

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
