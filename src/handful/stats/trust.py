"""Whether a model judge can be trusted, in numbers and in words.

The tests are those that need no second opinion: does it say the same when sides are swapped, does it favour a
place, does it always say the same. Passing them all does not make a judge right: only people can show that.
The thresholds are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from handful.core.types import MIRROR, Choice, Interval, Noun
from handful.stats.agreement import Agreement, tie_discounted
from handful.stats.bootstrap import Bootstrap
from handful.stats.preference import PEOPLE
from handful.stats.readings import Annotator

MAX_FLIP_SHARE = 0.2
"""Distrust where the interval of the share of changed minds lies above this. On LLMBar, GPT-4 of 2023 changed
its mind in 7%, the weaker judges of that year in 25-59%."""
MAX_POSITION_BIAS = 0.1
"""Distrust where the first place is chosen this much more, or less, than half the time, beyond doubt."""
MAX_UNREADABLE_SHARE = 0.2
MIN_COMPARISONS = 10
"""Below this many, a judge that always says the same may do so by chance."""

Grade = Literal["no", "unproven", "validated"]


class Trust(Noun, frozen=True):
    judge: str
    comparisons: int
    verdicts: int
    self_agreement: Interval
    """Share of comparisons with the same verdict in both orders, of those readable in both."""
    self_agreement_tie_discounted: Interval
    flipped: Interval
    """1 - self_agreement."""
    first_position: Interval
    """How often the answer shown first was chosen, among verdicts that chose one."""
    unreadable: Interval
    """Share of verdicts."""
    truncated: int
    """Comparisons in which the judge did not see the whole of a response."""
    always: str
    """What it always said ("tie", "the first shown" …), or nothing."""
    agreement_with_people: Interval | None
    grade: Grade
    words: tuple[str, ...]
    """The verdict on the judge, in sentences."""


def trust(
    judge: Annotator,
    prompts: Mapping[str, str],
    truncated: int,
    against_people: Agreement | None,
    bootstrap: Bootstrap,
) -> Trust:
    """Examine a model judge.

    Args:
        prompts: comparison id -> prompt id.
        truncated: comparisons that it saw cut.
        against_people: its agreement with all people, where there are any.
    """
    both = [
        (prompts[id], orders["forward"], orders["swapped"])
        for id, orders in judge.verdicts.items()
        if orders.get("forward") and orders.get("swapped")
    ]
    clusters = [prompt for prompt, _, _ in both]
    same = [[float(a == b), tie_discounted(a, b), float(a != b)] for _, a, b in both if a and b]
    agreed = bootstrap.means(clusters, same, f"trust/{judge.name}/swap")
    shown = as_shown(judge)
    decisive = [(prompts[id], float(place == "left")) for id, place in shown if place in ("left", "right")]
    position = bootstrap.mean(
        [p for p, _ in decisive], [v for _, v in decisive], f"trust/{judge.name}/position"
    )
    lost = bootstrap.mean(
        [prompts[id] for id, _ in shown],
        [float(place is None) for _, place in shown],
        f"trust/{judge.name}/unreadable",
    )
    always = always_said(judge)
    grade, words = judgement(agreed[-1], position, lost, always, against_people)
    return Trust(
        judge=judge.name,
        comparisons=len(judge.readings),
        verdicts=len(shown),
        self_agreement=agreed[0],
        self_agreement_tie_discounted=agreed[len(agreed) // 2],
        flipped=agreed[-1],
        first_position=position,
        unreadable=lost,
        truncated=truncated,
        always=always,
        agreement_with_people=against_people.tie_discounted if against_people else None,
        grade=grade,
        words=tuple(words),
    )


def as_shown(judge: Annotator) -> list[tuple[str, Choice | None]]:
    """(comparison id, choice) of every verdict; "left" is here what was shown first, whichever the order."""
    return [
        (id, MIRROR[choice] if order == "swapped" else choice)
        for id, orders in judge.verdicts.items()
        for order, choice in orders.items()
    ]


def always_said(judge: Annotator) -> str:
    """What every readable verdict was, if they were all one and there are enough to tell."""
    places = {place for _, place in as_shown(judge) if place}
    if len(places) != 1 or len(judge.readings) < MIN_COMPARISONS:
        return ""
    return {"left": "the first shown", "right": "the second shown", "tie": "a tie"}[places.pop()]


def judgement(
    flipped: Interval, position: Interval, lost: Interval, always: str, against_people: Agreement | None
) -> tuple[Grade, list[str]]:
    """The grade, and the sentences that say why."""
    against = distrust(flipped, position, lost, always)
    if against:
        return "no", [f"Do not trust this judge: {reason}." for reason in against]
    words = [consistency(flipped)]
    if against_people is None or against_people.comparisons == 0:
        return "unproven", [
            *words,
            "It was not validated against people: consistent is not the same as right.",
        ]
    low, floor = (
        against_people.tie_discounted.low,
        max(against_people.chance or 0, against_people.always_tie or 0),
    )
    measured = (
        f"It agrees with people at {percent(against_people.tie_discounted.estimate)} (tie-discounted; "
        f"always saying tie would score {percent(against_people.always_tie)}, "
        f"chance {percent(against_people.chance)})"
    )
    if low is None or low <= floor:
        return "unproven", [*words, f"{measured}, which is not beyond doubt more than those."]
    return "validated", [*words, f"{measured}."]


def distrust(flipped: Interval, position: Interval, lost: Interval, always: str) -> list[str]:
    """Reasons not to trust a judge, the gravest first; clauses without their full stop."""
    reasons = []
    if always:
        reasons.append(f"whatever it was shown, it chose {always} every time it could be read")
    if flipped.low is not None and flipped.low > MAX_FLIP_SHARE:
        reasons.append(
            "shown the same two answers in the other order it changed its mind in "
            f"{percent(flipped.estimate)} of cases (n = {flipped.n} {flipped.unit})"
        )
    low, high = position.low, position.high
    if low is not None and high is not None and not always:
        if low > 0.5 + MAX_POSITION_BIAS:
            reasons.append(
                f"it chose the answer shown first in {percent(position.estimate)} of its decisions"
            )
        if high < 0.5 - MAX_POSITION_BIAS:
            reasons.append(
                "it chose the answer shown second in "
                f"{percent(1 - (position.estimate or 0))} of its decisions"
            )
    if lost.estimate is not None and lost.estimate > MAX_UNREADABLE_SHARE:
        reasons.append(f"{percent(lost.estimate)} of its verdicts could not be read")
    return reasons


def consistency(flipped: Interval) -> str:
    if flipped.estimate is None:
        return "It was not asked in both orders, so nothing is known of how steady it is."
    changed = f"it changed its mind in {percent(flipped.estimate)} of cases (n = {flipped.n} {flipped.unit})"
    if flipped.high is None or flipped.high > MAX_FLIP_SHARE:
        return (
            f"Shown the same two answers in the other order, {changed}: that is not enough to call it steady."
        )
    return f"It is steady: shown the same two answers in the other order, {changed}."


def percent(value: float | None) -> str:
    return "an unknown share" if value is None else f"{100 * value:.0f}%"


def examine(
    annotators: Sequence[Annotator],
    prompts: Mapping[str, str],
    truncated: Mapping[str, int],
    agreements: Sequence[Agreement],
    bootstrap: Bootstrap,
) -> list[Trust]:
    """Every model judge."""
    with_people = {a.first: a for a in agreements if a.second == PEOPLE and a.first != PEOPLE}
    return [
        trust(a, prompts, truncated.get(a.name, 0), with_people.get(a.name), bootstrap)
        for a in annotators
        if a.kind == "model"
    ]
