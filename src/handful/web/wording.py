"""The researcher's figures in words: names of tasks and events, amounts, times. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handful.core.types import Task
from handful.web import overview

if TYPE_CHECKING:
    from handful.annotate.board import PersonProgress, Progress

NONE = "-"
TASKS: dict[Task, str] = {
    "preference": "Preference between two answers",
    "helpfulness": "Helpfulness, 1 to 6",
    "quality": "Fail, pass or excellent",
    "safety": "Safe or unsafe",
    "turns": "Turns of dialogues",
    "dialogues": "Preference between whole dialogues",
}
STATES = {"active": "active", "paused": "paused", "revoked": "link revoked", "dropped": "dropped"}
EVENTS = {
    "added": "added",
    "consented": "agreed to take part",
    "practised": "finished the practice",
    "paused": "paused",
    "resumed": "allowed to go on",
    "revoked": "link revoked",
    "restored": "restored",
    "dropped": "dropped from the results",
    "kept": "counted again",
    "linked": "new link made",
}


def few_people(wanted: int, progress: Progress) -> str:
    """What to say where items want more people than there are; "" where there are enough, nobody yet, or all is done.

    A person whose link was revoked, or who was dropped, can answer nothing more.
    """
    there = sum(row.state in ("active", "paused") for row in progress.people)
    if not 0 < there < wanted or all(row.given >= row.wanted for row in progress.tasks):
        return ""
    is_there = f"is {there}" if there == 1 else f"are {there}"
    come = "1 more comes" if wanted - there == 1 else f"{wanted - there} more come"
    return (
        f"{wanted} people are wanted on each item, and there {is_there}: it cannot be finished before {come}."
    )


def task_name(task: Task) -> str:
    return TASKS.get(task, task)


def event_text(kind: str) -> str:
    return EVENTS.get(kind, kind.replace("_", " "))


def state_text(state: str) -> str:
    return STATES.get(state, state)


def amount(n: int) -> str:
    return f"{n:,}"


def share(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def taken(seconds: float | None) -> str:
    """Seconds, as short as they can be read."""
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def ago(at: str, now: datetime | None = None) -> str:
    """How long ago `at` (ISO 8601) was. A clock that was set back gives "just now", not a time to come."""
    if not at:
        return "never"
    past = ((now or datetime.now(UTC)) - datetime.fromisoformat(at)).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if past >= length:
            n = int(past // length)
            return f"{n} {unit}{'s' if n != 1 else ''} ago"
    return "just now"


def of(part: tuple[int, int]) -> str:
    return f"{part[0]} of {part[1]}" if part[1] else NONE


def figures(row: PersonProgress) -> dict[str, Any]:
    """A person's row of the table, every cell in words."""
    return {
        "name": row.name,
        "group": row.group,
        "state": row.state,
        "state_text": state_text(row.state),
        "answered": amount(row.answered),
        "left": amount(row.left),
        "seconds": taken(row.seconds),
        "last": ago(row.last_seen),
        "skips": amount(row.skipped),
        "checks": of(row.checks),
        "repeats": of(row.repeats),
        "flags": overview.flags(row),
    }
