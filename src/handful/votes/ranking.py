"""More than two systems on one scale: Bradley-Terry of `handful.stats`, on a table of any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handful.core.types import Interval, Noun
from handful.stats.bootstrap import ONE, expanded_tail
from handful.stats.bradley_terry import bounded, bradley_terry, reason_against
from handful.votes.readings import Readings
from handful.votes.resample import MAX_CLUSTERS, Resampler
from handful.votes.table import Flags, Floats, Ints, Votes
from handful.votes.words import RIGHT, TIE

MAX_SYSTEMS = 100
CELLS = 4_000_000
"""Draws times systems squared: bounds the time and the memory of the intervals."""
AT_ONCE = 100


class Strength(Noun, frozen=True):
    system: str
    verdicts: int
    strength: Interval
    """Log-odds against the average of the systems; ties count as half a win."""


class Ranking(Noun, frozen=True):
    group: str
    """Whose verdicts; "" for everybody's."""
    strengths: tuple[Strength, ...]
    """The strongest first."""
    words: str
    """Why there is no estimate; else nothing."""


def rankings(votes: Votes, found: Readings, resampler: Resampler) -> list[Ranking]:
    """By all verdicts and, where there is more than one group, by those of each. None of fewer than three systems."""
    systems = {system for pair in found.pairs for system in pair}
    if len(systems) < 3:
        return []
    rows = [ranking(votes, found, np.ones(len(found.item), dtype=bool), "", resampler)]
    group_of = np.array([group for _, group in found.raters], dtype=np.int64)[found.rater]
    groups = sorted(set(group_of.tolist()), key=lambda group: votes.groups[group])
    if len(groups) > 1:
        rows += [ranking(votes, found, group_of == g, votes.groups[g], resampler) for g in groups]
    return rows


def ranking(votes: Votes, found: Readings, mask: Flags, group: str, resampler: Resampler) -> Ranking:
    """The strengths by the readings at `mask`, with intervals over prompts."""
    pairs = np.array(found.pairs, dtype=np.int64)[found.pair[mask]]
    numbers, place = np.unique(pairs, return_inverse=True)
    place, k = place.reshape(-1, 2), len(numbers)
    systems = [votes.systems[number] for number in numbers]
    played = np.bincount(place.ravel(), minlength=k)
    sums, n = tables(found, mask, place, k, resampler)
    wins = sums.sum(axis=0).reshape(k, k)
    words = reason_against(systems, wins) if k <= MAX_SYSTEMS else f"more than {MAX_SYSTEMS} systems"
    if words:
        none = [Interval(None, None, None, n, note="no estimate")] * k
        return Ranking(group, strengths(systems, played.tolist(), none), words)
    return Ranking(group, strengths(systems, played.tolist(), fitted(sums, wins, n, resampler)), "")


def tables(found: Readings, mask: Flags, place: Ints, k: int, resampler: Resampler) -> tuple[Floats, int]:
    """(what row's system got against column's, by prompt or block of prompts: (blocks, k * k); prompts)."""
    prompts, cluster = np.unique(found.prompt[mask], return_inverse=True)
    if len(prompts) > MAX_CLUSTERS:
        cluster = resampler.block_of(len(prompts))[cluster]
    choice, weight = found.choice[mask], found.weight[mask]
    got = np.where(choice == TIE, 0.5, np.where(choice == RIGHT, 0.0, 1.0)) * weight
    there = cluster * k * k + place[:, 0] * k + place[:, 1]
    back = cluster * k * k + place[:, 1] * k + place[:, 0]
    size = (int(cluster.max()) + 1) * k * k
    sums = np.bincount(there, got, minlength=size) + np.bincount(back, weight - got, minlength=size)
    return np.asarray(sums, dtype=np.float64).reshape(-1, k * k), len(prompts)


def fitted(sums: Floats, wins: Floats, n: int, resampler: Resampler) -> list[Interval]:
    """Strengths of all, and percentiles of those of resamples."""
    k = len(wins)
    estimates = bradley_terry(wins)
    if n == 1:
        return [Interval(float(e), None, None, 1, note=ONE) for e in estimates]
    draws = max(200, min(resampler.draws, 2_000, CELLS // (k * k)))
    drawn = Resampler(resampler.level, draws, resampler.seed).totals(sums).reshape(-1, k, k)
    fits = np.concatenate([bradley_terry(drawn[at : at + AT_ONCE]) for at in range(0, draws, AT_ONCE)])
    tail = expanded_tail(min(n, MAX_CLUSTERS), resampler.level)
    low, high = np.quantile(fits, [tail, 1 - tail], axis=0)
    return [
        bounded(float(e), float(a), float(b), n, "prompts")
        for e, a, b in zip(estimates, low, high, strict=True)
    ]


def strengths(
    systems: Sequence[str], played: Sequence[int], found: Sequence[Interval]
) -> tuple[Strength, ...]:
    rows = [Strength(*row) for row in zip(systems, played, found, strict=True)]
    return tuple(sorted(rows, key=lambda row: (-(row.strength.estimate or 0.0), row.system)))
