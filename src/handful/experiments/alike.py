"""How much alike the texts of a set are: to each its nearest neighbour, by the words they share (TF-IDF, cosine).

Ours; the paper asks for diverse prompts and measures none. A word weighs by how few of all texts have it. Not covered:
the same said in other words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from handful.clean.near import shingles, similarity
from handful.clean.overlap import TestPrompts
from handful.clean.words import words
from handful.core.types import Example, Origin, Prompt, Turn

Vectors: TypeAlias = Any
"""A sparse array of scipy's."""
ROWS = 512
"""Texts compared at a time."""
TOO_ALIKE = 0.6
"""Cosine of two prompts from which they are called near duplicates."""
TOO_MUCH_SHARED = 0.3
"""Jaccard similarity, of runs of five words, from which two texts are (`clean` drops from 0.8 on)."""
RUN = 13
"""Words in a row that no text shares with a test prompt, as in `clean`."""


@dataclass(frozen=True, slots=True)
class Pair:
    one: int
    other: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The similarities of a set's texts to their nearest neighbours: 0 shares no word, 1 is the same words."""

    n: int
    mean: float
    median: float
    high: float
    """Nine of ten are below."""
    highest: float


def vectors(sets: Sequence[Sequence[str]]) -> list[Vectors]:
    """For each set a sparse array of texts by words, rows of length 1 (or 0 for a text without words).

    The weights are those of all sets together, so that figures of several sets can be put side by side.
    """
    counted = [[Counter(words(text)) for text in texts] for texts in sets]
    everything = [counts for texts in counted for counts in texts]
    found = Counter(word for counts in everything for word in counts)
    weights = {word: math.log((1 + len(everything)) / (1 + count)) + 1 for word, count in found.items()}
    place = {word: number for number, word in enumerate(sorted(found))}
    return [csr_array(filled(texts, place, weights), shape=(len(texts), len(place))) for texts in counted]


def filled(
    texts: Sequence[Counter[bytes]], place: Mapping[bytes, int], weights: Mapping[bytes, float]
) -> tuple[list[float], list[int], list[int]]:
    """Values, columns and where each row begins: what a sparse array is made of."""
    values: list[float] = []
    columns: list[int] = []
    begins = [0]
    for counts in texts:
        raw = [(1 + math.log(count)) * weights[word] for word, count in counts.items()]
        length = math.hypot(*raw)
        values += [value / length for value in raw]
        columns += [place[word] for word in counts]
        begins.append(len(values))
    return values, columns, begins


def nearest(own: Vectors, others: Vectors | None = None) -> list[Pair]:
    """To each text of `own` the most similar one: among `others`, or else among its own set without itself."""
    count = own.shape[0]
    if (others is not None and not others.shape[0]) or (others is None and count < 2):
        return []
    found = []
    for start in range(0, count, ROWS):
        cosines = (own[start : start + ROWS] @ (own if others is None else others).T).toarray()
        if others is None:
            here = np.arange(len(cosines))
            cosines[here, start + here] = -1.0
        best = cosines.argmax(axis=1)
        found += [
            Pair(start + row, int(other), min(1.0, float(cosines[row, other])))
            for row, other in enumerate(best)
        ]
    return found


def spread(pairs: Sequence[Pair]) -> Spread:
    """Raises ValueError where there are no pairs."""
    if not pairs:
        raise ValueError("no text has a neighbour")
    values = np.array([pair.similarity for pair in pairs])
    median, high = np.quantile(values, [0.5, 0.9])
    return Spread(len(values), float(values.mean()), float(median), float(high), float(values.max()))


def shared(one: str, other: str) -> float:
    """What two texts share of their runs of five words (Jaccard); 0 where one has fewer than twenty words."""
    return similarity(shingles(words(one)), shingles(words(other)))


def common_runs(texts: Sequence[Sequence[str]], prompts: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """Texts that share RUN words in a row with a prompt, or have all of a short one: `clean` would drop them.

    Args:
        texts: each a dialogue's turns, the user's first.
        prompts: each the user's turns of a dialogue.
    """
    nowhere = Origin("", "", "")
    index = TestPrompts(
        (Prompt(str(number), turns_of(said), nowhere) for number, said in enumerate(prompts)), RUN
    )
    found = []
    for number, said in enumerate(texts):
        whole = said if len(said) % 2 == 0 else [*said, "-"]
        turns = tuple(Turn("assistant" if place % 2 else "user", text) for place, text in enumerate(whole))
        if seen := index.shared(Example(str(number), turns, nowhere)):
            found.append((number, seen))
    return found


def turns_of(prompts: Sequence[str]) -> tuple[Turn, ...]:
    """The user's turns as a dialogue that ends with the user; what is said between them does not matter."""
    between = [turn for text in prompts for turn in (Turn("user", text), Turn("assistant", "-"))]
    return tuple(between[:-1])
