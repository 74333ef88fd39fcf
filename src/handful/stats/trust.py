"""Whether a model judge can be trusted, in numbers and in words.

Most tests need no second opinion: does it say the same when sides are swapped, does it favour a place or the longer
answer, does it always say the same. Passing them all does not make a judge right: only people can show that, by judging
the study too or by the labelled pairs of the gate. What follows from the figures is in `standing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handful.core.types import MIRROR, Choice, Interval, Noun
from handful.stats.agreement import Agreement, tie_discounted
from handful.stats.bootstrap import MIN_PROMPTS, Bootstrap, nothing
from handful.stats.flatness import OneGrade
from handful.stats.gate import Gate
from handful.stats.losses import NO_GRADES, Grading
from handful.stats.preference import PEOPLE
from handful.stats.readings import Annotator
from handful.stats.standing import MIN_COMPARISONS, Standing, flags, judgement


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
    """Comparisons and submissions of which the judge did not see the whole."""
    always: str
    """What it always said ("tie", "the first shown" …), or nothing."""
    agreement_with_people: Interval | None
    grade: Standing
    words: tuple[str, ...]
    """The verdict on the judge, in sentences."""
    mode: str = ""
    flags: tuple[str, ...] = ()
    """What was found: "position", "length", "flips", "unreadable", "unreadable_grades", "one_grade", "always", "gate";
    thresholds in standing.py and, of "one_grade", in grades.py."""
    longer_chosen: Interval = nothing()
    """How often it chose the longer answer, among readings that chose one and whose lengths differ."""
    gate_accuracy: Interval | None = None
    """On the gate's labelled pairs, where there are any."""
    gate_flipped: Interval | None = None
    """Share of these on which its two orders differ: also of a judge that the study asked in one order."""
    grades: int = 0
    unreadable_grades: Interval = nothing()
    """Share of grades."""
    one_grade: tuple[OneGrade, ...] = ()
    """Of each task in which it gave nearly everything the same grade."""


def trust(
    judge: Annotator,
    prompts: Mapping[str, str],
    truncated: int,
    against_people: Agreement | None,
    bootstrap: Bootstrap,
    longer: Interval | None = None,
    gate: Gate | None = None,
    grading: Grading = NO_GRADES,
) -> Trust:
    """Examine a model judge.

    Args:
        prompts: comparison id -> prompt id.
        truncated: comparisons and submissions that it saw cut.
        against_people: its agreement with all people, where there are any.
        longer: how often it chose the longer answer.
        gate: its verdicts on labelled pairs, where there are any.
        grading: what became of its grades.
    """
    agreed = in_both_orders(judge, prompts, bootstrap)
    shown = as_shown(judge)
    position, lost = of_places(shown, prompts, bootstrap)
    lost_grades = bootstrap.mean(grading.prompts, [float(not read) for read in grading.read])
    said_of = {prompts[id] for id, _ in shown}.union(grading.prompts)
    always = always_said(judge) if len(said_of) >= MIN_PROMPTS else ""
    longer = longer or nothing()
    found = flags(
        agreed[-1], position, longer, lost, always, lost_grades, gate, grading, bool(judge.readings)
    )
    grade, words = judgement(found, against_people, gate, len(said_of))
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
        mode=judge.mode,
        flags=tuple(found.flags),
        longer_chosen=longer,
        gate_accuracy=gate.accuracy if gate else None,
        gate_flipped=gate.flipped if gate else None,
        grades=len(grading.read),
        unreadable_grades=lost_grades,
        one_grade=grading.one_grade,
    )


def in_both_orders(judge: Annotator, prompts: Mapping[str, str], bootstrap: Bootstrap) -> list[Interval]:
    """How often both orders have the same verdict, that tie-discounted, and how often not; one where none is read."""
    both = [
        (prompts[id], orders["forward"], orders["swapped"])
        for id, orders in judge.verdicts.items()
        if orders.get("forward") and orders.get("swapped")
    ]
    same = [[float(a == b), tie_discounted(a, b), float(a != b)] for _, a, b in both if a and b]
    return bootstrap.means([prompt for prompt, _, _ in both], same)


def of_places(
    shown: Sequence[tuple[str, Choice | None]], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> tuple[Interval, Interval]:
    """(share of decisions for what was shown first, share of verdicts that cannot be read)."""
    decisive = [(prompts[id], float(place == "left")) for id, place in shown if place in ("left", "right")]
    lost = [float(place is None) for _, place in shown]
    return (
        bootstrap.mean([p for p, _ in decisive], [v for _, v in decisive]),
        bootstrap.mean([prompts[id] for id, _ in shown], lost),
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


def examine(
    annotators: Sequence[Annotator],
    prompts: Mapping[str, str],
    truncated: Mapping[str, int],
    agreements: Sequence[Agreement],
    bootstrap: Bootstrap,
    longer: Mapping[str, Interval] | None = None,
    gates: Sequence[Gate] = (),
    gradings: Mapping[str, Grading] | None = None,
) -> list[Trust]:
    """Every model judge."""
    by_name = {gate.judge: gate for gate in gates}
    with_people = {a.first: a for a in agreements if a.second == PEOPLE and a.first != PEOPLE}
    return [
        trust(
            a,
            prompts,
            truncated.get(a.name, 0),
            with_people.get(a.name),
            bootstrap,
            (longer or {}).get(a.name),
            by_name.get(a.name),
            (gradings or {}).get(a.name, NO_GRADES),
        )
        for a in annotators
        if a.kind == "model"
    ]
