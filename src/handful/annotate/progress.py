"""How far a served study is: rows for the researcher's page, made of what stands. They name no system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handful.annotate.count import Count
from handful.annotate.items import SKIP, Item, meaning, side_of
from handful.annotate.seats import Seat, Tally, median_seconds
from handful.core.types import Task


@dataclass(frozen=True, slots=True)
class PersonProgress:
    name: str
    group: str
    state: str
    """"active", "paused", "revoked", "dropped"; `reason` is why."""
    reason: str
    answered: int
    left: int
    skipped: int
    seconds: float | None
    """Median an item."""
    last_seen: str
    """When the last answer came (ISO 8601), or empty."""
    checks: tuple[int, int]
    """Passed, answered."""
    repeats: tuple[int, int]
    """Said the same again, were asked again."""
    first: tuple[int, int]
    """Chose what stood first, chose a side."""
    holds: int
    """Items on their screen."""


@dataclass(frozen=True, slots=True)
class ItemProgress:
    number: int
    """From 1, in the study's order: what a page may call it."""
    key: str
    task: Task
    answers: int
    """Of people who are not dropped."""
    wanted: int
    counts: Mapping[str, int]
    """Of a pair left, right and tie, as the study wrote it; else grade -> n."""
    skipped: int
    held: int
    """Open on somebody's screen."""


@dataclass(frozen=True, slots=True)
class TaskProgress:
    task: Task
    items: int
    given: int
    """At most `people` an item."""
    wanted: int
    shared: int
    """Items that everybody is given."""


@dataclass(frozen=True, slots=True)
class Progress:
    tasks: list[TaskProgress]
    people: list[PersonProgress]
    paused: bool


def of_person(seat: Seat, left: int, checks: Mapping[str, Item], items: Mapping[str, Item]) -> PersonProgress:
    last = next(reversed(seat.answers.values()), None)
    return PersonProgress(
        name=seat.name,
        group=seat.group,
        state=seat.state,
        reason=seat.reason,
        answered=seat.given,
        left=left,
        skipped=seat.skipped,
        seconds=median_seconds(seat.milliseconds),
        last_seen=last.at if last else "",
        checks=checks_passed(seat, checks),
        repeats=repeated_alike(seat, items),
        first=chose_first(seat),
        holds=len(seat.holds),
    )


def of_task(task: Task, standing: Count) -> TaskProgress:
    people = standing.params.people
    keys = [*standing.pools[task].levels, *standing.shared[task]]
    given = sum(min(people, standing.tallies[key].answers) for key in keys)
    return TaskProgress(task, len(keys), given, people * len(keys), len(standing.shared[task]))


def of_item(item: Item, tally: Tally, wanted: int) -> ItemProgress:
    return ItemProgress(
        tally.number + 1,
        item.key,
        item.task,
        tally.answers,
        wanted,
        {said: n for said, n in tally.counts.items() if n},
        tally.skipped,
        tally.held,
    )


def checks_passed(seat: Seat, checks: Mapping[str, Item]) -> tuple[int, int]:
    said = [(item, seat.answers[key, 0]) for key, item in checks.items() if (key, 0) in seat.answers]
    read = [(item, a) for item, a in said if a.choice not in (None, SKIP)]
    passed = sum(side_of(item, a.shown, a.first, str(a.choice)) == item.known for item, a in read)
    return passed, len(read)


def repeated_alike(seat: Seat, items: Mapping[str, Item]) -> tuple[int, int]:
    """How often a second answer says of the texts what the first one said."""
    alike = total = 0
    for key in seat.answered(1):
        if (key, 0) in seat.answers and key in items:
            total += 1
            alike += meaning(items[key], seat.answers[key, 0]) == meaning(items[key], seat.answers[key, 1])
    return alike, total


def chose_first(seat: Seat) -> tuple[int, int]:
    sided = [a.choice for a in seat.answers.values() if a.choice in ("first", "second")]
    return sided.count("first"), len(sided)
