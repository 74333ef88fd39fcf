"""How often each system wins, ties and loses against each other one, whichever side it stood on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from scipy.special import bdtr

from handful.core.types import Interval, Noun
from handful.stats.significance import holm
from handful.votes.readings import Readings
from handful.votes.resample import Resampler, per_prompt
from handful.votes.table import Floats, Ints, Votes
from handful.votes.words import LEFT, RIGHT, TIE


class Rates(Noun, frozen=True):
    """One pair of systems: `first`'s wins, ties and losses. Shares are weighted, counts are not."""

    first: str
    second: str
    group: str
    """Whose verdicts; "" for everybody's."""
    verdicts: int
    prompts: int
    wins: int
    ties: int
    losses: int
    win: Interval
    tie: Interval
    loss: Interval
    at_least_as_good: Interval
    ties_as_half: Interval
    net: Interval
    """Wins less losses, in [-1, 1]."""
    score: Interval
    """The mean of how far verdicts are for `first`: `ties_as_half`, unless the file has probabilities."""
    standard_error: float | None
    """Of `score`, clustered by prompt (CR1: with one verdict a prompt, the usual one of a mean)."""
    p_value: float | None
    """Exact sign test over prompts, each for the side with more of its verdicts."""
    p_holm: float | None = None
    """The same, adjusted by Holm's method for the number of pairs that this group judged."""


# rows as Rates has them: win, tie, loss, at least as good, ties as half, net
SCORES = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0.5], [1, -1, 0]])
"""The value of LEFT, RIGHT and TIE in each rate of a pair's first system."""
NET = 5


def rates(votes: Votes, found: Readings, resampler: Resampler) -> list[Rates]:
    """Every pair of systems by name, judged by all and, where there is more than one group, by each."""
    order = np.argsort(found.pair, kind="stable")
    slices = np.split(order, np.cumsum(np.bincount(found.pair, minlength=len(found.pairs)))[:-1])
    group_of = np.array([group for _, group in found.raters], dtype=np.int64)
    groups = sorted(set(group_of.tolist()), key=lambda group: votes.groups[group])
    resampler = resampler.sparing(len(found.pairs) * len(groups))
    rows: list[Rates] = []
    for place in sorted(range(len(found.pairs)), key=lambda place: named(votes, found, place)):
        here, names = slices[place], named(votes, found, place)
        turned = votes.systems[found.pairs[place][0]] != names[0]
        rows.append(rate(found, here, (*names, ""), turned, resampler))
        if len(groups) > 1:
            own = group_of[found.rater[here]]
            rows += [
                rate(found, here[own == group], (*names, votes.groups[group]), turned, resampler)
                for group in groups
                if (own == group).any()
            ]
    return adjusted(rows)


def adjusted(rows: Sequence[Rates]) -> list[Rates]:
    """The rows with p-values adjusted within each group."""
    values: dict[int, float | None] = {}
    for group in {row.group for row in rows}:
        places = [place for place, row in enumerate(rows) if row.group == group]
        values |= dict(zip(places, holm([rows[place].p_value for place in places]), strict=True))
    return [msgspec.structs.replace(row, p_holm=values[place]) for place, row in enumerate(rows)]


def named(votes: Votes, found: Readings, place: int) -> tuple[str, str]:
    """The systems of a pair: the one that is in every pair first, else in the order of their names."""
    systems = found.pairs[place]
    common = set.intersection(*map(set, found.pairs))
    first, second = sorted(systems, key=lambda system: (system not in common, votes.systems[system]))
    return votes.systems[first], votes.systems[second]


def rate(
    found: Readings, rows: Ints, names: tuple[str, str, str], turned: bool, resampler: Resampler
) -> Rates:
    """The readings at `rows`, all of one pair.

    Args:
        names: the first system, the second, the group.
        turned: the first system is the pair's second.
    """
    choice, score = found.choice[rows], found.score[rows]
    if turned:
        choice, score = np.where(choice == TIE, TIE, RIGHT - choice), 1 - score
    weight = found.weight[rows]
    values = np.column_stack([SCORES[:, choice].T, score])
    sums = per_prompt(found.prompt[rows], np.column_stack([values * weight[:, None], weight]))
    tops, sizes = sums[:, :-1], sums[:, -1:]
    intervals = resampler.shares(tops, sizes, signed=NET)
    counts = np.bincount(choice, minlength=3)
    return Rates(
        *names,
        verdicts=len(rows),
        prompts=len(sums),
        wins=int(counts[LEFT]),
        ties=int(counts[TIE]),
        losses=int(counts[RIGHT]),
        win=intervals[0],
        tie=intervals[1],
        loss=intervals[2],
        at_least_as_good=intervals[3],
        ties_as_half=intervals[4],
        net=intervals[NET],
        score=intervals[6],
        standard_error=standard_error(tops[:, 6], sizes[:, 0]),
        p_value=sign_test(tops[:, NET]),
    )


def standard_error(top: Floats, size: Floats) -> float | None:
    """Of sum(top) / sum(size), clustered by rows (CR1); None of fewer than two."""
    n = int((size > 0).sum())
    if n < 2:
        return None
    residuals = top - top.sum() / size.sum() * size
    return math.sqrt(n / (n - 1) * float((residuals**2).sum())) / float(size.sum())


def sign_test(net: Iterable[float]) -> float | None:
    """Two-sided exact p that prompts fall to either side alike; None where none falls to a side."""
    signs = np.sign(np.round(np.asarray(net, dtype=np.float64), 12))
    wins, losses = int((signs > 0).sum()), int((signs < 0).sum())
    if wins + losses == 0:
        return None
    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))
