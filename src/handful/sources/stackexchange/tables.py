"""Four numbers a post, gathered by question: small enough for memory, and on disk where a site is large.

A row of a table is (question, post, score, place). `post` is 0 in the row of the question itself. `place` says where
the post's own row can be found again, or is negative: minus one, minus the bytes of a body that was too short to
keep (0 where nobody measured it). All rows of one question are in one bucket, so each bucket can be settled alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

from handful.sources.stackexchange.rows import MAX_ROW

PLACES = MAX_ROW
"""A place is position * PLACES + size: one integer, as there are as many as posts."""
BUCKET_BYTES = 256 << 20
"""Of XML, about, whose posts go into one bucket."""
RUN = 16
"""Bits of a question's Id that a bucket takes in one run, so that its rows lie close together in the file."""
IN_MEMORY = 1 << 20
"""Posts, before tables that have a folder are written out."""


def buckets_for(size: int) -> int:
    """How many buckets a site of `size` bytes needs: a power of two, and the same on every machine."""
    return 1 << max(0, (size - 1) // BUCKET_BYTES).bit_length()


class Tables:
    """The buckets of a site, or of a part of it. `parts[question >> RUN & mask]` is the one of a question."""

    def __init__(self, buckets: int, folder: Path) -> None:
        self.mask = buckets - 1
        self.parts = [array("q") for _ in range(buckets)]
        self.folder = folder

    def extends(self) -> list[Callable[[Iterable[int]], None]]:
        """Bucket -> the function that adds a row to it."""
        return [part.extend for part in self.parts]

    def flush(self, least: int = 0) -> None:
        """Move what is in memory to the folder, if it is at least so many posts."""
        if sum(map(len, self.parts)) < 4 * least:
            return
        for number, part in enumerate(self.parts):
            with bucket_file(self.folder, number).open("ab") as file:
                part.tofile(file)
            del part[:]


def bucket_file(folder: Path, bucket: int) -> Path:
    return folder / f"bucket-{bucket:03}.bin"


def read_bucket(folders: Iterable[Path], bucket: int, bases: Iterable[int]) -> array[int]:
    """The bucket of each folder, one after the other. The places in a folder are moved up by its base.

    Args:
        bases: position at which the rows of each folder begin, where they were copied to files of their own.
    """
    whole = array("q")
    for folder, base in zip(folders, bases, strict=True):
        path = bucket_file(folder, bucket)
        part = array("q")
        with path.open("rb") as file:
            part.fromfile(file, path.stat().st_size // part.itemsize)
        if base:
            for at in range(3, len(part), 4):
                if part[at] >= 0:
                    part[at] += base * PLACES
        whole.extend(part)
    return whole
