"""Nearly the same text twice, found by MinHash and settled by counting. Ours; the paper does not say.

Two texts are compared as sets of shingles, five words in a row each: their similarity is what both have over what
either has (Jaccard). Comparing all pairs would take days, so each text gets a signature whose bands agree, for a pair
as similar as asked for, in at least one place with a probability of 99.5% or more; pairs that agree there are then
compared exactly. So no pair is called similar that is not, and few are missed.

One hash a shingle fills all bins of a signature (one permutation hashing; Li, Owen and Zhang 2012), and an empty bin
takes what the next one has (densification by rotation; Shrivastava and Li 2014).

Not covered: texts of fewer than twenty words, where one changed word changes most shingles; translations; the same
said in other words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

WIDTH = 5
LEAST_SHINGLES = 16
BINS = 100
RECALL = 0.995
MOST_COMPARED = 64
"""Of the better texts that agree with one in a band, so many are compared: a bot's ten thousand posts end soon."""

FAR = 0x9E3779B97F4A7C15
FACTOR = np.uint64(0xD6E8FEB86659FD93)

ALL_BINS = np.arange(BINS)

Hashes = NDArray[np.uint64]


def shingles(words: Sequence[bytes]) -> frozenset[tuple[bytes, ...]]:
    """The different runs of five words; none where there are too few to compare."""
    runs = frozenset(zip(*(words[start:] for start in range(WIDTH)), strict=False))
    return runs if len(runs) >= LEAST_SHINGLES else frozenset()


def similarity(one: frozenset[tuple[bytes, ...]], two: frozenset[tuple[bytes, ...]]) -> float:
    """Jaccard: 1.0 for equal sets, 0.0 for sets that share nothing or where one is empty."""
    shared = len(one & two)
    return shared / (len(one) + len(two) - shared) if shared else 0.0


def rows_a_band(least: float) -> int:
    """The most bins a band can have while pairs of similarity `least` are found with the probability RECALL."""
    return max(
        (rows for rows in range(1, 11) if 1 - (1 - least**rows) ** (BINS // rows) >= RECALL), default=1
    )


def bands(words: Sequence[bytes], rows: int) -> list[int]:
    """A number of 64 bits for each band of a text's signature; none where it is too short to compare."""
    if len(words) < WIDTH + LEAST_SHINGLES - 1:
        return []
    hashes = run_hashes(words)
    if len(hashes) < LEAST_SHINGLES:
        return []
    count = BINS // rows
    numbers = mixed(list(signature(hashes)[: count * rows].reshape(rows, count)))
    numbers[numbers == 0] = 1  # 0 is none
    found: list[int] = numbers.tolist()
    return found


def run_hashes(words: Sequence[bytes]) -> Hashes:
    """64 bits for each different run of five words, in order; the same on every machine."""
    numbers = np.fromiter(map(crc32, words), np.uint64, len(words))
    count = len(words) - WIDTH + 1
    hashes = mixed([numbers[start : start + count] for start in range(WIDTH)])
    hashes.sort()
    different: Hashes = hashes[np.append(True, hashes[1:] != hashes[:-1])]
    return different


def mixed(columns: Sequence[Hashes]) -> Hashes:
    """A hash of the numbers that stand beside each other: a polynomial, and a common mixer (splitmix64)."""
    value = columns[0].copy()
    for column in columns[1:]:
        value = value * FACTOR + column
    value = (value ^ value >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ value >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = value ^ value >> np.uint64(31)
    return mixed


def signature(hashes: Hashes) -> Hashes:
    """The least hash of each bin. An empty one takes that of the next that is not, marked by how far it was.

    Args:
        hashes: in order, without repetition, at least one.
    """
    least = np.zeros(BINS, np.uint64)
    least[hashes[::-1] % np.uint64(BINS)] = hashes[::-1]  # the last to be written is the least
    full = np.flatnonzero(least)
    following = full[np.searchsorted(full, ALL_BINS) % len(full)]  # behind the last comes the first
    filled: Hashes = least[following] + ((following - ALL_BINS) % BINS).astype(np.uint64) * np.uint64(FAR)
    return filled


class Kept:
    """The texts that stay so far, by the bands of their signatures."""

    def __init__(self) -> None:
        self.by_band: dict[tuple[int, int], list[int]] = {}

    def alike(self, own: Sequence[tuple[int, int]]) -> Iterator[int]:
        """Positions of texts that agree with these (band, number) in one, at most MOST_COMPARED, the best first."""
        found = {position: None for band in own for position in self.by_band.get(band, ())}
        yield from list(found)[:MOST_COMPARED]

    def add(self, position: int, own: Sequence[tuple[int, int]]) -> None:
        for band in own:
            self.by_band.setdefault(band, []).append(position)
