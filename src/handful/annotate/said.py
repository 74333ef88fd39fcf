"""What the answers of a ledger say of one study: verdicts, grades and what surrounds them. Pure.

An answer is found by what was shown, so one that was given in another study, with the sides the other way round, holds
here too. What dropped people said is left out, and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from handful.annotate.items import PAIRS, SKIP, Item, Study, meaning, side_of, verdict_of
from handful.annotate.ledger import Answer
from handful.annotate.people import Person
from handful.annotate.seats import judge_name, median_seconds
from handful.core.types import Check, Grade, Noun, Respondent, Task, Verdict


class Skip(Noun, frozen=True):
    """What a person would not judge, and why."""

    id: str
    """Of the comparison or submission."""
    task: Task
    judge: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """The answers to one study, sorted: item key -> answers by person, of people who count."""

    study: Study
    judges: Mapping[str, str]
    """Person -> name as a judge."""
    first: Mapping[str, Sequence[Answer]]
    again: Mapping[str, Sequence[Answer]]
    dropped: int
    """Answers of people who were dropped."""

    def verdicts(self, round: int = 0) -> Iterator[Verdict]:
        """In the study's order, then by judge; of comparisons that look the same, each."""
        for item, answer in self._each(round):
            if item.task in PAIRS:
                yield verdict_of(item, self.judges[answer.person], answer)

    def grades(self, round: int = 0) -> Iterator[Grade]:
        for item, answer in self._each(round):
            if item.task not in PAIRS:
                yield Grade(item.subject, self.judges[answer.person], answer.choice, raw=answer.choice or "")

    def skipped(self) -> Iterator[Skip]:
        for key, item in self.study.items.items():
            for answer in self.first.get(key, ()):
                if answer.choice == SKIP:
                    yield Skip(item.subject, item.task, self.judges[answer.person], answer.reason)

    def _each(self, round: int) -> Iterator[tuple[Item, Answer]]:
        found = self.again if round else self.first
        for key in self.study.items:
            for item in self.study.alike(key):
                yield from ((item, answer) for answer in found.get(key, ()) if answer.choice != SKIP)

    def given(self, people: int) -> dict[Task, tuple[int, int]]:
        """Task -> (answers given, wanted): `people` of each comparison or submission, and what goes beyond that on one
        does not make up for another."""
        given, wanted = Counter[Task](), Counter[Task]()
        for key, item in self.study.items.items():
            alike = len(self.study.alike(key))
            answers = sum(answer.choice != SKIP for answer in self.first.get(key, ()))
            wanted[item.task] += people * alike
            given[item.task] += min(people, answers) * alike
        return {task: (given[task], wanted[task]) for task in self.study.tasks}


def said_of(study: Study, answers: Iterable[Answer], people: Iterable[Person]) -> Said:
    """Sort the last words of everybody."""
    known = {person.name: person for person in people}
    first: dict[str, list[Answer]] = defaultdict(list)
    again: dict[str, list[Answer]] = defaultdict(list)
    judges, dropped = {}, 0
    for answer in answers:
        if answer.choice is None or answer.item not in study.items:
            continue
        person = known.get(answer.person)
        if person is not None and person.state == "dropped":
            dropped += 1
            continue
        judges[answer.person] = judge_name(answer.person, person.group if person else "")
        (again if answer.round else first)[answer.item].append(answer)
    for found in (*first.values(), *again.values()):
        found.sort(key=lambda answer: judges[answer.person])
    return Said(study, judges, first, again, dropped)


def checked(checks: Sequence[Item], answers: Iterable[Answer], judges: Mapping[str, str]) -> list[Check]:
    """How the checks went, in their order and then by judge."""
    asked = {item.key: item for item in checks}
    place = {key: number for number, key in enumerate(asked)}
    found = []
    for answer in answers:
        item = asked.get(answer.item)
        if item is None or answer.person not in judges or answer.choice in (None, SKIP) or item.known is None:
            continue
        choice = side_of(item, answer.shown, answer.first, str(answer.choice))
        check = Check(item.subject, judges[answer.person], item.known, choice, choice == item.known)
        found.append((place[answer.item], check.judge, check))
    return [check for _, _, check in sorted(found, key=lambda row: row[:2])]


def respondents(
    study: Study, answers: Sequence[Answer], people: Iterable[Person], checks: Sequence[Item] = ()
) -> list[Respondent]:
    """Everybody who answered something of the study, by their name as a judge."""
    known = {person.name: person for person in people}
    own: dict[str, list[Answer]] = defaultdict(list)
    read = Counter[tuple[str, bool]]()
    for check in checked(checks, answers, {answer.person: answer.person for answer in answers}):
        read[check.judge, check.passed] += 1
    for answer in answers:
        if answer.choice is not None and answer.item in study.items:
            own[answer.person].append(answer)
    found = []
    for name, said in own.items():
        person = known.get(name)
        group = person.group if person else ""
        left_out = person is not None and person.state == "dropped"
        times = sorted(a.ms for a in said if a.ms is not None and a.choice != SKIP)
        alike = twice(study, said)
        found.append(
            Respondent(
                judge=judge_name(name, group),
                name=name,
                group=group,
                answered=sum(a.choice != SKIP for a in said),
                skipped=sum(a.choice == SKIP for a in said),
                seconds=median_seconds(times),
                dropped=left_out,
                reason=person.reason if person and left_out else "",
                checks=read[name, True] + read[name, False],
                checks_passed=read[name, True],
                repeats=len(alike),
                repeats_same=sum(alike),
            )
        )
    return sorted(found, key=lambda one: one.judge)


def twice(study: Study, said: Iterable[Answer]) -> list[bool]:
    """Of one person's items that were answered twice, whether both answers say the same of the texts."""
    given = {(answer.item, answer.round): answer for answer in said if answer.choice != SKIP}
    return [
        meaning(study.items[key], given[key, 0]) == meaning(study.items[key], again)
        for (key, round), again in given.items()
        if round and (key, 0) in given
    ]
