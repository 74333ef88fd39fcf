"""Nearly the same text twice, found by MinHash and settled by counting. Ours; the paper does not say.

Two texts are compared as sets of shingles, five words in a row each: their similarity is what both have over what
either has (Jaccard). Comparing all pairs would take days, so each text gets a signature whose bands agree, for a pair
as similar as asked for, in at least one place with a probability of 99.5% or more; pairs that agree there are then
compared exactly. So no pair is called similar that is not, and few are missed.

One hash a shingle fills all bins of a signature (one permutation hashing; Li, Owen and Zhang 2012), and an empty bin
takes what the next one has (densification by rotation; Shrivastava and Li 2014). The signatures of many texts are made
at once, in arrays over all their words.

Not covered: texts of fewer than twenty words, where one changed word changes most shingles; translations; the same
said in other words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from handful.clean.hashes import FACTOR, Hashes, scattered, word_hashes

WIDTH = 5
LEAST_SHINGLES = 16
LEAST_WORDS = WIDTH + LEAST_SHINGLES - 1
LEAST_FULL = 8
"""Bins that 16 different shingles fill: fewer than that in one of 10 ** 8 texts."""
BINS = 100
RECALL = 0.995
MOST_COMPARED = 64
"""Of the better texts that agree with one in a band, so many are compared: a bot's ten thousand posts end soon."""

FAR = np.uint64(0x9E3779B97F4A7C15)
EMPTY = np.uint64(2**64 - 1)


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


def bands(texts: Sequence[bytes], rows: int) -> Hashes:
    """A number of 64 bits for each band of each text's signature; 0 where a text is too short to compare.

    Args:
        texts: as `plain` makes them.

    Returns:
        An array of texts by bands.
    """
    words, counts = word_hashes(texts)
    least = least_of_bins(words, counts)
    full = least != EMPTY
    long = (counts >= LEAST_WORDS) & (full.sum(axis=1) >= LEAST_FULL)
    count = BINS // rows
    numbers = np.zeros((len(texts), count), np.uint64)
    if long.any():
        signatures = filled(least[long], full[long])[:, : count * rows].reshape(-1, rows, count)
        value = signatures[:, 0].copy()
        for row in range(1, rows):
            value *= FACTOR
            value += signatures[:, row]
        numbers[long] = np.maximum(scattered(value), np.uint64(1))  # 0 is none
    return numbers


def least_of_bins(words: Hashes, counts: NDArray[np.intp]) -> Hashes:
    """The least hash of a text's shingles in each bin, or EMPTY: an array of texts by bins.

    Args:
        words: hashes of the words of all texts, one after the other.
        counts: how many of them each text has.
    """
    least = np.full(len(counts) * BINS + 1, EMPTY)  # the last is for runs that cross the border of two texts
    if len(words) >= WIDTH:
        pairs = words[:-1] * FACTOR + words[1:]
        runs = scattered((pairs[:-3] * FACTOR + pairs[2:-1]) * FACTOR + words[4:])
        places = np.repeat(np.arange(len(counts)) * BINS, counts)[: len(runs)]
        places += ((runs >> np.uint64(32)) * np.uint64(BINS) >> np.uint64(32)).astype(np.intp)
        crossing = (np.cumsum(counts)[:, None] - np.arange(1, WIDTH)).ravel()
        places[crossing[(crossing >= 0) & (crossing < len(runs))]] = len(least) - 1
        np.minimum.at(least, places, runs)
    return least[:-1].reshape(-1, BINS)


def filled(least: Hashes, full: NDArray[np.bool_]) -> Hashes:
    """Signatures without empty bins: one takes what the next has that is not, marked by how far that is.

    Args:
        least: texts by bins.
        full: which of them are not empty; at least one of each text.
    """
    own = np.arange(2 * BINS)
    twice = np.where(np.hstack([full, full]), own, 2 * BINS)  # behind the last bin comes the first
    following = np.minimum.accumulate(twice[:, ::-1], axis=1)[:, ::-1][:, :BINS]
    far = (following - own[:BINS]).astype(np.uint64)
    taken: Hashes = np.take_along_axis(least, following % BINS, axis=1) + far * FAR
    return taken


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
