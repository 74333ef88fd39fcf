"""People with themselves, and who they were: what they said when asked again, the checks that they passed.

Ours: the paper does not say whether its annotators were asked anything twice. A repetition has its sides swapped, so
somebody who goes by the place contradicts themselves. Like all agreement, it says how steady people are, not how right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handful.core.types import MIRROR, Check, Choice, Grade, Interval, Noun, Respondent, Task, Verdict
from handful.stats.agreement import exact, tie_discounted
from handful.stats.bootstrap import Bootstrap
from handful.stats.preference import PEOPLE


@dataclass(frozen=True, slots=True)
class Extras:
    """What the stage `annotate` leaves beside verdicts and grades."""

    repeats: Sequence[Verdict] = ()
    repeated_grades: Sequence[Grade] = ()
    checks: Sequence[Check] = ()
    respondents: Sequence[Respondent] = ()


class SelfConsistency(Noun, frozen=True):
    """One person, or all, asked the same again."""

    judge: str
    kind: str
    """"people" or "person"."""
    task: Task
    repeats: int
    same: Interval
    """Share of repetitions with the same answer; the sides of a pair were swapped."""
    same_tie_discounted: Interval | None
    """Of pairs, as in Section 4.2."""
    first_position: Interval | None
    """Of pairs, how often the answer that stood first was chosen, of all choices of a side in both rounds: half is
    even-handed."""


class Participant(Noun, frozen=True):
    """One person who took part, whether what they said counts or not."""

    judge: str
    group: str
    answered: int
    skipped: int
    seconds: float | None
    checks: int
    checks_passed: int
    repeats: int
    """Items answered twice, `repeats_same` of them alike."""
    repeats_same: int
    dropped: bool
    reason: str


def participants(extras: Extras) -> list[Participant]:
    """The checks of dropped people stand in people.jsonl alone, where files of an earlier Handful have none."""
    asked = Counter(check.judge for check in extras.checks)
    passed = Counter(check.judge for check in extras.checks if check.passed)
    return [
        Participant(
            judge=one.judge,
            group=one.group,
            answered=one.answered,
            skipped=one.skipped,
            seconds=one.seconds,
            checks=one.checks if one.dropped else asked[one.judge],
            checks_passed=one.checks_passed if one.dropped else passed[one.judge],
            repeats=one.repeats,
            repeats_same=one.repeats_same,
            dropped=one.dropped,
            reason=one.reason,
        )
        for one in extras.respondents
    ]


Row = tuple[str, Verdict, Verdict]
"""Prompt, and one person's verdicts on the same comparison, the first one first."""


def of_pairs(
    task: Task,
    first: Mapping[str, Sequence[Verdict]],
    again: Iterable[Verdict],
    prompts: Mapping[str, str],
    bootstrap: Bootstrap,
) -> list[SelfConsistency]:
    """All people together, then each.

    Args:
        first: person -> what they said the first time.
        prompts: comparison id -> prompt id, of the comparisons of `task`.
    """
    before = {(v.judge, v.comparison_id): v for said in first.values() for v in said}
    rows: dict[str, list[Row]] = {}
    for verdict in again:
        earlier = before.get((verdict.judge, verdict.comparison_id))
        if earlier and earlier.choice and verdict.choice and verdict.comparison_id in prompts:
            rows.setdefault(verdict.judge, []).append((prompts[verdict.comparison_id], earlier, verdict))
    if not rows:
        return []
    everybody = [row for own in rows.values() for row in own]
    found = [consistency(PEOPLE, "people", task, everybody, bootstrap)]
    return found + [consistency(name, "person", task, rows[name], bootstrap) for name in sorted(rows)]


def consistency(
    name: str, kind: str, task: Task, rows: Sequence[Row], bootstrap: Bootstrap
) -> SelfConsistency:
    prompts = [prompt for prompt, _, _ in rows]
    choices = [(a.choice, b.choice) for _, a, b in rows]
    same = [[exact(a, b), tie_discounted(a, b)] for a, b in choices if a and b]
    intervals = bootstrap.means(prompts, same)
    placed = [(prompt, place_of(verdict)) for prompt, *both in rows for verdict in both]
    sided = [(prompt, float(place == "left")) for prompt, place in placed if place != "tie"]
    return SelfConsistency(
        judge=name,
        kind=kind,
        task=task,
        repeats=len(rows),
        same=intervals[0],
        same_tie_discounted=intervals[-1],
        first_position=bootstrap.mean([prompt for prompt, _ in sided], [value for _, value in sided]),
    )


def place_of(verdict: Verdict) -> Choice | None:
    """The choice as it was shown: "left" stood first."""
    return MIRROR[verdict.choice] if verdict.order == "swapped" else verdict.choice


def of_grades(
    task: Task,
    first: Mapping[str, Sequence[Grade]],
    again: Iterable[Grade],
    prompts: Mapping[str, str],
    bootstrap: Bootstrap,
) -> list[SelfConsistency]:
    """As `of_pairs`, of one task's submissions."""
    before = {(g.judge, g.submission_id): g.grade for said in first.values() for g in said}
    rows: dict[str, list[tuple[str, float]]] = {}
    for grade in again:
        earlier = before.get((grade.judge, grade.submission_id))
        if earlier and grade.grade and grade.submission_id in prompts:
            own = rows.setdefault(grade.judge, [])
            own.append((prompts[grade.submission_id], float(earlier == grade.grade)))
    if not rows:
        return []
    named = [(PEOPLE, "people", [row for own in rows.values() for row in own])]
    named += [(name, "person", rows[name]) for name in sorted(rows)]
    return [
        SelfConsistency(
            name, kind, task, len(own), bootstrap.mean([p for p, _ in own], [v for _, v in own]), None, None
        )
        for name, kind, own in named
    ]
