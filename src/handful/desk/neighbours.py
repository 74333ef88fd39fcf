"""What in the set is most like a text: TF-IDF and the cosine of the angle between two texts.

Words weigh by how few texts of the set have them; those that half of it has count for nothing. The weights are settled
when the desk opens, so that a text that joins later changes no other's. Not covered: the same said in other words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import nlargest

from handful.clean.near import shingles, similarity
from handful.clean.words import words

LEAST_FOR_COMMON = 20
"""Texts from which on a word of every second one is common; in fewer, chance decides."""


class Neighbours:
    """An index of the texts of the set. One thread at a time."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """`texts` are ids with all that is said in the dialogue."""
        counted = [(id, Counter(words(text))) for id, text in texts]
        found = Counter(word for _, counts in counted for word in counts)
        self._texts = len(counted)
        most = self._texts / 2 if self._texts >= LEAST_FOR_COMMON else math.inf
        self._weights = {
            word: 0.0 if count > most else math.log((1 + self._texts) / count)
            for word, count in found.items()
        }
        self._unseen = math.log(1 + self._texts) if counted else 1.0
        self._postings: dict[bytes, list[tuple[int, float]]] = {}
        self._ids: list[str] = []
        self._place: dict[str, int] = {}
        for id, counts in counted:
            self._put(id, counts)

    def __contains__(self, id: str) -> bool:
        return id in self._place

    def add(self, id: str, text: str) -> None:
        """Add a text, or put another in its place: the older one is no longer found."""
        self._put(id, Counter(words(text)))

    def nearest(self, text: str, count: int, wanted: Callable[[str], bool]) -> list[tuple[str, float]]:
        """The `count` texts most like this one, with their similarity, 0 to 1, the most alike first."""
        scores: Counter[int] = Counter()
        for word, weight in self._vector(Counter(words(text))).items():
            for place, other in self._postings.get(word, ()):
                scores[place] += weight * other  # type: ignore[assignment]
        alike = (
            (score, place)
            for place, score in scores.items()
            if self._stands(place) and wanted(self._ids[place])
        )
        return [(self._ids[place], min(1.0, score)) for score, place in nlargest(count, alike)]

    def _stands(self, place: int) -> bool:
        return self._place[self._ids[place]] == place

    def _put(self, id: str, counts: Counter[bytes]) -> None:
        place = len(self._ids)
        self._ids.append(id)
        self._place[id] = place
        for word, weight in self._vector(counts).items():
            self._postings.setdefault(word, []).append((place, weight))

    def _vector(self, counts: Counter[bytes]) -> dict[bytes, float]:
        """Of length 1, without the common words."""
        raw = {
            word: (1 + math.log(count)) * weight
            for word, count in counts.items()
            if (weight := self._weights.get(word, self._unseen))
        }
        length = math.sqrt(sum(weight * weight for weight in raw.values()))
        return {word: weight / length for word, weight in raw.items()} if length else {}


def overlap(one: str, two: str) -> float:
    """What two texts share of their runs of five words (Jaccard): the measure that `clean` drops near duplicates by."""
    return similarity(shingles(words(one)), shingles(words(two)))
