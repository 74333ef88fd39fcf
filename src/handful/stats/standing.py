"""From figures to a word on a judge: "no", "unproven" or "validated", and the sentences that say why.

The thresholds are ours. A flag needs both: an interval that leaves chance behind, and a size that matters. So a fair
judge is flagged in fewer than one of twenty studies, and a trifle that a large study can see is not called a bias. Of
fewer than MIN_PROMPTS prompts nothing is concluded, but that verdicts or grades cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from handful.core.types import Interval
from handful.stats.agreement import Agreement
from handful.stats.bootstrap import MIN_PROMPTS, nothing
from handful.stats.flatness import OneGrade
from handful.stats.gate import MIN_PAIRS, Gate
from handful.stats.losses import NO_GRADES, Grading

MAX_FLIP_SHARE = 0.2
"""Distrust where the interval of the share of changed minds lies above this. On LLMBar, GPT-4 of 2023 changed
its mind in 7%, the weaker judges of that year in 25-59%."""
MIN_POSITION_BIAS = 0.05
"""Flag where the first place is chosen this much more, or less, than half the time, beyond chance."""
MAX_POSITION_BIAS = 0.1
"""Distrust where it is this much, beyond doubt."""
MIN_LENGTH_BIAS = 0.1
"""The same of the longer answer."""
MAX_LONGER_SHARE = 0.9
"""Distrust where a judge went by length this often, or as often against it, beyond doubt: no quality goes so."""
MAX_UNREADABLE_SHARE = 0.2
WIDER = 1.32
"""An interval of 99% is this much wider than one of 95%: several things are looked for, and each may flag by chance."""
MIN_COMPARISONS = 10
"""Below this many, a judge that always says the same may do so by chance."""

NOTHING = nothing()
Standing = Literal["no", "unproven", "validated"]


@dataclass(slots=True)
class Findings:
    """What the tests found."""

    flags: list[str] = field(default_factory=list)
    grave: list[str] = field(default_factory=list)
    """Reasons not to trust the judge, the gravest first; clauses without their full stop."""
    remarks: list[str] = field(default_factory=list)
    """Sentences on what is no reason to distrust it, but must be known."""
    steadiness: str = ""
    """A sentence on both orders, where they are no reason to distrust it."""


def flags(
    flipped: Interval,
    position: Interval,
    longer: Interval,
    lost: Interval,
    always: str,
    lost_grades: Interval = NOTHING,
    gate: Gate | None = None,
    grading: Grading = NO_GRADES,
    compared: bool = True,
) -> Findings:
    """The tests, one by one.

    Args:
        flipped: share of comparisons on which its two orders differ.
        position: share of its decisions for the answer shown first.
        longer: share of its decisions for the longer answer.
        lost: share of its verdicts that cannot be read.
        always: what it always said, or nothing.
        lost_grades: share of its grades that cannot be read.
        gate: its verdicts on labelled pairs: where it was asked in both orders there, these tell how steady it is too.
        grading: what became of its grades.
        compared: whether it was shown two answers at all.
    """
    found = Findings()
    if always:
        found.flags.append("always")
        found.grave.append(f"whatever it was shown, it chose {always} every time it could be read")
    grades_alone = bool(grading.read) and not compared
    check_flips(flipped, gate.flipped if gate else NOTHING, grades_alone, found)
    check_position(position, always, found)
    check_length(longer, always, found)
    if lost.estimate is not None and lost.estimate > MAX_UNREADABLE_SHARE:
        found.flags.append("unreadable")
        found.grave.append(f"{percent(lost.estimate)} of its verdicts could not be read")
    if lost_grades.estimate is not None and lost_grades.estimate > MAX_UNREADABLE_SHARE:
        found.flags.append("unreadable_grades")
        found.grave.append(f"{percent(lost_grades.estimate)} of its grades could not be read")
    if gate and gate.failed:
        found.flags.append("gate")
        found.grave.append(
            f"on the gate it chose the side that people chose in {percent(gate.right_side.estimate)} of its decisions "
            f"(n = {gate.right_side.n} {gate.right_side.unit}): hardly better than chance, which is 50%"
        )
    check_one_grade(grading.one_grade, found)
    return found


def check_one_grade(alike: Sequence[OneGrade], found: Findings) -> None:
    """A remark, no reason for distrust: all answers may deserve the same."""
    if alike:
        listed = "; ".join(f"{one.task}: {one.grade}, {one.times} of {one.of}" for one in alike)
        found.flags.append("one_grade")
        found.remarks.append(
            f"It gives one grade more than nine times in ten ({listed}): right or wrong, it can hardly tell systems "
            "apart by it."
        )


def check_flips(flipped: Interval, on_gate: Interval, grades_alone: bool, found: Findings) -> None:
    """Both orders, in the study and on the gate: either can show a judge that goes by the order."""
    if too_many(flipped):
        found.grave.append(f"shown the same two answers in the other order {changed(flipped)}")
    if too_many(on_gate):
        found.grave.append(f"on the gate, shown the same two answers in the other order, {changed(on_gate)}")
    if too_many(flipped) or too_many(on_gate):
        found.flags.append("flips")
    else:
        found.steadiness = consistency(flipped, on_gate, grades_alone)


def too_many(flipped: Interval) -> bool:
    return enough(flipped) and flipped.low is not None and flipped.low > MAX_FLIP_SHARE


def enough(figure: Interval) -> bool:
    return figure.n >= MIN_PROMPTS


def check_position(position: Interval, always: str, found: Findings) -> None:
    share = flagged(position, MIN_POSITION_BIAS)
    if share is None:
        return
    found.flags.append("position")
    place, taken = ("first", share) if share > 0.5 else ("second", 1 - share)
    words = f"it chose the answer shown {place} in {percent(taken)} of its decisions"
    if always:
        return
    if beyond(position, 0.5 + MAX_POSITION_BIAS):
        found.grave.append(words)
    else:
        found.remarks.append(f"It leans to a place: {words}.")


def check_length(longer: Interval, always: str, found: Findings) -> None:
    share = flagged(longer, MIN_LENGTH_BIAS)
    if share is None or always:
        return
    found.flags.append("length")
    size, taken = ("longer", share) if share > 0.5 else ("shorter", 1 - share)
    words = f"it chose the {size} answer in {percent(taken)} of its decisions"
    if beyond(longer, MAX_LONGER_SHARE):
        found.grave.append(words)
    else:
        found.remarks.append(
            f"Length may weigh with it, or go with quality: {words}. See the rate at equal length."
        )


def flagged(share: Interval, least: float) -> float | None:
    """The share, where it is at least `least` away from half and an interval of about 99% excludes half."""
    if share.estimate is None or share.low is None or share.high is None or not enough(share):
        return None
    above = share.estimate - 0.5
    half = share.estimate - share.low if above > 0 else share.high - share.estimate
    return share.estimate if abs(above) > WIDER * half and abs(above) >= least else None


def beyond(share: Interval, limit: float) -> bool:
    """Whether the whole interval lies above the limit, or as far on the other side of half."""
    return (share.low is not None and share.low > limit) or (
        share.high is not None and share.high < 1 - limit
    )


def judgement(
    found: Findings, against_people: Agreement | None, gate: Gate | None, prompts: int = MIN_PROMPTS
) -> tuple[Standing, list[str]]:
    """The word, and the sentences that say why.

    Args:
        prompts: on how many it said anything.
    """
    on_gate = [gate_words(gate)] if gate else []
    if found.grave:
        words = [f"Do not trust this judge: {reason}." for reason in found.grave]
        steady = [found.steadiness] if found.steadiness else []
        return "no", [*words, *steady, *found.remarks, *on_gate]
    words = [*few_words(prompts), found.steadiness, *found.remarks, *on_gate]
    if against_people is None or against_people.comparisons == 0:
        if gate is None or gate.read == 0:
            return "unproven", [
                *words,
                "It was not validated against people: consistent is not the same as right.",
            ]
        return ("validated" if gate.passed else "unproven"), words
    low, floor = (
        against_people.tie_discounted.low,
        max(against_people.chance or 0, against_people.always_tie or 0),
    )
    measured = (
        f"It agrees with people at {percent(against_people.tie_discounted.estimate)} (tie-discounted; "
        f"always saying tie would score {percent(against_people.always_tie)}, "
        f"chance {percent(against_people.chance)})"
    )
    if not enough(against_people.tie_discounted):
        return "unproven", [
            *words,
            f"{measured}, of {against_people.tie_discounted.n} prompts: too few to tell.",
        ]
    if low is None or low <= floor:
        return "unproven", [*words, f"{measured}, which is not beyond doubt more than those."]
    return "validated", [*words, f"{measured}."]


def gate_words(gate: Gate) -> str:
    """What the labelled pairs say of the judge."""
    if gate.read == 0:
        return f"It could be read on none of the {gate.pairs} labelled pairs of the gate."
    if gate.read < MIN_PAIRS:
        return f"{gate_figures(gate)}: too few pairs to tell."
    if gate.passed:
        return f"{gate_figures(gate)}."
    return f"{gate_figures(gate)}, which is not beyond doubt more than those."


def gate_figures(gate: Gate) -> str:
    people = f"; two people agree on {percent(gate.people.estimate)}" if gate.people else ""
    return (
        f"On {gate.read} labelled pairs of the gate it is right in {percent(gate.accuracy.estimate)} (always the same "
        f"choice would be in {percent(gate.always)}, chance in {percent(gate.chance)}{people})"
    )


def few_words(prompts: int) -> list[str]:
    if not 0 < prompts < MIN_PROMPTS:
        return []
    what = "One prompt shows" if prompts == 1 else f"{prompts} prompts show"
    return [f"{what} nothing of a judge: what follows are figures, no findings."]


def consistency(flipped: Interval, on_gate: Interval, grades_alone: bool) -> str:
    """What both orders tell: those of the study or, where it asked in one only or for grades, those of the gate."""
    if flipped.estimate is not None:
        begin, other = "", flipped
    elif on_gate.estimate is not None:
        asked = "for grades alone" if grades_alone else "in one order only"
        begin, other = f"The study asked it {asked}. On the gate: ", on_gate
    elif grades_alone:
        return "It gave grades alone: there were no sides to swap, so nothing is known of how steady it is."
    else:
        return "It was not asked in both orders, so nothing is known of how steady it is."
    if not enough(other) or other.high is None or other.high > MAX_FLIP_SHARE:
        shown = "shown the same two answers in the other order"
        words = f"{begin}{shown}, {changed(other)}: that is not enough to call it steady."
        return words[0].upper() + words[1:]
    return f"{begin}It is steady: shown the same two answers in the other order, {changed(other)}."


def changed(flipped: Interval) -> str:
    return f"it changed its mind in {percent(flipped.estimate)} of cases (n = {flipped.n} {flipped.unit})"


def percent(value: float | None) -> str:
    return "an unknown share" if value is None else f"{100 * value:.0f}%"
