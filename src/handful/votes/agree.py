"""How far two sides agree, and every two groups; annotators.py and between.py have one annotator at a time.

Everything is read off tables of three by three: how often one said this and the other that, for each prompt. So a
million verdicts by thousands of people take seconds. Weights are not used: agreement counts pairs of verdicts.
"""

from __future__ import annotations

import numpy as np

from handful.core.types import Interval, Noun
from handful.votes.readings import Readings
from handful.votes.resample import Resampler, per_prompt
from handful.votes.table import Flags, Floats, Ints, Votes
from handful.votes.words import TIE

POINTS = np.array([[1, 0, 0.5], [0, 1, 0.5], [0.5, 0.5, 1]])
"""Tie-discounted accuracy of LEFT, RIGHT, TIE against each other (Section 4.2 of the paper)."""
SAME = np.eye(3)
DECIDED = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]])
"""Where neither said tie."""


class Count(Noun, frozen=True):
    """Pairs of verdicts, those that agree, and their share."""

    pairs: int
    agreed: int
    share: Interval


class Agreement(Noun, frozen=True):
    first: str
    second: str
    items: int
    """On which both have a verdict; of a group with itself, two of its annotators."""
    exact: Count
    exact_without_ties: Count
    """Of the pairs in which neither said tie."""
    tie_discounted: Interval
    chance: float | None
    """The tie-discounted accuracy of two who answer at random, each as often as these did."""
    always_tie: float | None
    """The tie-discounted accuracy of one who always says tie, against the two on average."""
    chance_exact: float | None
    alpha: Interval
    """Krippendorff's, with the distance 1 - tie-discounted accuracy: 1 is full agreement, 0 what chance gives."""
    alpha_nominal: Interval
    kappa: Interval
    """Cohen's, of exact agreement. Of a group with itself: Scott's pi, since nobody is the first."""


def groups_agree(votes: Votes, found: Readings, resampler: Resampler) -> list[Agreement]:
    """Each group with itself, then with each other one."""
    group_of = np.array([group for _, group in found.raters], dtype=np.int64)
    groups = sorted(set(group_of.tolist()), key=lambda group: votes.groups[group])
    counts = {g: per_item(found, group_of[found.rater] == g) for g in groups}
    own = {g: per_item_and_rater(found, group_of[found.rater] == g) for g in groups}
    prompt = prompt_of_item(found)
    rows = []
    for place, g in enumerate(groups):
        for h in groups[place:]:
            if g == h:
                several = np.flatnonzero(counts[g].sum(axis=1) > 1)
                again = own[g][several] if len(own[g]) > 1 else own[g]
                both, coincidences = within(counts[g][several], again)
            else:
                several = np.flatnonzero(counts[g].any(axis=1) & counts[h].any(axis=1))
                both = counts[g][several][:, :, None] * counts[h][several][:, None, :]
                coincidences = both + both.transpose(0, 2, 1)
            names = (votes.groups[g] or "all", votes.groups[h] or "all")
            rows.append(agreement(names, prompt[several], both, coincidences, resampler, itself=g == h))
    return [row for row in rows if row.exact.pairs]


def per_item(found: Readings, mask: Flags) -> Floats:
    """How often each choice was made on each item: (items, 3)."""
    items = int(found.item.max(initial=-1)) + 1
    return (
        np.bincount(found.item[mask] * 3 + found.said[mask], minlength=3 * items)
        .reshape(-1, 3)
        .astype(np.float64)
    )


def per_item_and_rater(found: Readings, mask: Flags) -> Floats:
    """Pairs of verdicts of one annotator on one item, to be taken out: (items, 3, 3), each pair both ways.

    Where there are none, as there are not unless every verdict counts by itself, one table of zeros: (1, 3, 3).
    """
    items = int(found.item.max(initial=-1)) + 1
    item, rater, choice = found.item[mask], found.rater[mask], found.said[mask]
    again = np.flatnonzero((item[1:] == item[:-1]) & (rater[1:] == rater[:-1]))
    if not len(again):
        return np.zeros((1, 3, 3))
    pairs = np.zeros((items, 3, 3))
    starts = np.flatnonzero(np.r_[True, (item[1:] != item[:-1]) | (rater[1:] != rater[:-1])])
    own = np.column_stack([np.add.reduceat((choice == c).astype(float), starts) for c in range(3)])
    np.add.at(pairs, item[starts], own[:, :, None] * own[:, None, :] - np.eye(3) * own[:, :, None])
    return pairs


def prompt_of_item(found: Readings) -> Ints:
    items = int(found.item.max(initial=-1)) + 1
    prompt = np.full(items, -1, dtype=np.int64)
    prompt[found.item] = found.prompt
    return prompt


def within(counts: Floats, own: Floats) -> tuple[Floats, Floats]:
    """Tables of a group with itself, each pair both ways, and coincidences as Krippendorff weighs them.

    He gives every verdict the same weight: those on an item with m of them are paired with weight 1 / (m - 1).
    """
    both = counts[:, :, None] * counts[:, None, :] - np.eye(3) * counts[:, :, None] - own
    partners = both.sum(axis=2)  # of all verdicts of a choice on an item: how many others they meet
    met = np.where(counts > 0, partners / np.maximum(counts, 1), 0)
    weigh = np.where(met > 0, 1 / np.maximum(met, 1e-12), 0)
    return both, both * weigh[:, :, None]


def agreement(
    names: tuple[str, str],
    prompt: Ints,
    both: Floats,
    coincidences: Floats,
    resampler: Resampler,
    itself: bool = False,
) -> Agreement:
    """The figures of two sides.

    Args:
        prompt: of each row, length m.
        both: how often the first said a and the second b, (m, 3, 3). Of a group with itself, both ways.
        coincidences: the same, symmetric, as alpha counts them.
        itself: the two are one group, so that each pair stands in `both` twice.
    """
    met = both.any(axis=(1, 2))
    prompt, both, coincidences = prompt[met], both[met], coincidences[met]
    sums = per_prompt(prompt, np.column_stack([both.reshape(-1, 9), coincidences.reshape(-1, 9)]))
    tables, pairs = sums[:, :9].reshape(-1, 3, 3), sums[:, 9:]
    tops = np.column_stack([(tables * kind).sum(axis=(1, 2)) for kind in (SAME, SAME * DECIDED, POINTS)])
    sizes = np.column_stack([(tables * kind).sum(axis=(1, 2)) for kind in (1, DECIDED, 1)])
    exact, decided, discounted = resampler.shares(tops, sizes)
    table = tables.sum(axis=0)
    twice = 2 if itself else 1
    return Agreement(
        *names,
        items=int(met.sum()),
        exact=count(tops[:, 0], sizes[:, 0], exact, twice),
        exact_without_ties=count(tops[:, 1], sizes[:, 1], decided, twice),
        tie_discounted=discounted,
        chance=by_chance(table, POINTS),
        always_tie=always_tie(table),
        chance_exact=by_chance(table, SAME),
        alpha=resampler.figure(pairs, lambda drawn: alpha(drawn, POINTS)),
        alpha_nominal=resampler.figure(pairs, lambda drawn: alpha(drawn, SAME)),
        kappa=resampler.figure(sums[:, :9], kappa),
    )


def count(top: Floats, size: Floats, share: Interval, twice: int) -> Count:
    return Count(round(float(size.sum())) // twice, round(float(top.sum())) // twice, share)


def by_chance(table: Floats, points: Floats) -> float | None:
    """The mean points of two who answer independently, each with its own shares of left, right and tie."""
    total = table.sum()
    if not total:
        return None
    return float(table.sum(axis=1) @ points @ table.sum(axis=0) / total**2)


def always_tie(table: Floats) -> float | None:
    """1/2, and as much again of what the two called a tie, on average."""
    total = table.sum()
    return float(0.5 + (table[TIE].sum() + table[:, TIE].sum()) / (4 * total)) if total else None


def alpha(drawn: Floats, points: Floats) -> Floats:
    """Krippendorff's alpha of coincidences (d, 9), with the distance 1 - points; nan where nothing differs."""
    tables = drawn.reshape(-1, 3, 3)
    distance = 1 - points
    sizes = tables.sum(axis=2)
    n = sizes.sum(axis=1)
    expected = np.einsum("da,ab,db->d", sizes, distance, sizes)
    observed = (tables * distance).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 1 - (n - 1) * observed / expected
    return np.where((expected > 0) & (n > 1), found, np.nan)


def kappa(drawn: Floats) -> Floats:
    """Cohen's kappa of tables (d, 9); nan where chance alone gives full agreement."""
    tables = drawn.reshape(-1, 3, 3)
    total = tables.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / total
        expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1) / total**2
        found = (observed - expected) / (1 - expected)
    return np.where(1 - expected > 1e-12, found, np.nan)
