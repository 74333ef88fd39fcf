"""Helpfulness arm by arm (Figures 5 and 6): grades, differences from the first arm, and what a difference would take.

Two intervals say two things. Over prompts: had other prompts been asked of these very models. Over seeds: had the arms
been trained again, and asked the same. Neither covers another draw of the training data, unless `vary` names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import log2, sqrt
from statistics import NormalDist, linear_regression, mean, stdev, variance

import msgspec

from handful.core.types import Interval, Noun, Signature
from handful.stats import analytic, significance
from handful.stats.bootstrap import MIN_PROMPTS, Bootstrap
from handful.stats.facts import Study
from handful.stats.grades import Grader, Mark, count, prompt_means, tally
from handful.stats.power import LEVEL, POWER, z

SCALE = (1.0, 6.0)
PAPER = {"0.34": 0.34, "0.50": 0.50}
"""Section 5: filtered Stack Exchange less wikiHow (diversity), and less unfiltered Stack Exchange (quality)."""
NO_SEEDS = Interval(None, None, None, 0, "seeds", "one training an arm gives no interval over seeds")
ALIKE = "the same for every prompt: exact bounds"
"""As `stats` notes an interval of values that are all alike."""
SAME_SEEDS = "every training of an arm has the same mean"


class ArmGrade(Noun, frozen=True):
    """One arm's helpfulness from 1 to 6, by one judge; its seeds pooled."""

    judge: str
    arm: str
    seeds: int
    graded: int
    unreadable: int
    missing: int
    counts: dict[str, int]
    mean: Interval
    """Over prompts, each by the mean of its samples and seeds."""
    by_seed: tuple[float, ...]
    over_seeds: Interval
    """Student's, of the seeds' means; none of a single seed."""


class ArmDifference(Noun, frozen=True):
    """An arm less the first arm, on the prompts that both have grades for."""

    judge: str
    arm: str
    first: str
    difference: Interval
    p_value: float | None
    """Randomisation test of the prompts' differences."""
    p_holm: float | None
    visible: float | None
    """The smallest true difference that as many prompts, as scattered as these, would show 4 times in 5."""
    over_seeds: Interval = NO_SEEDS
    """The difference of the seeds' means, with Welch's interval: had all been trained again."""
    chances: dict[str, float | None] = msgspec.field(default_factory=dict)
    """Each of the paper's differences -> the chance that as many prompts, as scattered as these, show it."""


class Trend(Noun, frozen=True):
    """What doubling the examples does to the mean grade, over all arms whose names end in a quantity (Figure 6)."""

    judge: str
    arms: int
    per_doubling: Interval
    """The mean over prompts of each prompt's slope against log2 of the quantity."""


def pooled(study: Study, arms: Mapping[str, str]) -> Study:
    """The study with its systems renamed to their arms: seeds of an arm are samples of one system.

    Comparisons between two seeds of one arm are left out.

    Args:
        arms: system -> arm; systems that are none of an arm keep their names.
    """
    places = {name: 1000 * place for place, name in enumerate(arms)}
    signatures: dict[str, Signature] = {
        id: msgspec.structs.replace(
            one, system=arms.get(one.system, one.system), sample=one.sample + places.get(one.system, 0)
        )
        for id, one in study.signatures.items()
    }
    seals = {
        id: msgspec.structs.replace(
            seal, left=arms.get(seal.left, seal.left), right=arms.get(seal.right, seal.right)
        )
        for id, seal in study.seals.items()
    }
    between = {id: seal for id, seal in seals.items() if seal.left != seal.right}
    named = dict.fromkeys((arms.get(one, one), arms.get(two, two)) for one, two in study.named)
    return replace(
        study,
        signatures=signatures,
        seals=between,
        comparisons={id: comparison for id, comparison in study.comparisons.items() if id in between},
        named=[pair for pair in named if pair[0] != pair[1]],
        live=pooled(study.live, arms) if study.live else None,
    )


def graders(study: Study, arms: Mapping[str, str]) -> list[Grader]:
    """Every judge of helpfulness, and all people as one, with the arms' seeds pooled."""
    return [g for g in pooled(study, arms).graders("helpfulness") if g.kind != "person"]


def alike(value: Interval) -> bool:
    """Whether its bounds come of one value for every prompt, and not of a spread."""
    return ALIKE in value.note


def arm_grades(
    pooled: Grader, single: Grader, arms: Mapping[str, str], bootstrap: Bootstrap
) -> list[ArmGrade]:
    """A row an arm, in the order of the file.

    Args:
        pooled: the judge's marks by arm.
        single: the same judge's by system, a seed each.
    """
    return [arm_grade(pooled, single, arm, arms, bootstrap) for arm in dict.fromkeys(arms.values())]


def arm_grade(
    pooled: Grader, single: Grader, arm: str, arms: Mapping[str, str], bootstrap: Bootstrap
) -> ArmGrade:
    marks = pooled.of(arm)
    means, counted = prompt_means(marks), tally(marks)
    by_seed = [seed_mean(single.of(system)) for system, own in arms.items() if own == arm]
    known = [value for value in by_seed if value is not None]
    return ArmGrade(
        judge=pooled.name,
        arm=arm,
        seeds=len(by_seed),
        graded=counted["graded"],
        unreadable=counted["unreadable"],
        missing=counted["missing"],
        counts=count(marks, "helpfulness"),
        mean=bootstrap.mean(list(means), [float(value) for value in means.values()], bounds=SCALE),
        by_seed=tuple(known),
        over_seeds=over_seeds(known, bootstrap.level),
    )


def over_seeds(means: Sequence[float], level: float) -> Interval:
    """Student's, of the seeds' means; where there is none, the note says so of seeds and not of prompts."""
    found = analytic.mean([str(n) for n in range(len(means))], means, level, "seeds", SCALE)
    if not means or found.low is not None:
        return found
    return msgspec.structs.replace(found, note=NO_SEEDS.note if len(means) == 1 else SAME_SEEDS)


def seed_mean(marks: Sequence[Mark]) -> float | None:
    means = prompt_means(marks)
    return float(mean(means.values())) if means else None


def arm_differences(
    pooled: Grader, arms: Mapping[str, str], bootstrap: Bootstrap, single: Grader | None = None
) -> list[ArmDifference]:
    """Each arm less the first, adjusted for how many there are (Holm).

    Args:
        single: the judge's marks by system; None leaves the interval over seeds out.
    """
    first, *others = dict.fromkeys(arms.values())
    rows = [arm_difference(pooled, arm, first, bootstrap) for arm in others]
    if single is not None:
        seeds = {arm: seed_means(single, arm, arms) for arm in (first, *others)}
        rows = [
            msgspec.structs.replace(row, over_seeds=welch(seeds[row.arm], seeds[first], bootstrap.level))
            for row in rows
        ]
    adjusted = significance.holm([row.p_value for row in rows])
    return [msgspec.structs.replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]


def arm_difference(pooled: Grader, arm: str, first: str, bootstrap: Bootstrap) -> ArmDifference:
    one, two = prompt_means(pooled.of(arm)), prompt_means(pooled.of(first))
    exact: dict[str, Fraction] = {prompt: one[prompt] - two[prompt] for prompt in one if prompt in two}
    values = [float(value) for value in exact.values()]
    return ArmDifference(
        judge=pooled.name,
        arm=arm,
        first=first,
        difference=bootstrap.mean(list(exact), values, bounds=(-5.0, 5.0)),
        p_value=significance.permutation(list(exact.values())),
        p_holm=None,
        visible=visible(values),
        chances={name: chance(size, values) for name, size in PAPER.items()},
    )


def seed_means(single: Grader, arm: str, arms: Mapping[str, str]) -> list[float]:
    """The mean grade of each of an arm's trainings that has one."""
    found = [seed_mean(single.of(system)) for system, own in arms.items() if own == arm]
    return [value for value in found if value is not None]


def welch(one: Sequence[float], two: Sequence[float], level: float) -> Interval:
    """The difference of two means of trainings: Welch's interval, since spreads may differ."""
    if not one or not two:
        return NO_SEEDS
    difference, n = mean(one) - mean(two), min(len(one), len(two))
    if n < 2:
        return Interval(difference, None, None, n, "seeds", NO_SEEDS.note)
    from scipy.special import stdtrit

    parts = [variance(one) / len(one), variance(two) / len(two)]
    error = sqrt(sum(parts))
    if error < 1e-9:  # rounding; no spread at all
        return Interval(difference, None, None, n, "seeds", SAME_SEEDS)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(two) - 1))
    half = -float(stdtrit(freedom, (1 - level) / 2)) * error
    return Interval(difference, max(difference - half, -5.0), min(difference + half, 5.0), n, "seeds")


def visible(differences: Sequence[float]) -> float | None:
    """The smallest true mean that so many differences, scattered like these, show with a power of 80% at 5%."""
    if (error := standard_error(differences)) is None:
        return None
    return (z((1 + LEVEL) / 2) + z(POWER)) * error


def chance(size: float, differences: Sequence[float]) -> float | None:
    """The power to see a true mean of `size` at 5%, with so many differences, scattered like these."""
    if (error := standard_error(differences)) is None:
        return None
    return NormalDist().cdf(size / error - z((1 + LEVEL) / 2))


def standard_error(differences: Sequence[float]) -> float | None:
    """Of their mean; None of few, and where all are alike, which say nothing of how scattered others would be."""
    if len(differences) < MIN_PROMPTS or max(differences) - min(differences) < 1e-12:
        return None
    return stdev(differences) / sqrt(len(differences))


def trend(pooled: Grader, quantities: Mapping[str, float], bootstrap: Bootstrap) -> Trend | None:
    """The slope of grades over doublings, on the prompts that every arm has a grade for.

    Args:
        quantities: arm -> its examples; fewer than two different ones have no slope.
    """
    if len(set(quantities.values())) < 2:
        return None
    means = {arm: prompt_means(pooled.of(arm)) for arm in quantities}
    shared = [prompt for prompt in next(iter(means.values())) if all(prompt in own for own in means.values())]
    doublings = [log2(quantity) for quantity in quantities.values()]
    slopes = [
        linear_regression(doublings, [float(own[prompt]) for own in means.values()]).slope
        for prompt in shared
    ]
    return Trend(pooled.name, len(quantities), bootstrap.mean(shared, slopes, bounds=(-5.0, 5.0)))
