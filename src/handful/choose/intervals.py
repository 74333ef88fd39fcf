"""Intervals of means over prompts, all epochs resampled together: by the rules of `stats` (docs/statistics.md).

A stage may not import another, so the rules stand here again; a test holds them beside those of `stats.bootstrap`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from handful.core.rng import rng_for
from handful.core.types import Interval

Floats: TypeAlias = NDArray[np.float64]
LEVEL = 0.95
DRAWS = 10_000
DRAWS_AT_ONCE = 500
MIN_PROMPTS = 10
"""Of fewer, the wider of the bootstrap's interval and Student's stands: they show nothing."""


def resampled_means(values: Floats) -> Floats:
    """Means over prompts drawn with replacement: (prompts, epochs) -> (DRAWS, epochs)."""
    n = len(values)
    rng = np.random.default_rng(rng_for(0, "choose", "bootstrap").getrandbits(64))
    parts = []
    for _ in range(0, DRAWS, DRAWS_AT_ONCE):
        times = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS_AT_ONCE)
        parts.append(times @ values / n)
    return np.concatenate(parts)


def interval(values: Floats, drawn: Floats, least: float, most: float) -> Interval:
    """The mean of one value a prompt, with its bounds.

    Args:
        drawn: its resampled means.
        least, most: the values possible.
    """
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Interval(round(mean, 4), None, None, 1, note="one prompt gives no interval")
    notes = [f"{n} prompts show nothing: read no finding into it"] if n < MIN_PROMPTS else []
    if np.ptp(values) < 1e-12:
        notes.insert(0, "the same for every prompt: exact bounds")
        q = ((1 - LEVEL) / 2) ** (1 / n)
        low, high = q * mean + (1 - q) * least, q * mean + (1 - q) * most
    else:
        low, high = spread(values, drawn)
        low, high = float(max(least, low)), float(min(most, high))
    return Interval(round(mean, 4), round(low, 4), round(high, 4), n, note="; ".join(notes))


def spread(values: Floats, drawn: Floats) -> tuple[float, float]:
    """The percentile interval, its tails expanded (Hesterberg 2015); of few prompts, as wide as Student's at least."""
    n, mean = len(values), float(values.mean())
    t = -float(stdtrit(n - 1, (1 - LEVEL) / 2))
    tail = float(ndtr(-t * np.sqrt(n / (n - 1))))
    low, high = map(float, np.quantile(drawn, [tail, 1 - tail]))
    if n >= MIN_PROMPTS:
        return low, high
    half = t * float(values.std(ddof=1)) / float(np.sqrt(n))
    return min(low, mean - half), max(high, mean + half)


def tells(differences: Floats, drawn: Floats, most: float) -> bool:
    """Whether the mean difference to another epoch, of values from -most to most, lies above 0 beyond doubt."""
    low = interval(differences, drawn, -most, most).low
    return low is not None and low > 0
