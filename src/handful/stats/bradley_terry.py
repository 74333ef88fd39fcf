"""Several systems on one scale: Bradley-Terry (1952) with ties as half wins, and Davidson's model of ties (1970).

A strength is a log-odds: system i beats j with probability 1 / (1 + exp(s_j - s_i)), ties counted half to each. They
add up to 0. With one subject against each baseline the strengths say no more than the win rates do; where systems meet
in other pairs too, they use all of it. The model supposes that "better" is one scale; preferences need not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

from handful.core.types import Interval, Noun
from handful.stats.bootstrap import MIN_DRAWN, Bootstrap, Floats, by_prompt, expanded_tail, few
from handful.stats.preference import PEOPLE
from handful.stats.readings import Annotator, Pair, outcome

LIMIT = 12.0
"""Log-odds beyond which a resample's strength counts as endless."""
SAME = 1e-6
"""Bounds this near to each other differ by the rounding of the fit alone: of all ties, say."""
MAX_DRAWS = 2_000
"""Resamples: each is a fit of its own."""

Match = tuple[str, str, str, float]
"""Prompt, first system, second system, and what the first one got: 1, 1/2 or 0."""


class Strength(Noun, frozen=True):
    system: str
    strength: Interval
    """Log-odds against the average of the systems."""
    matches: int


class Ranking(Noun, frozen=True):
    """What one judge's verdicts say of all systems at once."""

    judge: str
    mode: str
    strengths: tuple[Strength, ...]
    """The strongest first; without estimates where the data give none."""
    tie_parameter: float | None
    """Davidson's nu: among equals, a tie is nu / (2 + nu) of outcomes. None where there is no estimate."""
    words: str = ""
    """Why there is no estimate, or what weakens it."""


def ranking(judge: str, mode: str, matches: Sequence[Match], bootstrap: Bootstrap) -> Ranking:
    """Strengths with intervals that resample prompts."""
    systems = list(dict.fromkeys(name for _, a, b, _ in matches for name in (a, b)))
    played = {s: sum(s in (a, b) for _, a, b, _ in matches) for s in systems}
    wins, ties = tables(systems, matches)
    words = reason_against(systems, wins)
    if words:
        none = Interval(None, None, None, len({m[0] for m in matches}), bootstrap.unit, words)
        rows = tuple(Strength(system, none, played[system]) for system in systems)
        return Ranking(judge, mode, rows, None, words)
    found = intervals(systems, matches, bootstrap)
    rows = tuple(Strength(s, found[i], played[s]) for i, s in enumerate(systems))
    ordered = tuple(sorted(rows, key=lambda row: -(row.strength.estimate or 0.0)))
    return Ranking(judge, mode, ordered, davidson(wins - ties / 2, ties)[1])


def tables(systems: Sequence[str], matches: Sequence[Match]) -> tuple[Floats, Floats]:
    """(wins, ties), both (k, k): what row got against column, ties as half; and how many ties, symmetric."""
    place = {system: number for number, system in enumerate(systems)}
    wins, ties = np.zeros((2, len(systems), len(systems)))
    for _, a, b, got in matches:
        i, j = place[a], place[b]
        wins[i, j] += got
        wins[j, i] += 1 - got
        if got == 0.5:
            ties[i, j] += 1
            ties[j, i] += 1
    return wins, ties


def reason_against(systems: Sequence[str], wins: Floats) -> str:
    """Why no finite strengths exist (Ford 1957), in words; nothing where they do."""
    if len(systems) < 2:
        return "fewer than two systems"
    count, group = connected_components((wins + wins.T) > 0, directed=False)
    if count > 1:
        parts = [", ".join(s for s, g in zip(systems, group, strict=True) if g == n) for n in range(count)]
        return (
            f"no comparison joins {' with '.join(f'[{part}]' for part in parts)}: they have no common scale"
        )
    count, group = connected_components(wins > 0, directed=True, connection="strong")
    if count > 1:
        top = next(n for n in range(count) if not wins[group != n][:, group == n].any())
        best = ", ".join(s for s, g in zip(systems, group, strict=True) if g == top)
        return f"[{best}] never lost to, or tied with, any other: how much stronger is beyond these data"
    return ""


def bradley_terry(wins: Floats) -> Floats:
    """Strengths (k), which add up to 0, of a table of wins (k, k) with ties as half; or of many, (d, k, k) -> (d, k).

    Maximum likelihood by Newton's method, for all tables at once. Where a table has no maximum its strengths run
    off, and are cut at LIMIT either way.
    """
    stack = wins[None] if wins.ndim == 2 else wins
    games = stack + stack.swapaxes(1, 2)
    k = stack.shape[1]
    strengths = np.zeros(stack.shape[:2])
    for _ in range(60):
        chances = 1 / (1 + np.exp(strengths[:, None, :] - strengths[:, :, None]))
        gradient = (stack - games * chances).sum(axis=2)
        weights = games * chances * (1 - chances)
        hessian = np.eye(k) * weights.sum(axis=2)[:, :, None] - weights + (1.0 / k)  # + fixes the sum
        step = np.linalg.solve(hessian + 1e-12 * np.eye(k), gradient[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        strengths = np.clip(strengths + step, -LIMIT, LIMIT)
        if np.abs(step[np.abs(strengths).max(axis=1) < LIMIT]).max(initial=0.0) < 1e-10:
            break
    strengths -= strengths.mean(axis=1, keepdims=True)
    return strengths[0] if wins.ndim == 2 else strengths


def intervals(systems: Sequence[str], matches: Sequence[Match], bootstrap: Bootstrap) -> list[Interval]:
    """A strength for each system. A bound that lies beyond the data is None."""
    k, place = len(systems), {system: number for number, system in enumerate(systems)}
    rows = np.zeros((len(matches), k * k))
    for number, (_, a, b, got) in enumerate(matches):
        rows[number, place[a] * k + place[b]] = got
        rows[number, place[b] * k + place[a]] = 1 - got
    sums, _ = by_prompt([prompt for prompt, *_ in matches], rows)
    n = len(sums)
    estimates = bradley_terry(sums.sum(axis=0).reshape(k, k))
    if n == 1:
        return [
            Interval(float(e), None, None, 1, bootstrap.unit, "one prompt gives no interval")
            for e in estimates
        ]
    drawn = bradley_terry(bootstrap.totals(sums, MAX_DRAWS).reshape(-1, k, k))
    tail = expanded_tail(n, bootstrap.level)
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return [
        bounded(float(e), float(a), float(b), n, bootstrap.unit)
        for e, a, b in zip(estimates, low, high, strict=True)
    ]


def bounded(estimate: float, low: float, high: float, n: int, unit: str) -> Interval:
    endless = LIMIT / 2  # centring moves what was cut at LIMIT, by less than half of it
    if n < MIN_DRAWN:
        return Interval(estimate, None, None, n, unit, f"{n} {unit} give no interval")
    if high - low < SAME:
        return Interval(estimate, None, None, n, unit, "the same in every resample: no interval")
    if low > -endless and high < endless:
        return Interval(estimate, low, high, n, unit, few(n, unit))
    return Interval(estimate, None, None, n, unit, "too few losses or wins to bound it: no interval")


def davidson(wins: Floats, ties: Floats) -> tuple[Floats, float | None]:
    """(strengths, nu) of Davidson's model, where a tie of i and j has weight nu sqrt(p_i p_j).

    Args:
        wins: (k, k) without ties.
        ties: (k, k), symmetric, how many of each pair.

    Returns:
        Strengths that add up to 0. nu is 0 where there is no tie, and None where it has no finite value.
    """
    start = bradley_terry(wins + ties / 2)
    if not ties.any():
        return start, 0.0
    if not wins.any():
        return start, None
    upper = np.triu_indices(len(wins), 1)

    def loss(x: Floats) -> float:
        s, nu = x[:-1], np.exp(x[-1])
        a, b = s[upper[0]], s[upper[1]]
        total = np.logaddexp(np.logaddexp(a, b), np.log(nu) + (a + b) / 2)
        mine, theirs, drawn = wins[upper], wins.T[upper], ties[upper]
        said = mine * (a - total) + theirs * (b - total) + drawn * (x[-1] + (a + b) / 2 - total)
        return float(-said.sum() + 0.5 * s.sum() ** 2)

    games = wins.sum() + ties.sum() / 2
    x0 = np.append(start, log(2 * ties.sum() / 2 / wins.sum()))
    found = minimize(loss, x0, method="BFGS", options={"gtol": 1e-6 * max(1.0, float(games))})
    return found.x[:-1] - found.x[:-1].mean(), float(np.exp(found.x[-1]))


def rankings(
    annotators: Sequence[Annotator], pairs: Sequence[Pair], bootstrap: Bootstrap
) -> tuple[Ranking, ...]:
    """Each judge's and panel's, and all people's together, where more than two systems were compared."""
    if len({name for pair in pairs for name in (pair.subject, pair.baseline)}) < 3:
        return ()
    people = [a for a in annotators if a.kind == "person"]
    voices = [(a.name, a.mode, [a]) for a in annotators if a.kind != "person"]
    if people:
        voices.append((PEOPLE, "", people))
    return tuple(
        ranking(name, mode, [m for a in group for m in matches(a, pairs)], bootstrap)
        for name, mode, group in voices
    )


def matches(annotator: Annotator, pairs: Sequence[Pair]) -> list[Match]:
    """What one annotator said, as matches between subject and baseline."""
    worth = {"win": 1.0, "tie": 0.5, "loss": 0.0}
    found: list[Match] = []
    for pair in pairs:
        for seal in pair.seals:
            reading = annotator.readings.get(seal.comparison_id)
            if reading and reading.choice:
                got = worth[outcome(reading.choice, seal, pair.subject)]
                found.append((seal.prompt_id, pair.subject, pair.baseline, got))
    return found
