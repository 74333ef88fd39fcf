"""How often each system wins, ties and loses against all others together.

Who met whom is left as it was: a system that met weaker ones has higher rates. Bradley-Terry (ranking.py)
allows for it.
"""

from __future__ import annotations

import numpy as np

from handful.core.types import Interval, Noun
from handful.votes.rates import SCORES
from handful.votes.readings import Readings
from handful.votes.resample import Resampler, per_prompt
from handful.votes.table import Ints, Votes
from handful.votes.words import RIGHT, TIE


class System(Noun, frozen=True):
    """One system's wins, ties and losses, by everybody. Shares are weighted, counts are not."""

    system: str
    opponents: int
    verdicts: int
    prompts: int
    win: Interval
    tie: Interval
    loss: Interval
    at_least_as_good: Interval
    ties_as_half: Interval


def system_rates(votes: Votes, found: Readings, resampler: Resampler) -> list[System]:
    """A row a system, the highest `ties_as_half` first; none of fewer than three."""
    pairs = np.array(found.pairs, dtype=np.int64).reshape(-1, 2)
    systems = np.unique(pairs)
    if len(systems) < 3:
        return []
    resampler = resampler.sparing(len(systems))
    order = np.argsort(found.pair, kind="stable")
    slices = np.split(order, np.cumsum(np.bincount(found.pair, minlength=len(pairs)))[:-1])
    rows = []
    for system in systems.tolist():
        own = np.flatnonzero((pairs == system).any(axis=1))
        here = np.concatenate([slices[pair] for pair in own])
        turned = np.repeat(pairs[own, 1] == system, [len(slices[pair]) for pair in own])
        rows.append(one(found, here, turned, votes.systems[system], len(own), resampler))
    return sorted(rows, key=lambda row: (-(row.ties_as_half.estimate or 0.0), row.system))


def one(found: Readings, rows: Ints, turned: Ints, name: str, opponents: int, resampler: Resampler) -> System:
    """The readings at `rows`; where `turned`, the system is the pair's second."""
    choice = found.choice[rows]
    choice = np.where(turned & (choice != TIE), RIGHT - choice, choice)
    weight = found.weight[rows]
    values = SCORES[:5, choice].T * weight[:, None]
    sums = per_prompt(found.prompt[rows], np.column_stack([values, weight]))
    return System(name, opponents, len(rows), len(sums), *resampler.shares(sums[:, :-1], sums[:, -1:]))
