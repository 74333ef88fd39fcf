"""Which figures of ours stand beside Figures 5 and 6: those of an ablation's arms, by what ablation.json has.

An arm is known by its name, or by the quantity that its name ends in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from handful.core.types import Interval
from handful.experiments.beside import Beside, Ours
from handful.experiments.claims import Claim, Group
from handful.experiments.evidence import Ablated
from handful.experiments.standing import is_people, of_judge, same_grade
from handful.report.grading import quantity_of

Row = Mapping[str, Any]
SPAN = 16
"""Figure 6: from 2,000 to 32,000 examples."""


def arms(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 5: an ablation's arms, by name, and their differences."""
    one, _, two = claim.of.partition("/")
    for ablation in beside.evidence.ablations:
        if two:
            yield from arm_differences(ablation, one, two, beside)
        elif any(
            beside.known(paper, arm)
            for paper in ("wikihow", "unfiltered")
            for arm in ablation.content["arms"]
        ):
            yield from arm_means(ablation, lambda arm: beside.known(one, arm), beside)


def arm_means(ablation: Ablated, wanted: Callable[[str], bool], beside: Beside) -> Iterator[Ours]:
    for row in ablation.content.get("grades", ()):
        if wanted(row["arm"]):
            yield of_arms(beside, ablation, row, row["mean"], row["arm"])


def arm_differences(ablation: Ablated, one: str, two: str, beside: Beside) -> Iterator[Ours]:
    """The first arm less the second; an ablation gives each arm less its first."""
    for row in ablation.content.get("differences", ()):
        if beside.known(one, row["arm"]) and beside.known(two, row["first"]):
            yield of_arms(beside, ablation, row, row["difference"], row["arm"], row["first"])
        elif beside.known(one, row["first"]) and beside.known(two, row["arm"]):
            yield of_arms(beside, ablation, row, turned(row["difference"]), row["first"], row["arm"])


def turned(value: Interval) -> Interval:
    """The same difference, said the other way round."""
    return msgspec.structs.replace(
        value, estimate=minus(value.estimate), low=minus(value.high), high=minus(value.low)
    )


def minus(value: float | None) -> float | None:
    return None if value is None else -value


def of_arms(beside: Beside, ablation: Ablated, row: Row, value: Interval, *names: str) -> Ours:
    if ablation.evaluation is None:
        doubt = "the folders of its evaluation are gone, so nothing is known of its judge"
        return Ours(f"ablation {ablation.name}", value, str(row["judge"]), "unproven", doubt, names)
    judge, standing, doubt = of_judge(ablation.evaluation, row, graded=True, failed=beside.failed)
    if not is_people(ablation.evaluation.facts, row):
        own = (other for other in ablation.content.get("grades", ()) if other["judge"] == row["judge"])
        doubt = doubt or next(filter(None, (same_grade(judge, [arm]) for arm in own)), "")
    return Ours(ablation.evaluation.name, value, judge, standing, doubt, names)


def quantities(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 6: arms whose names end in how many examples they have ("se-2k")."""
    for ablation in beside.evidence.ablations:
        sizes = {arm: size for arm in ablation.content["arms"] if (size := quantity_of(arm)) is not None}
        if claim.of != "span":
            wanted = [arm for arm, size in sizes.items() if size == float(claim.of)]
            yield from arm_means(ablation, wanted.__contains__, beside)
            continue
        for row in ablation.content.get("differences", ()) if len(sizes) > 1 else ():
            ends = (min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__))
            if (row["first"], row["arm"]) == ends:
                found = of_arms(beside, ablation, row, row["difference"], row["arm"], row["first"])
                doubts = filter(None, [other_span(ablation, *(sizes[arm] for arm in ends)), found.doubt])
                yield msgspec.structs.replace(found, doubt="; ".join(doubts))


def other_span(ablation: Ablated, fewest: float, most: float) -> str:
    """That the most are not as many times the fewest as in the paper, as a clause; or nothing."""
    if abs(most / fewest - SPAN) < 0.5:
        return ""
    return f"ours are {most / fewest:.3g} times as many ({fewest:,.0f} to {most:,.0f}), the paper's {SPAN}"
