"""What came of an ablation: grades arm by arm, differences from the first arm, and what the data could have shown.

Two intervals say two things. Over prompts: had other prompts been asked of these very models. Over seeds: had the arms
been trained again, and asked the same. Neither covers another draw of the training data, unless `vary` names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import sqrt
from statistics import mean, stdev

import msgspec

from handful.core.types import Interval, Noun
from handful.stats import analytic, significance
from handful.stats.bootstrap import Bootstrap
from handful.stats.facts import Study
from handful.stats.grades import Grader, Mark, count, prompt_means
from handful.stats.power import LEVEL, POWER, z

SCALE = (1.0, 6.0)


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


def graders(study: Study, arms: Mapping[str, str]) -> list[Grader]:
    """Every judge of helpfulness, with systems renamed to their arms and the seeds' samples counted on.

    Args:
        arms: system -> arm; systems that are none of an arm keep their names.
    """
    places = {name: place for place, name in enumerate(arms)}

    def renamed(mark: Mark) -> Mark:
        return Mark(
            mark.prompt_id,
            arms.get(mark.system, mark.system),
            mark.sample + 1000 * places.get(mark.system, 0),
            mark.turn,
            mark.grade,
            mark.missing,
        )

    return [
        Grader(g.name, g.kind, g.mode, [renamed(mark) for mark in g.marks])
        for g in study.graders("helpfulness")
        if g.kind != "person"
    ]


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
    means = prompt_means(marks)
    by_seed = [seed_mean(single.of(system)) for system, own in arms.items() if own == arm]
    known = [value for value in by_seed if value is not None]
    return ArmGrade(
        judge=pooled.name,
        arm=arm,
        seeds=len(by_seed),
        graded=sum(mark.grade is not None for mark in marks),
        unreadable=sum(mark.grade is None and not mark.missing for mark in marks),
        missing=sum(mark.missing for mark in marks),
        counts=count(marks, "helpfulness"),
        mean=bootstrap.mean(list(means), [float(value) for value in means.values()], bounds=SCALE),
        by_seed=tuple(known),
        over_seeds=analytic.mean([str(n) for n in range(len(known))], known, bootstrap.level, "seeds", SCALE),
    )


def seed_mean(marks: Sequence[Mark]) -> float | None:
    means = prompt_means(marks)
    return float(mean(means.values())) if means else None


def arm_differences(pooled: Grader, arms: Mapping[str, str], bootstrap: Bootstrap) -> list[ArmDifference]:
    """Each arm less the first, adjusted for how many there are (Holm)."""
    first, *others = dict.fromkeys(arms.values())
    rows = [arm_difference(pooled, arm, first, bootstrap) for arm in others]
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
    )


def visible(differences: Sequence[float]) -> float | None:
    """The smallest true mean that so many differences, scattered like these, show with a power of 80% at 5%."""
    if len(differences) < 2:
        return None
    return (z((1 + LEVEL) / 2) + z(POWER)) * stdev(differences) / sqrt(len(differences))
