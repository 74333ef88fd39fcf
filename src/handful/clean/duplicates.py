"""The same text twice, exactly or nearly: which one stays. Ours; the paper does not say.

Two texts have the same prompt where a title, a body or a first turn of one equals one of the other's, compared by
`prompt_key`; `near.py` says when prompts or answers are nearly the same. Ready-made examples stay before candidates,
since somebody chose them; drafts that need editing come last; of the rest, the higher score, and then the earlier.

A dump may leave a million texts, so each is known by a few numbers of 64 bits (digests of its prompts, bands of its
signatures) until two agree; only texts that agree with another in one are read again and compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from handful.clean.hashes import Hashes
from handful.clean.near import Kept, bands, rows_a_band, shingles, similarity
from handful.clean.words import answered, asked, plain, words
from handful.core.text import prompt_key
from handful.core.types import Candidate, Dropped, Example
from handful.recipe.curation import Clean

Text = Candidate | Example
Shingles = frozenset[tuple[bytes, ...]]

READY_MADE = 1e12
"""Added to an example's score, so that it stays before any candidate; one without a score stays before all."""
DRAFT = "needs=editing"
"""The tag of what a rule made of people's words, such as a dialogue from comments."""
REMEMBERED = 2_000
"""Texts whose shingles are kept in memory while they are compared: about 50 KB each."""
PROMPTS = 2
"""Columns for digests of prompts: the title and the body, or the first turn."""


def rank(text: Text) -> float:
    """The higher stays."""
    if isinstance(text, Candidate):
        return float(text.answer_score)
    if DRAFT in text.tags:
        return (text.score or 0) - READY_MADE
    return float("inf") if text.score is None else READY_MADE + text.score


def openings(text: Text) -> tuple[str, ...]:
    """The prompts that a text can stand under."""
    return asked(text) if isinstance(text, Candidate) else asked(text)[:1]


def digest(prompt: str) -> int:
    """64 bits of a prompt's key; 0 for an empty prompt."""
    key = prompt_key(prompt)
    return (
        int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "big") if key else 0
    )


def columns_of(texts: Sequence[Text], params: Clean) -> Hashes:
    """What is known of texts until they are compared: one number a column, 0 for none. Texts by columns."""
    digests = np.zeros((len(texts), PROMPTS), np.uint64)
    if params.drop_duplicates:
        for row, text in enumerate(texts):
            for place, prompt in enumerate(openings(text)):
                digests[row, place] = digest(prompt)
    if not params.drop_near_duplicates:
        return digests
    rows = rows_a_band(params.near_duplicate_similarity)
    sides = [plain("\n".join(side(text))) for side in (asked, answered) for text in texts]
    own = bands(sides, rows)
    return np.hstack([digests, own[: len(texts)], own[len(texts) :]])


def agreeing(columns: Iterable[array[int]]) -> dict[int, list[tuple[int, int]]]:
    """Position -> the (column, number) that some other text has too. Texts that agree with none are not in it.

    A column is in memory at a time. The first columns are of one kind, digests of prompts, and are compared together.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    prompts = array("Q")
    for number, column in enumerate(columns):
        if number < PROMPTS:
            prompts += column
            if number < PROMPTS - 1:
                continue
            column = prompts
        for place, value in shared(column):
            texts = len(prompts) // PROMPTS
            position, kind = (place % texts, 0) if number < PROMPTS else (place, number)
            found.setdefault(position, []).append((kind, value))
    return found


def shared(column: array[int]) -> Iterator[tuple[int, int]]:
    """(place, number) of each number that stands in a column more than once; 0 is none."""
    once: set[int] = set()
    again = {value for value in column if value in once or once.add(value)}  # type: ignore[func-returns-value]
    again.discard(0)
    if again:
        yield from ((place, value) for place, value in enumerate(column) if value in again)


def duplicates(
    agree: Mapping[int, list[tuple[int, int]]],
    ranks: Mapping[int, float] | array[float],
    read: Callable[[int], Text],
    params: Clean,
) -> Iterator[tuple[int, Dropped]]:
    """(position, why) of each text to drop, the best kept first.

    Args:
        agree: of the texts that agree with another in something, in what (`agreeing`).
        ranks: of each position, the higher stays.
        read: the text at a position. Called again and again.
    """
    compare = Comparison(read)
    stays: dict[str, str] = {}
    kept = Kept()
    for position in sorted(agree, key=lambda position: (-ranks[position], position)):
        text = read(position)
        keys = (
            [key for prompt in openings(text) if (key := prompt_key(prompt))]
            if params.drop_duplicates
            else []
        )
        other = next((stays[key] for key in keys if key in stays), None)
        if other is not None:
            yield position, Dropped(text.id, "duplicate", f"same prompt as {other}")
            continue
        own = [band for band in agree[position] if band[0] >= PROMPTS]
        nearest = next(
            (
                near
                for near in kept.alike(own)
                if compare.best(position, near) >= params.near_duplicate_similarity
            ),
            None,
        )
        if nearest is not None:
            yield position, Dropped(text.id, "near_duplicate", compare.in_words(position, nearest))
            continue
        stays.update(dict.fromkeys(keys, text.id))
        kept.add(position, own)


class Comparison:
    """Exact similarities of texts that are read when asked for."""

    def __init__(self, read: Callable[[int], Text]) -> None:
        self.read = read
        self.sides = lru_cache(maxsize=REMEMBERED)(self._sides)

    def _sides(self, position: int) -> tuple[Shingles, Shingles, str]:
        text = self.read(position)
        return shingles(words("\n".join(asked(text)))), shingles(words("\n".join(answered(text)))), text.id

    def both(self, one: int, two: int) -> tuple[float, float]:
        """How similar the prompts are, and the answers."""
        first, second = self.sides(one), self.sides(two)
        return similarity(first[0], second[0]), similarity(first[1], second[1])

    def best(self, one: int, two: int) -> float:
        return max(self.both(one, two))

    def in_words(self, one: int, two: int) -> str:
        prompts, answers = self.both(one, two)
        side, alike = ("prompt", prompts) if prompts >= answers else ("answer", answers)
        return f"{side} {alike:.2f} similar to that of {self.sides(two)[2]}"
