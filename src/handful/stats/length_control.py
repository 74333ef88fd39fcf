"""What would the win rate be between answers of equal length? A sensitivity, beside the plain rate, never in its place.

A logistic model of a win on the difference of lengths, as AlpacaEval's length-controlled rate (Dubois et al. 2024):
P(win) = 1 / (1 + exp(-(a + b tanh(d / s)))), d the subject's length less the baseline's in characters and s their root
mean square; a tie is half a win. At d = 0 that is 1 / (1 + exp(-a)). Standard errors are clustered by prompt (CR1, t).

What it cannot know: whether the longer answer was also the better one. A subject that is long because it is thorough is
corrected downwards, unjustly. And where all differences have one sign, d = 0 is beyond the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import expit, stdtrit

from handful.core.types import Comparison, Interval, Noun
from handful.stats.bootstrap import Floats, by_prompt, nothing
from handful.stats.readings import Annotator, Pair, outcome

MIN_PROMPTS = 10
"""Below this many, two coefficients and their clustered variance are guesses."""
MAX_COEFFICIENT = 12.0
"""Beyond this, lengths tell wins from losses without error, and the model has no finite estimate."""
WORTH: dict[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}


class LengthControl(Noun, frozen=True):
    """One judge on one pair."""

    judge: str
    subject: str
    baseline: str
    plain: Interval
    """Wins, ties as half: the rate that the model reproduces without lengths. From a formula (analytic.py)."""
    controlled: Interval
    """The same between answers of equal length, by the model."""
    slope: Interval
    """b, in log-odds: above 0 where longer answers win more often, whatever the reason."""
    longer: float | None
    """How much longer the subject's answers are, in characters, on average."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients (a, b) and their clustered covariance (2, 2)."""

    coefficients: Floats
    covariance: Floats


def length_control(
    judge: Annotator, pair: Pair, comparisons: Mapping[str, Comparison], level: float, unit: str = "prompts"
) -> LengthControl:
    """The model for what one judge said of one pair."""
    from handful.stats import analytic

    prompts, wins, differences = [], [], []
    for seal in pair.seals:
        reading = judge.readings.get(seal.comparison_id)
        if reading is None or reading.choice is None:
            continue
        shown = comparisons[seal.comparison_id]
        more = len(shown.left) - len(shown.right)
        prompts.append(seal.prompt_id)
        wins.append(WORTH[outcome(reading.choice, seal, pair.subject)])
        differences.append(float(more if seal.left == pair.subject else -more))
    controlled, slope, note = controlled_rate(prompts, wins, differences, level, unit)
    return LengthControl(
        judge=judge.name,
        subject=pair.subject,
        baseline=pair.baseline,
        plain=analytic.share(prompts, wins, level, unit),
        controlled=controlled,
        slope=slope,
        longer=sum(differences) / len(differences) if differences else None,
        note=note,
    )


def controlled_rate(
    prompts: Sequence[str],
    wins: Sequence[float],
    differences: Sequence[float],
    level: float = 0.95,
    unit: str = "prompts",
) -> tuple[Interval, Interval, str]:
    """(rate at equal length, slope, what to know), from rows of prompt, win in [0, 1] and difference of lengths."""
    n = len(set(prompts))
    why = reason_against(wins, differences, n)
    lengths = np.asarray(differences, dtype=np.float64)
    scale = sqrt(float((lengths**2).mean())) if len(lengths) else 0.0
    fit = None if why else logistic(prompts, np.asarray(wins), np.tanh(lengths / scale))
    if fit is None:
        why = why or "lengths tell wins from losses without error: no estimate"
        none = Interval(None, None, None, n, unit, why) if n else nothing(unit)
        return none, none, ""
    (a, b), t = fit.coefficients, -float(stdtrit(n - 1, (1 - level) / 2))
    half_a, half_b = (t * sqrt(max(0.0, float(fit.covariance[k, k]))) for k in (0, 1))
    rate = Interval(float(expit(a)), float(expit(a - half_a)), float(expit(a + half_a)), n, unit)
    slope = Interval(float(b), float(b - half_b), float(b + half_b), n, unit)
    one_sided = (lengths > 0).mean() > 0.95 or (lengths < 0).mean() > 0.95
    note = "one system is nearly always the longer: equal length is beyond the data" if one_sided else ""
    return rate, slope, note


def reason_against(wins: Sequence[float], differences: Sequence[float], n: int) -> str:
    """Why there is nothing to fit, or nothing."""
    if n == 0:
        return "nothing to measure"
    if n < MIN_PROMPTS:
        return f"fewer than {MIN_PROMPTS} prompts: no estimate"
    if len(set(wins)) == 1:
        return "the same outcome everywhere: no estimate"
    if len(set(differences)) == 1:
        return "the same difference of lengths everywhere: no estimate"
    return ""


def logistic(prompts: Sequence[str], wins: Floats, x: Floats) -> Fit | None:
    """Maximum likelihood of wins (m) in [0, 1] on x (m), clustered by prompt; None where it does not exist."""
    design = np.column_stack([np.ones_like(x), x])
    beta = np.zeros(2)
    for _ in range(50):
        chances = expit(design @ beta)
        bread = (design * (chances * (1 - chances))[:, None]).T @ design
        if np.linalg.cond(bread) > 1e12:
            return None
        step = np.linalg.solve(bread, design.T @ (wins - chances))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(beta).max() > MAX_COEFFICIENT:
            return None
        if np.abs(step).max() < 1e-10:
            break
    scores, _ = by_prompt(prompts, design * (wins - expit(design @ beta))[:, None])
    n, inverse = len(scores), np.linalg.inv(bread)
    return Fit(beta, inverse @ (scores.T @ scores) @ inverse * n / (n - 1))
