"""Sentences about an ablation, none stronger than its intervals."""

from __future__ import annotations

from collections.abc import Sequence

from handful.core.types import Interval
from handful.experiments.arms import Ablation
from handful.experiments.outcome import ALIKE, ArmDifference, ArmGrade, alike
from handful.stats.flatness import one_grade

FEW_TRAININGS = 3


def findings(
    ablation: Ablation, grades: Sequence[ArmGrade], differences: Sequence[ArmDifference], validity: str = ""
) -> list[str]:
    """What was found and what stands against it.

    Args:
        validity: where the evaluation's report says whether its judges can be trusted.
    """
    lines = [finding(row) for row in differences]
    trainings = len(ablation.seeds)
    if trainings == 1:
        lines.append("One training an arm: whether another seed would change the order is not known.")
    elif trainings < FEW_TRAININGS:
        lines.append("Two trainings an arm say little of the spread between trainings.")
    flat = {row.judge for row in grades if one_grade(row.counts)}
    lines += [
        f"{judge} gives one grade more than nine times in ten: it can hardly tell arms apart, and what these data "
        "could have seen says nothing of another judge."
        for judge in sorted(flat)
    ]
    if not any("select.seed" in key for key in ablation.vary):
        lines.append(
            'Each arm is one draw of its data: another draw might do better or worse. vary = ["train.seed", '
            '"select.seed"] draws anew with each seed.'
        )
    if grades:
        lines.append(
            f"A judge's grades are worth what its own validity is; the evaluation's report has it{at(validity)}."
        )
    return lines


def at(place: str) -> str:
    return f": {place}" if place else ""


def finding(row: ArmDifference) -> str:
    """One sentence a difference, no stronger than its interval over prompts, nor than that over seeds."""
    value: Interval = row.difference
    if value.estimate is None or value.low is None or value.high is None:
        return f"{row.arm} and {row.first} by {row.judge}: no interval, so nothing is concluded."
    bounds = f"{value.low:+.2f} to {value.high:+.2f}, {value.n} prompts{f'; {ALIKE}' if alike(value) else ''}"
    size = f"{value.estimate:+.2f} ({bounds})"
    if value.low > 0 or value.high < 0:
        better = "better" if value.low > 0 else "worse"
        return (
            f"{row.arm} is graded {better} than {row.first} by {row.judge}: {size}{between(row.over_seeds)}."
        )
    seen = f"; a true difference below {row.visible:.2f} would mostly stay unseen here" if row.visible else ""
    return f"{row.arm} and {row.first} are not told apart by {row.judge}: {size}{seen}."


def between(seeds: Interval) -> str:
    """What training again would do to a difference, as far as that is known."""
    if seeds.low is None or seeds.high is None:
        return ""
    told = f"{seeds.low:+.2f} to {seeds.high:+.2f} over {seeds.n} trainings each"
    if seeds.low > 0 or seeds.high < 0:
        return f"; {told}, which bears it out"
    return f"; but {told}: of these very models it holds, of arms trained again it is not shown"
