"""Each annotator alone: what they choose, whether they favour a place, and whether they agree with themselves."""

from __future__ import annotations

import numpy as np

from handful.core.types import Interval, Noun
from handful.votes.agree import Agreement
from handful.votes.between import each_with_the_rest, rater_names, the_rest
from handful.votes.readings import Readings, differs, numbered
from handful.votes.resample import Resampler, per_prompt
from handful.votes.table import Ints, Votes
from handful.votes.words import LEFT, NONE, RIGHT, TIE


class Annotator(Noun, frozen=True):
    name: str
    group: str
    verdicts: int
    left: int
    right: int
    tie: int
    unreadable: int
    """What was chosen, as the page had it."""
    first_shown: Interval
    """Share that chose the left one, of the verdicts that chose a side; 1/2 is even-handed. Empty where the file
    does not say what was shown first."""
    swapped: int
    """Items judged in both orders."""
    same_when_swapped: Interval
    """Share of them with the same verdict in both."""
    repeated: int
    """Items judged more than once in the same order only."""
    same_when_repeated: Interval
    against_the_rest: Agreement | None
    """Against all others who judged the same; None where nobody did."""


def annotators(
    votes: Votes, found: Readings, resampler: Resampler, limit: int
) -> tuple[list[Annotator], int]:
    """The `limit` annotators with the most verdicts, those first; and how many were left out."""
    keys, rater, counts = np.unique(
        votes.annotator * len(votes.groups) + votes.group, return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    rows = np.split(np.argsort(rater, kind="stable"), np.cumsum(counts)[:-1])
    names = dict(zip(found.raters, rater_names(votes, found), strict=True))
    places = {pair: place for place, pair in enumerate(found.raters)}
    rest = the_rest(found)
    resampler = resampler.sparing(min(limit, len(keys)) * 2)
    listed = []
    for place in order[:limit]:
        pair = (int(keys[place]) // len(votes.groups), int(keys[place]) % len(votes.groups))
        name = names.get(pair, votes.annotators[pair[0]])
        against = None
        if pair in places:
            against = each_with_the_rest(found, places[pair], name, rest, resampler)
        listed.append(one(votes, rows[place], name, against, resampler))
    return listed, len(keys) - len(listed)


def one(votes: Votes, rows: Ints, name: str, against: Agreement | None, resampler: Resampler) -> Annotator:
    choice = votes.choice[rows]
    counts = np.bincount(choice, minlength=4)
    swapped, repeated = selves(votes, rows)
    sided = rows[choice < TIE]
    return Annotator(
        name=name,
        group=votes.groups[votes.group[rows[0]]],
        verdicts=len(rows),
        left=int(counts[LEFT]),
        right=int(counts[RIGHT]),
        tie=int(counts[TIE]),
        unreadable=int(counts[NONE]),
        first_shown=share(votes.prompt[sided], votes.choice[sided] == LEFT, resampler)
        if votes.shown
        else Interval(None, None, None, 0, note="the file does not say what was shown first"),
        swapped=len(swapped[0]),
        same_when_swapped=share(*swapped, resampler),
        repeated=len(repeated[0]),
        same_when_repeated=share(*repeated, resampler),
        against_the_rest=against if against and against.exact.pairs else None,
    )


def share(prompt: Ints, values: Ints, resampler: Resampler) -> Interval:
    sums = per_prompt(prompt, np.column_stack([values, np.ones(len(values))]).astype(np.float64))
    return resampler.shares(sums[:, :1], sums[:, 1:])[0]


def selves(votes: Votes, rows: Ints) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """(prompt, whether all verdicts were the same) of items judged in both orders, and of those judged again in one.

    Items with a verdict that cannot be read are in neither.
    """
    rows = rows[votes.left[rows] != votes.right[rows]]
    turned = votes.left[rows] > votes.right[rows]
    low, high = (
        np.minimum(votes.left[rows], votes.right[rows]),
        np.maximum(votes.left[rows], votes.right[rows]),
    )
    item = numbered(votes.prompt[rows], low, high, votes.turn[rows])
    choice = np.where(turned & (votes.choice[rows] < TIE), RIGHT - votes.choice[rows], votes.choice[rows])
    order = np.argsort(item, kind="stable")
    item, choice, turned, prompt = item[order], choice[order], turned[order], votes.prompt[rows][order]
    starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]][: len(item)])
    if not len(starts):
        empty = np.zeros(0, dtype=np.int64)
        return (empty, empty), (empty, empty)
    same = ~differs(choice, starts)
    several = np.diff(np.r_[starts, len(item)]) > 1
    several &= np.maximum.reduceat(choice, starts) != NONE
    both = differs(turned.astype(np.int64), starts)
    swapped, repeated = several & both, several & ~both
    return (prompt[starts[swapped]], same[swapped]), (prompt[starts[repeated]], same[repeated])
