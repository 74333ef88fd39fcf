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

WIDTH = 5
LEAST_SHINGLES = 16
BINS = 100
RECALL = 0.995
MOST_COMPARED = 64
"""Of the better texts that agree with one in a band, so many are compared: a bot's ten thousand posts end soon."""

NUMBER, SMALL = (1 << 64) - 1, (1 << 30) - 1
FAR = 0x9E3779B97F4A7C15


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
    least = {value % BINS: value for value in sorted(hashes, reverse=True)}
    filled = filled_bins(least)
    return [
        (hash(tuple(filled[start : start + rows])) & NUMBER) or 1 for start in range(0, BINS - rows + 1, rows)
    ]


def run_hashes(words: Sequence[bytes]) -> set[int]:
    """30 bits for each run of five words, the same in every process: Python's hash, but of numbers, not strings."""
    numbers = list(map(crc32, words))
    runs = zip(*(numbers[start:] for start in range(WIDTH)), strict=False)
    return {value & SMALL for value in map(hash, runs)}


def filled_bins(least: dict[int, int]) -> list[int]:
    """The least hash of each bin. An empty one takes that of the next that is not, marked by how far it was."""
    filled = [0] * BINS
    first = min(least)
    following, distance = least[first], first
    for place in range(BINS - 1, -1, -1):
        if place in least:
            following, distance = least[place], 0
        else:
            distance += 1
        filled[place] = following + distance * FAR
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
