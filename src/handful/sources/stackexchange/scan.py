"""One pass over the rows of a Posts.xml: four numbers a post into tables, nothing unescaped, no text kept.

The dump has one row a line, with the same attributes at its front. One pattern reads those; only what it does not fit
is looked at again, with care: rows in another order, over several lines, several on a line, or broken off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from itertools import chain, islice, pairwise
from typing import IO, BinaryIO

from handful.core.errors import DataError
from handful.core.types import Dropped
from handful.sources.stackexchange.rows import FABRICATED, MARK, MAX_ROW, QUESTION, Fault, Post, glance
from handful.sources.stackexchange.tables import IN_MEMORY, PLACES, RUN, Tables

FRONT = re.compile(
    rb'\s*<row Id="(\d{1,18})" PostTypeId="(?:1"(?: AcceptedAnswerId="\d+")?|2" ParentId="(\d{1,18})")'
    rb' CreationDate="[^"]*" Score="(-?\d{1,9})"(?: ViewCount="\d*")? Body="'
)
OTHER_TYPE = re.compile(rb'\s*<row Id="\d{1,18}" PostTypeId="(?:[03-9]|\d\d+)"[^<]*/>\s*\Z')
END = (b"/>\r\n", b"/>\n")
FIRST = 9
"""Bytes of a line before which its own "<row" begins, in the form of the dump."""
LONGEST = MAX_ROW - 1
HEAD = 1 << 16
BLOCK = 50_000
"""Rows between two looks at how many were broken, and at memory."""
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


def scan(
    site: str,
    file: BinaryIO,
    tables: Tables,
    bounds: Bounds,
    spill: IO[bytes] | None = None,
    position: int = 0,
    stop: float = float("inf"),
) -> Scan:
    """Read the rows that start before the byte `stop` into `tables`.

    Args:
        file: stands at the byte `position`.
        spill: gets a copy of each row that may be wanted, and places are those in it; else they are those in `file`.

    Raises:
        DataError: a line is longer than any row can be, or far too many rows are broken. Does not name the file.
    """
    seen = Scan()
    careful = Careful(site, tables, bounds, spill, seen)
    front, other_type, extends, mask = FRONT.match, OTHER_TYPE.match, tables.extends(), tables.mask
    least, size = bounds.min_answer_score, bounds.min_chars
    lines = iter(partial(lines_of(file), LONGEST), b"")
    while position < stop and (first := next(lines, b"")):
        questions = answers = others = 0
        for line in chain((first,), islice(lines, BLOCK - 1)):
            if position >= stop:
                break
            length = len(line)
            found = front(line)
            if found is not None and line.endswith(END) and line.find(b"<", FIRST) < 0:
                id, parent, score = found.groups()
                number = int(id)
                if number >= FABRICATED:
                    careful.read(line, position)
                elif parent is None:
                    questions += 1
                    place = position * PLACES + length if spill is None else careful.copy(line)
                    extends[number >> RUN & mask]((number, 0, 0, place))
                else:
                    answers += 1
                    question, points, place = int(parent), int(score), -1
                    if points >= least:
                        body = line.find(b'"', found.end()) - found.end()
                        if body < size:
                            place = -1 - body
                        else:
                            place = position * PLACES + length if spill is None else careful.copy(line)
                    extends[question >> RUN & mask]((question, number, points, place))
            elif other_type(line):
                others += 1
            else:
                careful.read(line, position)
            position += length
        seen.questions += questions
        seen.answers += answers
        seen.posts += questions + answers + others
        check_broken(seen.broken, seen.posts)
        tables.flush(IN_MEMORY)
    careful.end(lines)
    check_broken(seen.broken, seen.posts)
    return seen


def lines_of(file: BinaryIO) -> Callable[[int], bytes]:
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
            self.seen.broken += post.rule != "fabricated_post"
            self.seen.faults.append(
                Dropped(f"{self.site}/{post.id or f'byte {position}'}", post.rule, post.detail)
            )
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
        self.tables.extends()[question >> RUN & self.tables.mask](
            (question, 0 if asked else post.id, 0 if asked else post.score, place)
        )


def is_closed(row: bytes) -> bool:
    """Whether a row has its end. Text cannot look like one: in the dump every "<" and ">" of a text is escaped."""
    return b"/>" in row or b"</row" in row


def check_broken(broken: int, posts: int) -> None:
    if broken > MAX_BROKEN and broken > MAX_BROKEN_SHARE * posts:
        raise DataError(
            f"{broken:,} of {posts:,} rows cannot be read (at most {MAX_BROKEN_SHARE:.1%} may be broken); "
            "the file is damaged, or not in the form of the dump"
        )
