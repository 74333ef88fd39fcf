"""What the set holds so far: how many of which source, community, form and length. It counts, and wants nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handful.desk.facts import Facts


@dataclass(frozen=True, slots=True)
class Member:
    """One example of the set as it stands now."""

    id: str
    source: str
    community: str
    facts: Facts
    reviewed: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    size: int
    reviewed: int
    sources: Counter[str]
    communities: Counter[tuple[str, str]]
    asks: Counter[str]
    answers: Counter[str]
    lengths: Counter[int]
    """Words of the answer, in steps of STEP, the last one open -> examples."""
    low: int
    middle: int
    high: int
    """Quartiles of the answers' words."""


STEP = 100
LAST = 1000


def coverage(members: Iterable[Member]) -> Coverage:
    found = list(members)
    words = sorted(member.facts.answer_words for member in found)
    return Coverage(
        size=len(found),
        reviewed=sum(member.reviewed for member in found),
        sources=Counter(member.source for member in found),
        communities=Counter((member.source, member.community) for member in found),
        asks=Counter(member.facts.asks for member in found),
        answers=Counter(member.facts.answers for member in found),
        lengths=Counter(bin_of(count) for count in words),
        low=quantile(words, 0.25),
        middle=quantile(words, 0.5),
        high=quantile(words, 0.75),
    )


def bin_of(words: int) -> int:
    return min(words // STEP * STEP, LAST)


def bin_in_words(start: int) -> str:
    return f"{start} words and more" if start >= LAST else f"{start} to {start + STEP - 1} words"


def quantile(ordered: Sequence[int], share: float) -> int:
    """The nearest rank; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0
