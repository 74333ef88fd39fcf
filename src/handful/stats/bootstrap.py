"""Intervals by resampling prompts: the unit that the study drew, whatever stands below it.

Several verdicts on one prompt are not independent, so whole prompts are resampled (a percentile bootstrap;
ours, the paper gives no intervals). Not covered: the choice of judges or of people is taken as fixed.

Every figure of equally many prompts is resampled alike, prompts in the order of their names: equal data under two names
have equal intervals, and two judges differ by what they said, never by the draw. So no two intervals are independent;
nothing here supposes that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from handful.core.rng import rng_for
from handful.core.types import Interval

Floats: TypeAlias = NDArray[np.float64]
SHARE = (0.0, 1.0)
ONE = "one prompt gives no interval"
MIN_PROMPTS = 10
"""Below this many, resampling sees too little of what might have been: the wider of it and Student's stands."""
MIN_DRAWN = 5
"""Below this many, a figure that is no mean has no interval at all."""
DRAWS_AT_ONCE = 500  # bounds the memory: 500 draws of 10,000 prompts are 40 MB


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are made. The same settings and number of prompts give the same draws."""

    level: float = 0.95
    draws: int = 10_000
    seed: int = 0
    unit: str = "prompts"
    """What is resampled, as the intervals name it."""

    def mean(
        self,
        prompts: Sequence[str],
        values: Sequence[float],
        bounds: tuple[float, float] | None = SHARE,
    ) -> Interval:
        """The mean of `values`, the i-th of which belongs to the prompt `prompts[i]`."""
        return self.means(prompts, [[value] for value in values], bounds)[0]

    def means(
        self,
        prompts: Sequence[str],
        values: Sequence[Sequence[float]],
        bounds: tuple[float, float] | None = SHARE,
    ) -> list[Interval]:
        """The mean of each column of `values`, all from the same resamples.

        Args:
            prompts: the prompt of each row, length m.
            values: m rows of k numbers.
            bounds: the least and the greatest value possible; None where there are none.

        Returns:
            k intervals, whose n is the number of distinct prompts. Without rows, one that is empty.
        """
        if not len(prompts):
            return [nothing(self.unit)]
        sums, sizes = by_prompt(prompts, np.asarray(values, dtype=np.float64))
        estimates = sums.sum(axis=0) / sizes.sum()
        n = len(sizes)
        if n == 1:
            return [Interval(float(e), None, None, 1, self.unit, ONE) for e in estimates]
        totals = self.totals(np.column_stack([sums, sizes]))
        tail = expanded_tail(n, self.level)
        low, high = np.quantile(totals[:, :-1] / totals[:, -1:], [tail, 1 - tail], axis=0)
        if n < MIN_PROMPTS:
            half = -float(stdtrit(n - 1, (1 - self.level) / 2)) * np.sqrt(variances(sums, sizes))
            least, most = bounds or (-np.inf, np.inf)
            low = np.maximum(least, np.minimum(low, estimates - half))
            high = np.minimum(most, np.maximum(high, estimates + half))
        return [
            self._alike(float(estimates[k]), n, bounds)
            if np.ptp(sums[:, k] / sizes) < 1e-12
            else Interval(float(estimates[k]), float(low[k]), float(high[k]), n, self.unit, few(n, self.unit))
            for k in range(len(estimates))
        ]

    def of(
        self,
        prompts: Sequence[str],
        values: Sequence[Sequence[float]] | Floats,
        function: Callable[[Floats], Floats],
    ) -> Interval:
        """A figure that is a function of sums, such as an alpha or a difference of two rates.

        Args:
            prompts: the prompt of each row, length m.
            values: m rows of k numbers.
            function: sums (d, k) -> d figures; nan where one is not defined.

        Returns:
            The figure of all rows. Without bounds where it is the same in every resample, or not defined in more
            than half as many of them as a tail holds: percentiles of the rest would then be too narrow.
        """
        if not len(prompts):
            return nothing(self.unit)
        sums, _ = by_prompt(prompts, np.asarray(values, dtype=np.float64))
        n = len(sums)
        estimate = float(function(sums.sum(axis=0)[None, :])[0])
        if np.isnan(estimate):
            return Interval(None, None, None, n, self.unit, "not defined for these data")
        if n == 1:
            return Interval(estimate, None, None, 1, self.unit, ONE)
        if n < MIN_DRAWN:
            return Interval(estimate, None, None, n, self.unit, f"{n} {self.unit} give no interval")
        drawn = function(self.totals(sums))
        known = drawn[~np.isnan(drawn)]
        tail = expanded_tail(n, self.level)
        if len(drawn) - len(known) > tail / 2 * len(drawn):
            return Interval(
                estimate, None, None, n, self.unit, "not defined in too many resamples: no interval"
            )
        if np.ptp(known) < 1e-12:
            return Interval(estimate, None, None, n, self.unit, "the same in every resample: no interval")
        low, high = np.quantile(known, [tail, 1 - tail])
        return Interval(estimate, float(low), float(high), n, self.unit, few(n, self.unit))

    def totals(self, sums: Floats, at_most: int | None = None) -> Floats:
        """The column sums (draws, k) of `at_most` so many resamples of the rows of `sums` (n, k)."""
        n, draws = len(sums), min(self.draws, at_most or self.draws)
        rng = np.random.default_rng(rng_for(self.seed, "stats", str(n)).getrandbits(64))
        sizes = [min(DRAWS_AT_ONCE, draws - start) for start in range(0, draws, DRAWS_AT_ONCE)]
        return np.concatenate([_times_drawn(rng, n, size) @ sums for size in sizes])

    def _alike(self, value: float, n: int, bounds: tuple[float, float] | None) -> Interval:
        """Bounds where every prompt gave the same value, and resampling would claim certainty.

        Were the share of such prompts below q, n of n would be rarer than (1 - level) / 2; the other prompts
        may lie anywhere within `bounds`. At 0 or 1 this is the Clopper-Pearson interval.
        """
        if bounds is None:
            return Interval(value, None, None, n, self.unit, "the same for every prompt: no interval")
        q = ((1 - self.level) / 2) ** (1 / n)
        low, high = (q * value + (1 - q) * bound for bound in bounds)
        words = ["the same for every prompt: exact bounds", few(n, self.unit)]
        return Interval(value, low, high, n, self.unit, "; ".join(filter(None, words)))


def _times_drawn(rng: np.random.Generator, n: int, size: int) -> Floats:
    """How often each of n prompts is drawn in each of `size` resamples: (size, n), each row adding up to n."""
    drawn = rng.integers(n, size=(size, n), dtype=np.int64)
    drawn += np.arange(size)[:, None] * n  # a place of its own for each resample: one count serves all
    return np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def expanded_tail(n: int, level: float) -> float:
    """The tail to cut at each end: a little less than (1 - level) / 2 where prompts are few.

    The plain percentile interval is too narrow by about sqrt((n - 1) / n), and by a normal where a t belongs.
    This is the expanded percentile of Hesterberg (2015), and nearly the plain one from 100 prompts on.
    """
    t = float(stdtrit(n - 1, (1 - level) / 2))
    return float(ndtr(t * np.sqrt(n / (n - 1))))


def few(n: int, unit: str = "prompts") -> str:
    """The note that belongs to an interval of too few prompts; nothing where there are enough."""
    return f"{n} {unit} show nothing: read no finding into it" if n < MIN_PROMPTS else ""


def nothing(unit: str = "prompts") -> Interval:
    return Interval(None, None, None, 0, unit, "nothing to measure")


def by_prompt(prompts: Sequence[str], values: Floats) -> tuple[Floats, Floats]:
    """Sums (n, k) and row counts (n) of each distinct prompt, in the order of their names."""
    places = {prompt: place for place, prompt in enumerate(sorted(set(prompts)))}
    index = np.array([places[prompt] for prompt in prompts])
    sums = np.zeros((len(places), values.shape[1]))
    np.add.at(sums, index, values)
    return sums, np.bincount(index).astype(np.float64)


def variances(sums: Floats, sizes: Floats) -> Floats:
    """Of the mean of each column of `sums` (n, k): cluster-robust (CR1), for two prompts or more."""
    n, rows = len(sizes), sizes.sum()
    residuals: Floats = sums - sums.sum(axis=0) / rows * sizes[:, None]
    found: Floats = n / (n - 1) * (residuals**2).sum(axis=0) / rows**2
    return found
