"""Hashes of the words of many texts at once, in arrays. Ours; the paper does not say.

No word becomes an object: texts that are compared have millions of them. The same numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

FACTOR = np.uint64(0xD6E8FEB86659FD93)
BLANK = ord(" ")
EIGHT = 8
MOST_EIGHTS = 4
"""Words are told apart by so many times eight bytes and by their lengths."""
FIRST_BYTES = np.array([(1 << 8 * size) - 1 for size in range(EIGHT + 1)], np.uint64)
"""Masks for the first bytes of eight, of which the first is the lowest."""


def word_hashes(texts: Sequence[bytes]) -> tuple[Hashes, NDArray[np.intp]]:
    """A number of 64 bits for each word of all texts, one after the other, and how many words each text has.

    A word of up to eight bytes is its own number: mix them (`scattered`) before use.

    Args:
        texts: as `plain` makes them, words with blanks between.
    """
    joined = b" ".join((b"", *texts, b" " * EIGHT))
    inside = np.frombuffer(joined, np.uint8) != BLANK
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    eights = np.ndarray((len(joined) - EIGHT + 1,), "<u8", joined, strides=(1,))
    lengths = ends - starts
    hashes: Hashes = eights.take(starts) & FIRST_BYTES.take(np.minimum(lengths, EIGHT))
    longer = np.flatnonzero(lengths > EIGHT)
    for past in range(EIGHT, EIGHT * MOST_EIGHTS, EIGHT):
        longer = longer[lengths[longer] > past]
        following = eights.take(starts[longer] + past)
        following &= FIRST_BYTES.take(np.minimum(lengths[longer] - past, EIGHT))
        hashes[longer] = hashes[longer] * FACTOR + following
    hashes[longer] += lengths[longer].astype(np.uint64) * FACTOR
    borders = np.cumsum([0, *(len(text) + 1 for text in texts)])
    return hashes, np.diff(np.searchsorted(starts, borders + 1))


def scattered(numbers: Hashes) -> Hashes:
    """The same array, each number changed so that all its bits count for all of it (splitmix64's last step)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers ^= numbers >> np.uint64(shift)
        numbers *= np.uint64(factor)
    numbers ^= numbers >> np.uint64(31)
    return numbers
