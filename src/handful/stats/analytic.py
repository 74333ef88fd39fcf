"""Intervals from a formula, beside the bootstrap's: the same question asked of another method.

Both take the prompt as the unit. The variance is cluster-robust (CR1: the residual sums of prompts, times
n / (n - 1)), and a t with n - 1 degrees of freedom stands for the normal. Where the two methods differ by much, n is
too small for either, and the wider one is the honest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from handful.core.types import Interval
from handful.stats.bootstrap import ONE, by_prompt, few, nothing, variances


def share(
    prompts: Sequence[str], values: Sequence[float], level: float = 0.95, unit: str = "prompts"
) -> Interval:
    """Wilson's interval for a mean of values in [0, 1], with the effective number of independent ones.

    That number is p (1 - p) / v, v being the cluster-robust variance (Korn and Graubard 1998): of one yes or no a
    prompt it is about n, and five that always agree count as one.
    """
    found = _moments(prompts, values)
    if found is None:
        return nothing(unit)
    p, v, n = found
    if n == 1:
        return Interval(p, None, None, 1, unit, ONE)
    spread = p * (1 - p)
    effective = spread / v if v > 1e-15 and spread > 0 else float(n)
    t = -float(stdtrit(n - 1, (1 - level) / 2))
    return Interval(p, *wilson(p, effective, t), n, unit, few(n, unit))


def wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """The bounds of a share p of n independent trials, z standard deviations wide."""
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean(
    prompts: Sequence[str],
    values: Sequence[float],
    level: float = 0.95,
    unit: str = "prompts",
    bounds: tuple[float, float] = (-inf, inf),
) -> Interval:
    """Student's interval for a mean of values that are no shares; no bounds where all prompts are alike."""
    found = _moments(prompts, values)
    if found is None:
        return nothing(unit)
    centre, v, n = found
    if n == 1:
        return Interval(centre, None, None, 1, unit, ONE)
    if v < 1e-18:
        return Interval(centre, None, None, n, unit, "the same for every prompt: no interval")
    half = -float(stdtrit(n - 1, (1 - level) / 2)) * sqrt(v)
    return Interval(
        centre, max(bounds[0], centre - half), min(bounds[1], centre + half), n, unit, few(n, unit)
    )


def t_test(prompts: Sequence[str], values: Sequence[float]) -> float | None:
    """Two-sided p that the mean is 0; None of fewer than two prompts, or where all are alike."""
    found = _moments(prompts, values)
    if found is None or found[2] < 2 or found[1] < 1e-18:
        return None
    centre, v, n = found
    return float(2 * stdtr(n - 1, -abs(centre) / sqrt(v)))


def _moments(prompts: Sequence[str], values: Sequence[float]) -> tuple[float, float, int] | None:
    """(mean of all rows, its cluster-robust variance, number of prompts)."""
    if not len(prompts):
        return None
    sums, sizes = by_prompt(prompts, np.asarray(values, dtype=np.float64)[:, None])
    n, rows = len(sizes), sizes.sum()
    centre = float(sums.sum() / rows)
    if n == 1:
        return centre, 0.0, 1
    return centre, float(variances(sums, sizes)[0]), n
