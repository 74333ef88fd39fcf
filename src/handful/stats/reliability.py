"""How far many annotators agree: alpha and Fleiss' kappa, and each against all the others.

Figures beside the paper's tie-discounted accuracy (agreement.py), which alone misleads. Alpha and kappa are corrected
for chance: 0 is none beyond it, 1 is full agreement. They say how reproducible the verdicts are, not how right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product

import numpy as np

from handful.core.types import Choice, Interval, Noun
from handful.stats.agreement import (
    CHOICES,
    Agreement,
    Row,
    agreement,
    both_ways,
    exact,
    shared,
    tie_discounted,
)
from handful.stats.bootstrap import Bootstrap, Floats
from handful.stats.readings import Annotator

Score = Callable[[Choice, Choice], float]
Item = tuple[str, Sequence[Choice]]
"""Prompt, and every choice made on one comparison."""
MODELS = "models"
"""How the groups of model judges begin, one a mode."""


class LeaveOneOut(Noun, frozen=True):
    """One annotator against the others of a group: low figures find one who is careless, or of another mind."""

    annotator: str
    kind: str
    comparisons: int
    """Those that another judged too."""
    others: Interval
    """Mean tie-discounted accuracy with each of the others."""
    majority: Interval
    """Tie-discounted accuracy with what most of the others chose; a draw among them is a tie."""


class Reliability(Noun, frozen=True):
    """All annotators of a group together."""

    group: str
    annotators: int
    comparisons: int
    """Those with two choices or more."""
    alpha_tie_distance: Interval
    """Krippendorff's, with the distance 1 - tie-discounted accuracy."""
    alpha_nominal: Interval
    fleiss_kappa: float | None
    """Of comparisons that equally many judged; None where numbers differ, and alpha is the figure to read."""


def choices_on(annotators: Sequence[Annotator], prompts: Mapping[str, str]) -> list[Item]:
    """Every readable choice on each comparison that two or more could be read on."""
    items: list[Item] = []
    for id, prompt in prompts.items():
        said = [a.readings[id].choice for a in annotators if id in a.readings]
        choices = [choice for choice in said if choice]
        if len(choices) > 1:
            items.append((prompt, choices))
    return items


def reliability(
    group: str, annotators: Sequence[Annotator], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> Reliability:
    items = choices_on(annotators, prompts)
    return Reliability(
        group=group,
        annotators=len(annotators),
        comparisons=len(items),
        alpha_tie_distance=alpha_interval(items, tie_discounted, bootstrap),
        alpha_nominal=alpha_interval(items, exact, bootstrap),
        fleiss_kappa=fleiss_kappa([choices for _, choices in items]),
    )


def alpha_interval(items: Sequence[Item], score: Score, bootstrap: Bootstrap) -> Interval:
    """Krippendorff's alpha with the distance 1 - score; its interval resamples prompts."""
    rows = [(prompt, coincidences(choices)) for prompt, choices in items if len(choices) > 1]
    distance = np.array([[1 - score(a, b) for b in CHOICES] for a in CHOICES])
    return bootstrap.of(
        [prompt for prompt, _ in rows],
        [row for _, row in rows],
        lambda sums: alphas(sums.reshape(-1, 3, 3), distance),
    )


def coincidences(choices: Sequence[Choice]) -> list[float]:
    """The nine coincidences of one comparison, row by row in the order of CHOICES; they add up to len(choices)."""
    counts = Counter(choices)
    return [counts[a] * (counts[b] - (a == b)) / (len(choices) - 1) for a in CHOICES for b in CHOICES]


def alphas(tables: Floats, distance: Floats) -> Floats:
    """Alpha of each coincidence table (d, 3, 3); nan where every choice is the same."""
    sizes = tables.sum(axis=2)
    n = sizes.sum(axis=1)
    pairs = sizes[:, :, None] * sizes[:, None, :] - np.einsum("dk,kl->dkl", sizes, np.eye(3))
    observed = (tables * distance).sum(axis=(1, 2)) / n
    expected = (pairs * distance).sum(axis=(1, 2)) / (n * np.maximum(n - 1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(expected > 1e-15, 1 - observed / expected, np.nan)
    return found


def fleiss_kappa(items: Sequence[Sequence[Choice]]) -> float | None:
    """Fleiss' kappa (1971), whose items all have equally many choices; None where they have not, or all are alike."""
    sizes = {len(choices) for choices in items}
    if len(sizes) != 1 or (m := sizes.pop()) < 2:
        return None
    counts = np.array([[Counter(choices)[c] for c in CHOICES] for choices in items], dtype=np.float64)
    observed = float(((counts**2).sum(axis=1) - m).mean() / (m * (m - 1)))
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if expected > 1 - 1e-12 else (observed - expected) / (1 - expected)


def leave_one_out(
    annotators: Sequence[Annotator], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> list[LeaveOneOut]:
    """Each of the annotators against the rest of them."""
    found = []
    for one in annotators:
        rest = [other for other in annotators if other is not one]
        rows = [row for other in rest for row in shared(one, other, prompts)]
        most = majority_rows(one, rest, prompts)
        found.append(
            LeaveOneOut(
                annotator=one.name,
                kind=one.kind,
                comparisons=len(most),
                others=mean_score(rows, bootstrap),
                majority=mean_score(most, bootstrap),
            )
        )
    return found


def majority_rows(one: Annotator, rest: Sequence[Annotator], prompts: Mapping[str, str]) -> list[Row]:
    """What `one` said of each comparison, and what most of the rest did."""
    rows: list[Row] = []
    for id, reading in one.readings.items():
        said = [other.readings[id].choice for other in rest if id in other.readings]
        others = [choice for choice in said if choice]
        if reading.choice and others:
            rows.append((prompts[id], reading.choice, majority(others)))
    return rows


def majority(choices: Sequence[Choice]) -> Choice:
    """The choice with the most votes; a tie where two have equally many."""
    ranked = Counter(choices).most_common(2)
    return "tie" if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def mean_score(rows: Sequence[Row], bootstrap: Bootstrap) -> Interval:
    return bootstrap.mean([p for p, _, _ in rows], [tie_discounted(a, b) for _, a, b in rows])


def groups_of(
    annotators: Sequence[Annotator], fakes: frozenset[str] = frozenset()
) -> dict[str, list[Annotator]]:
    """People, and model judges by mode. A name "group:person" puts a person into a group of that name.

    Judges that follow a rule (`fakes`) are in none: how far they agree says nothing of models.
    """
    found: dict[str, list[Annotator]] = {}
    for one in annotators:
        if one.kind == "model" and one.name in fakes:
            continue
        mode = f"{MODELS} ({one.mode})" if one.mode else MODELS
        own, colon, _ = one.name.partition(":")
        group = mode if one.kind == "model" else own if colon and own else "people"
        found.setdefault(group, []).append(one)
    return found


def between_groups(
    groups: Mapping[str, Sequence[Annotator]], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> list[Agreement]:
    """Every group against itself (members in pairs) and every other: the paper's table of Section 4.2.

    Models of one mode never meet those of the other: no figure takes both.
    """
    found = []
    for first, second in (*((g, g) for g in groups), *combinations(groups, 2)):
        if first != second and first.startswith(MODELS) and second.startswith(MODELS):
            continue
        if first == second:
            pairs = combinations(groups[first], 2)
            rows = both_ways(row for a, b in pairs for row in shared(a, b, prompts))
        else:
            rows = [row for a, b in product(groups[first], groups[second]) for row in shared(a, b, prompts)]
        if rows:
            found.append(agreement(first, second, rows, bootstrap))
    return found
