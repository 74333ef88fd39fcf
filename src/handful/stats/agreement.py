"""How far two annotators agree: the paper's tie-discounted accuracy (Section 4.2), and what it is worth.

An annotator that always says "tie" scores 0.69 on real crowd votes where people score 0.70 among themselves.
So chance, that baseline and chance-corrected figures always stand beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from handful.core.types import Choice, Interval, Noun
from handful.stats.bootstrap import Bootstrap
from handful.stats.preference import PEOPLE
from handful.stats.readings import Annotator

Row = tuple[str, Choice, Choice]
"""Prompt, what the first said, what the second said of the same comparison."""
CHOICES: tuple[Choice, ...] = ("left", "right", "tie")


class Agreement(Noun, frozen=True):
    first: str
    second: str
    comparisons: int
    """Pairs of verdicts on the same comparison."""
    tie_discounted: Interval
    exact: Interval
    chance: float | None
    """Tie-discounted accuracy of two who answer at random, each as often as these did."""
    always_tie: float | None
    """What an annotator who always says "tie" would score, against the two on average."""
    kappa: float | None
    """Cohen's, of exact agreement. None where chance alone gives full agreement."""
    weighted_kappa: float | None
    """The same of tie-discounted accuracy."""


def tie_discounted(first: Choice, second: Choice) -> float:
    """1 where both chose alike, 1/2 where exactly one said tie, else 0."""
    return 1.0 if first == second else 0.5 if "tie" in (first, second) else 0.0


def exact(first: Choice, second: Choice) -> float:
    return float(first == second)


def agreements(
    annotators: Sequence[Annotator], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> list[Agreement]:
    """Every two annotators, and where there are people, people among themselves and each model against them.

    Args:
        prompts: comparison id -> prompt id.
    """
    people = [a for a in annotators if a.kind == "person"]
    found = []
    if people:
        for model in (a for a in annotators if a.kind == "model"):
            rows = [row for person in people for row in shared(model, person, prompts)]
            found.append(agreement(model.name, PEOPLE, rows, bootstrap))
    if len(people) > 1:
        rows = [row for a, b in combinations(people, 2) for row in shared(a, b, prompts)]
        found.append(agreement(PEOPLE, PEOPLE, both_ways(rows), bootstrap))
    for a, b in combinations(annotators, 2):
        found.append(agreement(a.name, b.name, shared(a, b, prompts), bootstrap))
    return found


def shared(first: Annotator, second: Annotator, prompts: Mapping[str, str]) -> list[Row]:
    """The comparisons that both could be read on."""
    rows: list[Row] = []
    for id, mine in first.readings.items():
        other = second.readings.get(id)
        if other and mine.choice and other.choice:
            rows.append((prompts[id], mine.choice, other.choice))
    return rows


def both_ways(rows: Iterable[Row]) -> list[Row]:
    """Each pair of verdicts in both directions, where neither of the two is the first."""
    return [row for prompt, a, b in rows for row in ((prompt, a, b), (prompt, b, a))]


def agreement(first: str, second: str, rows: Sequence[Row], bootstrap: Bootstrap) -> Agreement:
    prompts = [prompt for prompt, _, _ in rows]
    values = [[tie_discounted(a, b), exact(a, b)] for _, a, b in rows]
    intervals = bootstrap.means(prompts, values)
    ties = sum((a == "tie") + (b == "tie") for _, a, b in rows)
    return Agreement(
        first=first,
        second=second,
        comparisons=len(rows) // 2 if first == second else len(rows),
        tie_discounted=intervals[0],
        exact=intervals[-1],
        chance=chance(rows, tie_discounted) if rows else None,
        always_tie=0.5 + ties / (4 * len(rows)) if rows else None,
        kappa=kappa(rows, exact),
        weighted_kappa=kappa(rows, tie_discounted),
    )


def chance(rows: Sequence[Row], score: Callable[[Choice, Choice], float]) -> float:
    """The mean score if the two answered independently, each with its own shares of left, right and tie."""
    first, second = Counter(a for _, a, _ in rows), Counter(b for _, _, b in rows)
    total = sum(first[a] * second[b] * score(a, b) for a in CHOICES for b in CHOICES)
    return total / len(rows) ** 2


def kappa(rows: Sequence[Row], score: Callable[[Choice, Choice], float]) -> float | None:
    """(observed - chance) / (1 - chance); None where that is not defined."""
    if not rows:
        return None
    expected = chance(rows, score)
    observed = sum(score(a, b) for _, a, b in rows) / len(rows)
    return None if expected > 1 - 1e-12 else (observed - expected) / (1 - expected)


def alpha(items: Iterable[Sequence[Choice]], score: Callable[[Choice, Choice], float]) -> float | None:
    """Krippendorff's alpha for any number of annotators, with the distance 1 - score.

    Args:
        items: the choices made on each comparison; those with fewer than two are passed over.
    """
    coincidences: Counter[tuple[Choice, Choice]] = Counter()
    for choices in items:
        counts = Counter(choices)
        for a in counts:
            for b in counts:
                together = counts[a] * (counts[b] - (a == b))
                if len(choices) > 1:
                    coincidences[a, b] += together / (len(choices) - 1)  # type: ignore[assignment]
    sizes = {a: sum(coincidences[a, b] for b in CHOICES) for a in CHOICES}
    n = sum(sizes.values())
    if n < 2:
        return None
    observed = sum(coincidences[a, b] * (1 - score(a, b)) for a in CHOICES for b in CHOICES) / n
    expected = sum(sizes[a] * (sizes[b] - (a == b)) * (1 - score(a, b)) for a in CHOICES for b in CHOICES) / (
        n * (n - 1)
    )
    return None if expected == 0 else 1 - observed / expected
