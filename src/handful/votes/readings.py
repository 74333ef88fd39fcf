"""From verdicts to readings: what each annotator finally says of each item, and how often they repeat themselves.

An item is a prompt, an unordered pair of systems and a turn. An annotator who judged an item more than once, as a
model asked in both orders, has one reading of it: what all verdicts say, else a tie. That is the rule of
`handful.stats.readings`; the other two ways are for figures that were published so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handful.core.types import Noun
from handful.votes.table import Floats, Ints, Votes
from handful.votes.words import LEFT, NONE, RIGHT, TIE

Repeats = Literal["tie", "last", "each"]


class Repeated(Noun, frozen=True):
    """What was judged more than once by the same annotator, and what was done about it."""

    items: int
    """Pairs of an annotator and an item with several verdicts."""
    verdicts: int
    differ: int
    """Of `items`, those whose verdicts are not all the same."""
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """One row a reading; arrays of one length. Sides are those of the pair, not of the page."""

    prompts: int
    """How many prompts the file has: the numbers in `prompt` lie below."""
    pairs: list[tuple[int, int]]
    """The systems of each pair, by their numbers; the first is the first by name."""
    raters: list[tuple[int, int]]
    """The annotator and the group of each rater: one name in two groups is two raters."""
    prompt: Ints
    pair: Ints
    item: Ints
    rater: Ints
    choice: Ints
    """LEFT is for the pair's first system."""
    said: Ints
    """The choice as agreement counts it. Chance and alpha depend on which side is which: that of the file, where
    every item stands in it one way round only, and else the pair's."""
    weight: Floats
    score: Floats
    """For the pair's first system, from 0 to 1."""
    repeated: Repeated
    unreadable: int
    same_system: int
    """Verdicts with one system on both sides: in no figure."""


DENSE = 16
"""Numbers up to so many times their count are numbered by a table of that size."""
DONE = {
    "tie": "one reading each: what all of its verdicts say, else a tie",
    "last": "one reading each: the last verdict",
    "each": "every verdict counts by itself, but never one of an annotator against another of their own",
}


def readings(votes: Votes, repeats: Repeats = "tie") -> Readings:
    """The readings of all verdicts that can be read, sorted by item, then rater.

    An item of which an annotator gave one verdict that cannot be read has no reading of theirs, as in a study.
    """
    kept = np.flatnonzero(votes.left != votes.right)
    by_name = sorted(range(len(votes.systems)), key=lambda system: votes.systems[system])
    rank = np.argsort(np.array(by_name, dtype=np.int64))
    left, right = rank[votes.left[kept]], rank[votes.right[kept]]
    turned = left > right
    low, high = np.minimum(left, right), np.maximum(left, right)
    systems = len(votes.systems)
    pair_keys, pair = distinct(low * systems + high)
    rater_keys, rater = distinct(votes.annotator[kept] * len(votes.groups) + votes.group[kept])
    item = numbered(votes.prompt[kept], pair, votes.turn[kept])
    choice = votes.choice[kept]
    decided = turned & (choice < TIE)
    choice = np.where(decided, RIGHT - choice, choice)
    score = np.where(turned, 1 - votes.score[kept], votes.score[kept])
    order = np.argsort(item * len(rater_keys) + rater, kind="stable")
    item, rater, choice = item[order], rater[order], choice[order]
    starts = np.flatnonzero(np.r_[True, (item[1:] != item[:-1]) | (rater[1:] != rater[:-1])][: len(item)])
    rows, merged, weight, scored = settle(choice, votes.weight[kept][order], score[order], starts, repeats)
    readable = merged != NONE
    sizes = np.diff(np.r_[starts, len(item)])
    several = sizes > 1
    differ = differs(choice, starts)
    chosen = rows[readable]
    mixed = differs(
        turned[order].astype(np.int64), np.flatnonzero(np.r_[True, item[1:] != item[:-1]][: len(item)])
    )
    said = merged[readable]
    if not mixed.any():
        said = np.where(turned[order][chosen] & (said < TIE), RIGHT - said, said)
    return Readings(
        prompts=len(votes.prompts),
        pairs=[(by_name[int(key) // systems], by_name[int(key) % systems]) for key in pair_keys],
        raters=[(int(key) // len(votes.groups), int(key) % len(votes.groups)) for key in rater_keys],
        prompt=votes.prompt[kept][order][chosen],
        pair=pair[order][chosen],
        item=item[chosen],
        rater=rater[chosen],
        choice=merged[readable],
        said=said,
        weight=weight[readable],
        score=scored[readable],
        repeated=Repeated(
            int(several.sum()), int(sizes[several].sum()), int(differ[several].sum()), DONE[repeats]
        ),
        unreadable=int((votes.choice == NONE).sum()),
        same_system=len(votes) - len(kept),
    )


def numbered(*columns: Ints) -> Ints:
    """One number for each distinct combination, from 0."""
    found = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        found = distinct(found * (int(column.max(initial=0)) + 1) + column)[1]
    return found


def distinct(values: Ints) -> tuple[Ints, Ints]:
    """As numpy's `unique` with the inverse, of numbers from 0 on; counts instead of sorting where they are small."""
    size = int(values.max(initial=-1)) + 1
    if size > DENSE * len(values):
        keys, places = np.unique(values, return_inverse=True)
        return keys, places
    there = np.zeros(size, dtype=np.bool_)
    there[values] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[values]


def settle(
    choice: Ints, weight: Floats, score: Floats, starts: Ints, repeats: Repeats
) -> tuple[Ints, Ints, Floats, Floats]:
    """(row that stands for it, choice, weight, score) of each reading; `starts` is where each begins."""
    if repeats == "each" or not len(starts):
        return np.arange(len(choice)), choice, weight, score
    ends = np.r_[starts[1:], len(choice)] - 1
    if repeats == "last":
        return ends, choice[ends], weight[ends], score[ends]
    sizes = ends - starts + 1
    merged = np.where(differs(choice, starts), TIE, choice[starts])
    merged = np.where(np.maximum.reduceat(choice, starts) == NONE, NONE, merged)
    return starts, merged, np.add.reduceat(weight, starts) / sizes, np.add.reduceat(score, starts) / sizes


def differs(choice: Ints, starts: Ints) -> NDArray[np.bool_]:
    """Whether the choices of each reading differ."""
    if not len(starts):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(np.minimum.reduceat(choice, starts) != np.maximum.reduceat(choice, starts))


assert (LEFT, RIGHT, TIE, NONE) == (0, 1, 2, 3)  # the arithmetic above rests on it
