"""The parts that a dump is read in: a site at a time, or a range of a large one. Each is a pure function of its files.

A large site is read in ranges of bytes, each of which fills every bucket (`scan_range`; of a BZip2 archive,
`scan_blocks`); then each bucket is settled on its own (`settle_bucket`). All other sites are read and settled in one go
(`read_site`). What comes out is the same either way.
"""

from __future__ import annotations

import io
import os
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped
from handful.sources.stackexchange import archive, users
from handful.sources.stackexchange.blocks import unpack_range
from handful.sources.stackexchange.join import Fetch, refusals, top_answers, winners
from handful.sources.stackexchange.scan import Bounds, Scan, scan
from handful.sources.stackexchange.sites import Site
from handful.sources.stackexchange.tables import PLACES, Table, Tables, read_bucket

BUFFER = 1 << 20
ROWS = "rows.bin"
CANDIDATES = "candidates.jsonl"
ACCOUNTS = "accounts.txt"
"""The Ids of those whom a bucket's candidates credit without a name."""
NAMES = "names.json"

Counts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WholeSite:
    """A site to be read in one go."""

    source: str
    site: Site
    bounds: Bounds
    buckets: int
    users: Site | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """The rows that start in [start, stop) of a plain Posts.xml; or in the blocks that start there in an archive."""

    site: Site
    bounds: Bounds
    buckets: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The questions of one bucket of a site, all of whose ranges are read."""

    source: str
    site: Site
    bounds: Bounds
    ranges: tuple[str, ...]
    """The folders that the ranges left."""
    number: int
    nameless: bool = False
    """Tell whose names are missing."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The rows of a Users.xml: all, or those that start in [start, stop), counted as in a Range."""

    users: Site
    wanted: str
    """A file of Ids, one a line."""
    sha256: str
    """Of that file."""
    start: int
    stop: int | None


def read_site(shard: WholeSite, out: Path) -> Counts:
    """Rows in, candidates.jsonl and dropped.jsonl out."""
    site = shard.site
    with named(site), ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=out)))
        tables = Tables(shard.buckets, scratch)
        spill = (
            stack.enter_context(tempfile.TemporaryFile(dir=scratch, buffering=BUFFER))
            if site.packed
            else None
        )
        with users.open_both(site, shard.users) as (file, open_users):
            seen = scan(site.name, file, tables, shard.bounds, spill)
            if spill:
                spill.flush()
            fetch = fetcher(spill or file)
            with Results(out) as results:
                results.drop(seen.faults)
                for number in range(shard.buckets):
                    results.settle(shard.source, site, tables.bucket(number), shard.bounds, fetch)
            names = users.credit_site(out / CANDIDATES, site.name, open_users) if open_users else {}
    return {**numbers(seen), **results.counts(), **names}


def scan_range(shard: Range, out: Path) -> Counts:
    """The tables of a range, and the faults found in it as dropped.jsonl."""
    with named(shard.site), shard.site.open() as file:
        position = seek_row(file, shard.start)
        tables = Tables(shard.buckets, out)
        seen = scan(shard.site.name, file, tables, shard.bounds, None, position, shard.stop)
        tables.flush()
        with Results(out) as results:
            results.drop(seen.faults)
    return {**numbers(seen), **results.counts()}


def scan_blocks(shard: Range, out: Path) -> Counts:
    """The same of a range of an archive's blocks, and a copy of the rows that may be wanted."""
    with named(shard.site):
        own, behind = unpack_blocks(shard.site, shard.start, shard.stop)
        tables = Tables(shard.buckets, out)
        with (out / ROWS).open("wb", BUFFER) as spill, Results(out) as results:
            # Who holds the end of a line has the next one, too: a range cannot know whether it begins with a line.
            text = io.BytesIO(own + behind)
            position = len(text.readline()) if shard.start else 0
            seen = scan(shard.site.name, text, tables, shard.bounds, spill, position, len(own) + 1)
            tables.flush()
            results.drop(seen.faults)
    return {**numbers(seen), **results.counts(), "bytes": len(own)}


def seek_row(file: IO[bytes], start: int) -> int:
    """Go to the first row that begins at `start` or later, and tell where: one that it cuts is of the range before."""
    if not start:
        return 0
    file.seek(start - 1)
    return start - 1 + len(file.readline())


def unpack_blocks(site: Site, start: int, stop: int) -> tuple[bytes, bytes]:
    """What the blocks hold that begin in [start, stop), and what the one behind them does."""
    assert site.packed is not None
    assert site.packed.block is not None
    stream = site.packed.block.offset, site.packed.block.packed
    with site.path.open("rb") as file:
        return unpack_range(file, stream, start, stop, archive.seven_zip())


def settle_bucket(shard: Bucket, out: Path) -> Counts:
    """The candidates and the drops of a bucket's questions."""
    ranges = [Path(folder) for folder in shard.ranges]
    copies = [folder / ROWS for folder in ranges] if shard.site.packed else []
    with named(shard.site), ExitStack() as stack, Results(out) as results:
        table = read_bucket(ranges, shard.number, [path.stat().st_size for path in copies])
        files = [stack.enter_context(path.open("rb", 0)) for path in copies or [shard.site.path]]
        results.settle(shard.source, shard.site, table, shard.bounds, fetcher(*files))
    if shard.nameless:
        found = users.nameless(out / CANDIDATES, shard.site.name)
        (out / ACCOUNTS).write_bytes(b"\n".join(sorted(found)))
    return results.counts()


def scan_accounts(shard: Accounts, out: Path) -> Counts:
    """The names of those accounts that are wanted."""
    site, start, stop = shard.users, shard.start, shard.stop
    wanted, size = set(Path(shard.wanted).read_bytes().split()), 0
    with users.optional(site), ExitStack() as stack:
        if stop is None:
            rows = users.read_names(stack.enter_context(site.open()), wanted)
        elif site.packed is None:
            file = stack.enter_context(site.open())
            rows = users.read_names(file, wanted, seek_row(file, start), stop)
        else:
            own, behind = unpack_blocks(site, start, stop)
            text, size = io.BytesIO(own + behind), len(own)
            rows = users.read_names(text, wanted, len(text.readline()) if start else 0, size + 1)
        names = {id.decode(): name for id, name in users.first(rows).items()}
    (out / NAMES).write_bytes(jsonl.dumps(names))
    return {"bytes": size}


def names_in(folder: Path) -> Iterator[tuple[bytes, str]]:
    """What `scan_accounts` found, as (id, name)."""
    for found in jsonl.read(folder / NAMES, dict[str, str]):
        yield from ((id.encode(), name) for id, name in found.items())


@contextmanager
def named(site: Site) -> Iterator[None]:
    """Name the file in an error that does not."""
    try:
        yield
    except DataError as error:
        where = str(site.path)
        raise DataError(str(error) if where in str(error) else f"{where}: {error}") from error


def numbers(seen: Scan) -> Counts:
    return {"posts": seen.posts, "questions": seen.questions, "answers": seen.answers, "broken": seen.broken}


def fetcher(*files: IO[bytes]) -> Fetch:
    """A function that reads the row at a place again, without its mark. Several files count as one, end to end."""
    handles = [file.fileno() for file in files]
    ends = list(accumulate(os.fstat(handle).st_size for handle in handles))

    def fetch(place: int) -> bytes:
        position, size = divmod(place, PLACES)
        number = bisect_right(ends, position)
        row = os.pread(handles[number], size, position - (ends[number - 1] if number else 0))
        return row[row.index(b"<row") + 4 :]

    return fetch


class Results:
    """The two files of settled questions, and how many went into each."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.candidates = 0
        self.rules: Counter[str] = Counter()

    def __enter__(self) -> Results:
        self.kept = (self.out / CANDIDATES).open("wb", BUFFER)
        self.dropped = (self.out / "dropped.jsonl").open("wb", BUFFER)
        return self

    def __exit__(self, *exception: object) -> None:
        self.kept.close()
        self.dropped.close()

    def settle(self, source: str, site: Site, table: Table, bounds: Bounds, fetch: Fetch) -> None:
        """Put what became of each question of a table."""
        top = top_answers(table)
        for rule, lines in refusals(site.name, top, bounds):
            self.rules[rule] += len(lines)
            self.dropped.write("".join(lines).encode())
        for record in winners(source, site.name, top, bounds, fetch):
            if isinstance(record, Dropped):
                self.drop([record])
            else:
                self.candidates += 1
                self.kept.write(jsonl.dumps(record))

    def drop(self, records: Iterable[Dropped]) -> None:
        for record in records:
            self.rules[record.rule] += 1
            self.dropped.write(jsonl.dumps(record))

    def counts(self) -> Counts:
        return {
            "candidates": self.candidates,
            "rules": {rule: n for rule, n in sorted(self.rules.items()) if n},
        }
