"""The parts that a dump is read in: a site at a time, or a range of a large one. Each is a pure function of its files.

A large plain file is read in ranges of bytes (`scan_range`), each of which fills every bucket; then each bucket is
settled on its own (`settle_bucket`). All other sites are read and settled in one go (`read_site`). What comes out of
a site is the same either way, question by question.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped
from handful.sources.stackexchange import archive
from handful.sources.stackexchange.join import Fetch, settle
from handful.sources.stackexchange.scan import Bounds, Scan, scan
from handful.sources.stackexchange.sites import Site
from handful.sources.stackexchange.tables import PLACES, Tables, read_bucket

BUFFER = 1 << 20

Counts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WholeSite:
    """A site to be read in one go."""

    source: str
    site: Site
    bounds: Bounds
    buckets: int


@dataclass(frozen=True, slots=True)
class Range:
    """The rows of a plain Posts.xml that start in [start, stop)."""

    site: Site
    bounds: Bounds
    buckets: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The questions of one bucket of a plain Posts.xml, all of whose ranges are read."""

    source: str
    site: Site
    bounds: Bounds
    ranges: tuple[str, ...]
    """The folders that the ranges left."""
    number: int


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
        with open_posts(site) as file:
            seen = scan(site.name, file, tables, shard.bounds, spill)
            if spill:
                spill.flush()
            fetch = fetcher(spill or file)
            with Results(out) as results:
                results.drop(seen.faults)
                for number in range(shard.buckets):
                    table = tables.bucket(number)
                    results.put(settle(shard.source, site.name, table, shard.bounds, fetch))
    return {**numbers(seen), **results.counts()}


def scan_range(shard: Range, out: Path) -> Counts:
    """The tables of a range, and the faults found in it as dropped.jsonl."""
    with named(shard.site), shard.site.path.open("rb", BUFFER) as file:
        position = shard.start
        if position:  # the row that the start cuts belongs to the range before
            file.seek(position - 1)
            position += len(file.readline()) - 1
        tables = Tables(shard.buckets, out)
        seen = scan(shard.site.name, file, tables, shard.bounds, None, position, shard.stop)
        tables.flush()
        with Results(out) as results:
            results.drop(seen.faults)
    return {**numbers(seen), **results.counts()}


def settle_bucket(shard: Bucket, out: Path) -> Counts:
    """Candidates.jsonl and dropped.jsonl of a bucket's questions."""
    table = read_bucket(map(Path, shard.ranges), shard.number)
    with named(shard.site), shard.site.path.open("rb", 0) as file, Results(out) as results:
        results.put(settle(shard.source, shard.site.name, table, shard.bounds, fetcher(file)))
    return results.counts()


def open_posts(site: Site) -> BinaryIO:
    return archive.open_member(site.packed) if site.packed else site.path.open("rb", BUFFER)


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


def fetcher(file: IO[bytes]) -> Fetch:
    """A function that reads the row at a place again, without its mark."""
    handle = file.fileno()

    def fetch(place: int) -> bytes:
        position, size = divmod(place, PLACES)
        row = os.pread(handle, size, position)
        return row[row.index(b"<row") + 4 :]

    return fetch


class Results:
    """The two files of settled questions, and how many went into each."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.candidates = 0
        self.rules: Counter[str] = Counter()

    def __enter__(self) -> Results:
        self.kept = (self.out / "candidates.jsonl").open("wb", BUFFER)
        self.dropped = (self.out / "dropped.jsonl").open("wb", BUFFER)
        return self

    def __exit__(self, *exception: object) -> None:
        self.kept.close()
        self.dropped.close()

    def put(self, settled: Iterator[Candidate | Dropped]) -> None:
        encode = jsonl.ENCODER.encode
        for record in settled:
            if isinstance(record, Dropped):
                self.rules[record.rule] += 1
                self.dropped.write(encode(record) + b"\n")
            else:
                self.candidates += 1
                self.kept.write(encode(record) + b"\n")

    def drop(self, faults: Sequence[Dropped]) -> None:
        self.put(iter(faults))

    def counts(self) -> Counts:
        return {"candidates": self.candidates, "rules": dict(sorted(self.rules.items()))}
