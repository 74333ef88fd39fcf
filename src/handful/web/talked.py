"""How far live conversations are, person by person: counts for the researcher's page, and never with whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from handful.annotate.tables import CONVERSATIONS, SAID, TURN_GRADES
from handful.annotate.talks import CUT, FAILED, STALLED

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger


@dataclass(frozen=True, slots=True)
class TalkRow:
    """One person's conversations."""

    person: str
    begun: int
    ended: int
    replies: int
    graded: int
    late: int
    """Replies that came after their time, "stalled"."""
    failed: int
    cut: int
    """Replies that were made without the oldest turns."""


class Talked:
    """Counts of all conversations, read on from where the last look ended."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._seen = dict.fromkeys((CONVERSATIONS.name, SAID.name, TURN_GRADES.name), 0)
        self._person: dict[int, str] = {}
        """Conversation -> who talks."""
        self._ended: Counter[int] = Counter()
        self._replies: Counter[int] = Counter()
        self._grades: dict[tuple[int, int], str | None] = {}

    def by_person(self) -> list[TalkRow]:
        """Everybody who has begun one, by name."""
        with self._lock:
            self._read_on()
            begun = Counter(self._person.values())
            ended, replies = self._of_people(self._ended), self._of_people(self._replies)
            graded = self._of_people(Counter(talk for (talk, _), grade in self._grades.items() if grade))
        happened = Counter((event.person, event.kind) for event in self._ledger.events())
        return [
            TalkRow(
                person=name,
                begun=begun[name],
                ended=ended[name],
                replies=replies[name],
                graded=graded[name],
                late=happened[name, STALLED],
                failed=happened[name, FAILED],
                cut=happened[name, CUT],
            )
            for name in sorted(begun)
        ]

    def _of_people(self, by_talk: Counter[int]) -> Counter[str]:
        found: Counter[str] = Counter()
        for talk, n in by_talk.items():
            found[self._person.get(talk, "")] += n
        return found

    def _read_on(self) -> None:
        """What is said after a conversation began may be read before it: it is counted once that is known."""
        for name in self._seen:
            for row in self._ledger.rows(name, self._seen[name]):
                self._seen[name] = row.id
                if name == CONVERSATIONS.name:
                    self._person[row.id] = row.person
                elif name == TURN_GRADES.name:
                    self._grades[row.conversation, row.number] = row.grade
                elif row.role == "end":
                    self._ended[row.conversation] += 1
                elif row.role == "assistant":
                    self._replies[row.conversation] += 1


def talk_row(row: TalkRow) -> dict[str, str]:
    """A row of the table, every cell in words."""
    return {
        "name": row.person,
        "conversations": f"{row.ended} of {row.begun}",
        "graded": f"{row.graded} of {row.replies}",
        "late": str(row.late),
        "failed": str(row.failed),
        "cut": str(row.cut),
    }
