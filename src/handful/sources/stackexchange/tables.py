"""Four numbers a post, gathered by question: small enough for memory, and on disk where a site is large.

A row of a table is (question, post, score, place). `post` is 0 in the row of the question itself. `place` says where
the post's own row can be found again, or is negative: minus one, minus the bytes of a body that was too short to
keep (0 where nobody measured it). All rows of one question are in one bucket, so each bucket can be settled alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handful.sources.stackexchange.rows import MAX_ROW

PLACES = MAX_ROW
"""A place is position * PLACES + size: one integer, as there are as many as posts."""
RUN = 16
"""Bits of a question's Id that a bucket takes in one run, so that its rows lie close together in the file."""
IN_MEMORY = 1 << 20
"""Posts, before tables are written out."""

Table = NDArray[np.int64]
"""int64[n, 4]"""


def buckets_for(size: int, bucket: int) -> int:
    """How many buckets of about `bucket` bytes a site of `size` bytes needs, as a power of two."""
    return 1 << (max(0, size - 1) // bucket).bit_length()


class Tables:
    """The posts of a site, or of a part of it, as they come."""

    def __init__(self, buckets: int, folder: Path) -> None:
        self.buckets = buckets
        self.folder = folder
        self.blocks: list[Table] = []
        self.flushed = False

    def add(self, block: Table) -> None:
        self.blocks.append(block)
        if self.buckets > 1 and sum(map(len, self.blocks)) >= IN_MEMORY:
            self.flush()

    def flush(self) -> None:
        """Append what is in memory to the files of the buckets."""
        whole = join(self.blocks)
        bucket = (whole[:, 0] >> RUN) & (self.buckets - 1)
        for number in range(self.buckets):
            with bucket_file(self.folder, number).open("ab") as file:
                file.write(whole[bucket == number].tobytes())
        self.blocks = []
        self.flushed = True

    def bucket(self, number: int) -> Table:
        """All rows of one bucket. Call when everything was added."""
        if self.buckets == 1:
            return join(self.blocks)
        if self.blocks or not self.flushed:
            self.flush()
        return read_bucket([self.folder], number)


def join(blocks: list[Table]) -> Table:
    return np.concatenate([np.empty((0, 4), np.int64), *blocks])


def bucket_file(folder: Path, bucket: int) -> Path:
    return folder / f"bucket-{bucket:03}.bin"


def read_bucket(folders: Sequence[Path], bucket: int, sizes: Sequence[int] = ()) -> Table:
    """The bucket as each folder has it, one after the other.

    Args:
        sizes: bytes of each folder's copies of rows, where places are those in the copies: they are moved up to be
            those in all copies, end to end.
    """
    blocks = [np.fromfile(bucket_file(folder, bucket), np.int64).reshape(-1, 4) for folder in folders]
    for block, base in zip(blocks, accumulate(sizes, initial=0), strict=False):
        block[:, 3] += np.where(block[:, 3] >= 0, base * PLACES, 0)
    return join(blocks)
