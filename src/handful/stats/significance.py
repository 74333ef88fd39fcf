"""Is it chance? Exact tests whose unit is the prompt, and the correction for asking several times.

A test says whether there is a difference, never how large it is: intervals stand beside every p.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from statistics import NormalDist

import numpy as np

from handful.core.rng import rng_for

MAX_STATES = 20_000_000
"""Of the exact test; beyond that signs are drawn."""
RANDOM_SIGNS = 20_000
MANY = 5_000
"""Differences, from which on their sum under the null is as good as normal."""


def by_prompt(rows: Iterable[tuple[str, Fraction | int]]) -> list[Fraction]:
    """The sum of each prompt's values: the unit of the tests."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for prompt, value in rows:
        sums[prompt] += value
    return list(sums.values())


def permutation(differences: Sequence[Fraction | int]) -> float | None:
    """Two-sided p that each difference was as likely to fall to the other side (Fisher's randomisation test).

    The test statistic is the sum. Exact, by counting all 2^n assignments of signs at once, where the differences have
    a small common denominator; else from drawn signs, or of thousands by the normal distribution. None where every
    difference is 0.

    Args:
        differences: one a prompt: net wins, or the difference of two mean grades.
    """
    exact = [Fraction(d) for d in differences if d]
    if not exact:
        return None
    scale = lcm(*(d.denominator for d in exact))
    steps = [abs(int(d * scale)) for d in exact]
    observed = abs(int(sum(exact) * scale))
    if sum(steps) * len(steps) > MAX_STATES:
        return _drawn(steps, observed)
    reach = sum(steps)
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for step in steps:
        chances = (np.roll(chances, step) + np.roll(chances, -step)) / 2
    sums = np.abs(np.arange(-reach, reach + 1))
    return min(1.0, float(chances[sums >= observed].sum()))


def _drawn(steps: Sequence[int], observed: int) -> float:
    sizes, hits = np.array(steps, dtype=np.float64), 0
    if len(steps) > MANY:
        return min(1.0, 2 * NormalDist().cdf(-observed / float(np.sqrt((sizes**2).sum()))))
    rng = np.random.default_rng(rng_for(0, "stats", "permutation").getrandbits(64))
    for _ in range(20):
        signs = rng.integers(2, size=(RANDOM_SIGNS // 20, len(sizes))) * 2 - 1
        hits += int((np.abs(signs @ sizes) >= observed - 1e-9).sum())
    return (hits + 1) / (RANDOM_SIGNS + 1)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for their number (Holm 1979); None stays None and is not counted."""
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    adjusted: list[float | None] = [None] * len(values)
    worst = 0.0
    for rank, (p, place) in enumerate(order):
        worst = max(worst, min(1.0, p * (len(order) - rank)))
        adjusted[place] = worst
    return adjusted


def multiplicity(asked: int, of: str, level: float = 0.95) -> str:
    """The warning that belongs beside several tests, or nothing where there is one."""
    if asked < 2:
        return ""
    chance = 1 - level**asked
    return (
        f"{asked} {of} were tested at once: were there no difference at all, the chance that at least one plain "
        f"p-value falls below {1 - level:.2g} could be as high as {chance:.0%}. Read the values adjusted by Holm's "
        "method."
    )
