"""Which test prompts have a training prompt of the same form near them, and which have none (Section 4.3).

The paper's authors looked for a related training example by hand and found one for 43 of 50. Here a prompt lies outside
the training distribution (`ood`) where no training prompt of its form is as similar as `dataset.ood_similarity`. What
is measured is words: not covered is the same asked in other words. `neighbours.jsonl` names each nearest one, so that a
person can check. A prompt that comes with the tag `ood` keeps it.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from handful.core.types import Example, Noun, Prompt
from handful.dataset.forms import form_of

OOD = "ood"
WORD = re.compile(r"\w+")


class Neighbour(Noun, frozen=True):
    """One test prompt, and the training prompt of its form that is most like it."""

    id: str
    form: str
    nearest: str
    """Id of a training example; "" where none of this form has a word of it."""
    similarity: float
    """Cosine of TF-IDF weights, 0 to 1."""
    same_form: int
    """Training examples of this form."""
    ood: bool


def neighbours(train: Sequence[Example], test: Iterable[Prompt], least: float) -> list[Neighbour]:
    """In the order of `test`.

    Args:
        least: the similarity from which on a neighbour counts as one.
    """
    index = Index([example.turns[0].text for example in train])
    by_form: dict[str, set[int]] = defaultdict(set)
    for number, example in enumerate(train):
        by_form[form_of(example)].add(number)
    found = []
    for prompt in test:
        form = form_of(prompt)
        place, similarity = index.nearest(prompt.turns[0].text, by_form[form])
        nearest = train[place].id if place is not None else ""
        outside = similarity < least or OOD in prompt.tags
        found.append(Neighbour(prompt.id, form, nearest, similarity, len(by_form[form]), outside))
    return found


def tagged(test: Iterable[Prompt], found: Iterable[Neighbour]) -> list[Prompt]:
    """The prompts, with the tag `ood` where they lie outside. A tag that is there stays."""
    outside = {neighbour.id for neighbour in found if neighbour.ood}
    return [
        msgspec.structs.replace(prompt, tags=(*prompt.tags, OOD))
        if prompt.id in outside and OOD not in prompt.tags
        else prompt
        for prompt in test
    ]


class Index:
    """Texts by their words. A word weighs (1 + log tf) * (1 + log((1 + n) / (1 + df))); vectors have length 1."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [counts_of(text) for text in texts]
        self.texts = len(texts)
        self.found = Counter(word for counts in counted for word in counts)
        self.postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, counts in enumerate(counted):
            for word, weight in self.vector(counts).items():
                self.postings[word].append((place, weight))

    def nearest(self, text: str, among: set[int]) -> tuple[int | None, float]:
        """(place, similarity to four decimals) of the text most like this one; the first of equal ones."""
        scores: dict[int, float] = defaultdict(float)
        for word, weight in self.vector(counts_of(text)).items():
            for place, other in self.postings.get(word, ()):
                if place in among:
                    scores[place] += weight * other
        if not scores:
            return None, 0.0
        place = min(scores, key=lambda each: (-round(scores[each], 10), each))
        return place, round(min(1.0, scores[place]), 4)

    def vector(self, counts: Counter[str]) -> dict[str, float]:
        raw = {
            word: (1 + math.log(count)) * (1 + math.log((1 + self.texts) / (1 + self.found[word])))
            for word, count in counts.items()
        }
        length = math.sqrt(sum(weight * weight for weight in raw.values()))
        return {word: weight / length for word, weight in raw.items()}


def counts_of(text: str) -> Counter[str]:
    return Counter(WORD.findall(text.casefold()))
