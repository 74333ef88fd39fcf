"""Intervals by resampling prompts, for many figures at once: sums of each prompt in, intervals out.

The same bootstrap as `handful.stats.bootstrap` (expanded percentiles), on arrays, with weights and with two bounds on
its cost. Above MAX_CLUSTERS prompts these are dealt into that many blocks, and blocks are resampled (random groups):
the intervals have the same width on average, known to about 2% of it. Tables of the same size share their draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from handful.core.rng import rng_for
from handful.core.types import Interval
from handful.stats.bootstrap import ONE, expanded_tail, nothing
from handful.votes.readings import distinct
from handful.votes.table import Floats, Ints

MAX_CLUSTERS = 1_000
BUDGET = 500_000  # draws for a whole table
AT_ONCE = 1_000_000  # bounds the memory of one product
SAME = "the same in every resample: no interval"


@dataclass(frozen=True, slots=True)
class Resampler:
    level: float = 0.95
    draws: int = 10_000
    seed: int = 0

    def sparing(self, rows: int) -> Resampler:
        """Fewer draws where a table has more than some 50 rows, but at least 1,000: they are time well saved."""
        return Resampler(self.level, min(self.draws, max(1_000, BUDGET // max(rows, 1))), self.seed)

    def shares(self, tops: Floats, bottoms: Floats, signed: int | None = None) -> list[Interval]:
        """The shares sum(tops) / sum(bottoms), column by column.

        Args:
            tops: sums of each prompt, (n, k); each entry from 0 to that of `bottoms`.
            bottoms: likewise; or one column, (n, 1), that is below all.
            signed: a column of `tops` that may be as far below 0.

        Returns:
            Intervals, whose n is the number of prompts with anything below the line.
        """
        k, m = tops.shape[1], bottoms.shape[1]
        totals = self.totals(np.column_stack([tops, bottoms])) if len(tops) > 1 else np.zeros((0, k + m))
        below = [k + j % m for j in range(k)]
        return [
            self.share(
                tops[:, j],
                bottoms[:, j % m],
                totals[:, j],
                totals[:, below[j]],
                (-1.0, 1.0) if j == signed else (0.0, 1.0),
            )
            for j in range(k)
        ]

    def share(
        self, top: Floats, bottom: Floats, tops: Floats, bottoms: Floats, span: tuple[float, float]
    ) -> Interval:
        """One column of `shares`, from its sums and its resampled sums."""
        counted = bottom > 0
        n = int(counted.sum())
        if n == 0:
            return nothing()
        estimate = float(top.sum() / bottom.sum())
        if n == 1:
            return Interval(estimate, None, None, 1, note=ONE)
        each = top[counted] / bottom[counted]
        if np.ptp(each) < 1e-12:
            q = ((1 - self.level) / 2) ** (1 / n)
            low, high = (q * estimate + (1 - q) * bound for bound in span)
            return Interval(estimate, low, high, n, note="the same for every prompt: exact bounds")
        found = bottoms > 0
        return self.bounds(estimate, tops[found] / bottoms[found], n)

    def figure(self, sums: Floats, function: Callable[[Floats], Floats]) -> Interval:
        """A figure that is a `function` of column sums, (d, k) -> d figures, nan where it is not defined."""
        n = int((sums != 0).any(axis=1).sum())
        if n == 0:
            return nothing()
        estimate = float(function(sums.sum(axis=0)[None, :])[0])
        if np.isnan(estimate):
            return Interval(None, None, None, n, note="not defined for these verdicts")
        if n == 1:
            return Interval(estimate, None, None, 1, note=ONE)
        drawn = function(self.totals(sums))
        return self.bounds(estimate, drawn[~np.isnan(drawn)], n)

    def bounds(self, estimate: float, drawn: Floats, n: int) -> Interval:
        if len(drawn) < 0.99 * self.draws:
            return Interval(estimate, None, None, n, note="not defined in too many resamples: no interval")
        if np.ptp(drawn) < 1e-12:
            return Interval(estimate, None, None, n, note=SAME)
        tail = expanded_tail(min(n, MAX_CLUSTERS), self.level)
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return Interval(estimate, float(low), float(high), n)

    def totals(self, sums: Floats) -> Floats:
        """Column sums of resamples of the rows: (draws, k)."""
        if len(sums) > MAX_CLUSTERS:
            sums = self.blocks(sums)
        drawn = times_drawn(self.seed, len(sums), self.draws)
        scale = np.maximum(
            np.abs(sums).max(axis=0), 1e-300
        )  # single precision serves for bounds, and is fast
        return np.asarray((drawn @ (sums / scale).astype(np.float32)).astype(np.float64) * scale)

    def blocks(self, sums: Floats) -> Floats:
        """Rows dealt at random into MAX_CLUSTERS blocks of nearly the same size, and added up."""
        block = self.block_of(len(sums))
        return np.column_stack(
            [np.bincount(block, weights=column, minlength=MAX_CLUSTERS) for column in sums.T]
        )

    def block_of(self, rows: int) -> Ints:
        """The block of each row."""
        rng = np.random.default_rng(rng_for(self.seed, "votes", "blocks", str(rows)).getrandbits(64))
        return np.asarray(rng.permutation(rows) % MAX_CLUSTERS, dtype=np.int64)


@lru_cache(maxsize=4)
def times_drawn(seed: int, n: int, draws: int) -> NDArray[np.float32]:
    """How often each of n clusters is drawn in each resample: (draws, n), each row adding up to n."""
    rng = np.random.default_rng(rng_for(seed, "votes", "draws", str(n)).getrandbits(64))
    found = np.empty((draws, n), dtype=np.float32)
    step = max(1, AT_ONCE // n)
    for row in range(0, draws, step):
        size = min(step, draws - row)
        drawn = rng.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        found[row : row + size] = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
    return found


def per_prompt(prompt: Ints, values: Floats) -> Floats:
    """Sums of the columns of `values` (m, k) over the rows of each prompt that has any: (n, k), in prompts' order."""
    if not len(prompt):
        return np.zeros((0, values.shape[1]))
    _, place = distinct(prompt)
    return np.column_stack([np.bincount(place, weights=column) for column in values.T])
