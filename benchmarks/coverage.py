"""Do 95% intervals hold the truth 95% of the time? Simulated studies with a known answer, in many designs.

    python benchmarks/coverage.py [--json] [--studies N] [--draws N]

Prompts differ: each has chances of its own, drawn around the truth, so the samples of a prompt hang together. Prints a
line a design and method (bootstrap over prompts; the formula beside it), and last, as JSON, how many cover 93% to 97%.
`tests/stats/test_coverage.py` runs the same designs with fewer studies.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from handful.core.types import Interval
from handful.stats import analytic
from handful.stats.bootstrap import Bootstrap, Floats

Values = tuple[Floats, float]
"""(values of rows, prompt by prompt (prompts, rows each), the truth of their mean)."""


@dataclass(frozen=True)
class Design:
    name: str
    prompts: int
    rows: int
    draw: Callable[[np.random.Generator, int, int], Values]
    bounds: tuple[float, float]
    share: bool
    """Whether the formula is Wilson's, of a share, or Student's, of a mean."""
    mean_first: bool = False
    """Whether each prompt counts once, by its mean."""


def outcomes(win: float, tie: float, spread: float) -> Callable[..., tuple[Floats, Floats]]:
    """Wins and ties: every prompt has chances of its own, Dirichlet with this mean; small `spread`, far apart."""

    def draw(rng: np.random.Generator, prompts: int, rows: int) -> tuple[Floats, Floats]:
        chances = rng.dirichlet(np.array([win, tie, 1 - win - tie]) * spread, prompts)
        where = rng.random((prompts, rows))
        wins = where < chances[:, :1]
        return wins.astype(float), ((where < chances[:, :2].sum(axis=1, keepdims=True)) & ~wins).astype(float)

    return draw


def win_rate(win: float, tie: float = 0.23, spread: float = 3.0) -> Callable[..., Values]:
    def draw(rng: np.random.Generator, prompts: int, rows: int) -> Values:
        return outcomes(win, tie, spread)(rng, prompts, rows)[0], win

    return draw


def half_ties(win: float, tie: float = 0.23, spread: float = 3.0) -> Callable[..., Values]:
    def draw(rng: np.random.Generator, prompts: int, rows: int) -> Values:
        wins, ties = outcomes(win, tie, spread)(rng, prompts, rows)
        return wins + ties / 2, win + tie / 2

    return draw


def net(win: float, tie: float = 0.23, spread: float = 3.0) -> Callable[..., Values]:
    def draw(rng: np.random.Generator, prompts: int, rows: int) -> Values:
        wins, ties = outcomes(win, tie, spread)(rng, prompts, rows)
        return 2 * wins + ties - 1, 2 * win + tie - 1

    return draw


GRADES = np.array([0.05, 0.1, 0.2, 0.3, 0.25, 0.1])


def helpfulness(rng: np.random.Generator, prompts: int, rows: int) -> Values:
    """Grades 1 to 6 whose chances differ from prompt to prompt."""
    chances = rng.dirichlet(GRADES * 4, prompts).cumsum(axis=1)
    grades = 1 + (rng.random((prompts, rows, 1)) > chances[:, None, :]).sum(axis=2)
    return grades.astype(float), float((GRADES * np.arange(1, 7)).sum())


DESIGNS = [
    *(
        Design(f"win rate 45%, {n} prompts x {m}", n, m, win_rate(0.45), (0, 1), True)
        for n in (50, 300)
        for m in (1, 5)
    ),
    Design("win rate 18%, 50 prompts x 1", 50, 1, win_rate(0.18), (0, 1), True),
    Design("ties as half, 300 prompts x 1", 300, 1, half_ties(0.35), (0, 1), True),
    Design("net preference, 50 prompts x 5", 50, 5, net(0.4), (-1, 1), False),
    Design("share of Excellent, 50 prompts x 1", 50, 1, win_rate(0.5, 0.38), (0, 1), True),
    Design("grades 1 to 6, 50 prompts x 5", 50, 5, helpfulness, (1, 6), False, True),
    Design("grades 1 to 6, 300 prompts x 5", 300, 5, helpfulness, (1, 6), False, True),
    Design("dialogues, 30 x 4 turns, Excellent", 30, 4, win_rate(0.6, 0.2, 4.0), (0, 1), True),
]


def studies(
    design: Design, count: int, draws: int, seed: int = 1
) -> Iterator[tuple[Interval, Interval, float]]:
    """(bootstrap's interval, formula's interval, truth) of each simulated study."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        values, truth = design.draw(rng, design.prompts, design.rows)
        if design.mean_first:
            values = values.mean(axis=1, keepdims=True)
        prompts = [str(p) for p in range(design.prompts) for _ in range(values.shape[1])]
        found = Bootstrap(draws=draws, seed=number).mean(prompts, values.ravel(), design.bounds)
        formula = analytic.share if design.share else analytic.mean
        yield found, formula(prompts, values.ravel()), truth


def coverage(design: Design, count: int, draws: int, seed: int = 1) -> tuple[float, float]:
    """Share of studies whose interval holds the truth: (bootstrap, formula)."""
    hits = np.array(
        [[holds(a, truth), holds(b, truth)] for a, b, truth in studies(design, count, draws, seed)],
        dtype=float,
    )
    bootstrap, formula = hits.mean(axis=0)
    return float(bootstrap), float(formula)


def holds(interval: Interval, truth: float) -> bool:
    return interval.low is not None and interval.high is not None and interval.low <= truth <= interval.high


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--studies", type=int, default=4000, help="of each design")
    arguments.add_argument("--draws", type=int, default=1000, help="resamples a study")
    options = arguments.parse_args()
    covered = {}
    for design in DESIGNS:
        found = coverage(design, options.studies, options.draws)
        covered[design.name] = [round(share, 4) for share in found]
        if not options.json:
            print(f"{design.name:38} bootstrap {found[0]:.3f}  formula {found[1]:.3f}", flush=True)
    shares = [share for found in covered.values() for share in found]
    result = {
        "claim": f"intervals of 95% that cover 93% to 97%, {options.studies:,} studies a design",
        "covered": covered,
        "unit": "share of studies: bootstrap, formula",
        "versions": {name: metadata.version(name) for name in ("handful", "numpy")},
        "good": sum(0.93 <= share <= 0.97 for share in shares),
        "of": len(shares),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
