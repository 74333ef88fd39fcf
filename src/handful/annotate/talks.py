"""Live conversations in the ledger (Section 6): what was said, turn by turn, how each reply was graded, and the end.

    talks = Talks(ledger)                       # all that there are
    talk = talks.begin(person, prompt_id, arm)  # the same one where it has begun already
    talks.say(talk, 0, "How do I …?"); talks.reply(talk, 1, "First, …", "eot", ms=900)
    talks.grade(talk, 1, "pass"); talks.end(talk, "")

Rows are only ever added. A turn is written once: what comes a second time (a double click, two tabs, a reply made again
after a kill) changes nothing. Rules of a conversation are checked here, whatever a page allows: a reply follows a
message, and a message follows a graded reply.

It knows arms and never systems, and makes no reply.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast, get_args

from handful.annotate.tables import CONVERSATIONS, SAID, TURN_GRADES
from handful.core.types import Finish, Turn

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger

TurnGrade = Literal["fail", "pass", "excellent"]
GRADES: tuple[TurnGrade, ...] = get_args(TurnGrade)
MAX_MESSAGE = 3_000
"""Characters of a person's message (ours): a page of text."""
MAX_REASON = 2_000
STALLED, FAILED, CUT = "talk_stalled", "talk_failed", "talk_cut"
"""Events that the researcher counts: a reply was late, failed, or was made without the oldest turns."""


class OutOfTurn(ValueError):
    """What was sent does not follow what stands. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Said:
    number: int
    """From 0; even ones are the person's."""
    role: Literal["user", "assistant"]
    text: str
    finish: str
    ms: int | None


@dataclass(slots=True)
class Talk:
    """One conversation of one person with one arm."""

    id: int
    person: str
    prompt_id: str
    arm: str
    nonce: str
    """What a page may call it."""
    said: list[Said] = field(default_factory=list)
    grades: dict[int, tuple[int, TurnGrade | None]] = field(default_factory=dict)
    """Number of a reply -> the row that has the last word, and what it says."""
    ended: str | None = None
    """"person" or "turns" (it was long enough); None while it goes on."""
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def replies(self) -> list[Said]:
        return [said for said in self.said if said.role == "assistant"]

    @property
    def awaits_reply(self) -> bool:
        return self.ended is None and bool(self.said) and self.said[-1].role == "user"

    @property
    def ungraded(self) -> int | None:
        """Number of the last reply where it has no grade."""
        last = self.said[-1] if self.said else None
        waits = last is not None and last.role == "assistant" and self.grade_of(last.number) is None
        return last.number if last is not None and waits else None

    def grade_of(self, number: int) -> TurnGrade | None:
        return self.grades.get(number, (0, None))[1]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The dialogue as far as the assistant answered."""
        return tuple(Turn(said.role, said.text) for said in self.said[: 2 * len(self.replies)])

    @property
    def finish(self) -> Finish:
        """Why the last reply ended."""
        return cast(Finish, self.replies[-1].finish)


class Talks:
    """All conversations of a ledger. One object in the one process that serves; another may read beside it.

    Thread-safe. Each method that writes returns after the row is on the disk.

    Raises:
        DataError: the ledger cannot be read or written.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._lock = threading.Lock()
        self._talks: dict[int, Talk] = {}
        self._known: dict[tuple[str, str, str], Talk] = {}
        for row in ledger.rows(CONVERSATIONS.name):
            self._keep(Talk(row.id, row.person, row.prompt_id, row.arm, row.nonce))
        for row in sorted(ledger.rows(SAID.name), key=lambda row: (row.conversation, row.number)):
            if talk := self._talks.get(
                row.conversation
            ):  # one that began since the rows above were read has none
                if row.role == "end":
                    talk.ended, talk.reason = row.finish, row.text
                else:
                    talk.said.append(Said(row.number, row.role, row.text, row.finish, row.ms))
        for row in ledger.rows(TURN_GRADES.name):
            if talk := self._talks.get(row.conversation):
                talk.grades[row.number] = (row.id, row.grade)

    def _keep(self, talk: Talk) -> Talk:
        self._talks[talk.id] = talk
        self._known[talk.person, talk.prompt_id, talk.arm] = talk
        return talk

    def all(self) -> list[Talk]:
        """In the order in which they began."""
        with self._lock:
            return list(self._talks.values())

    def find(self, person: str, prompt_id: str, arm: str) -> Talk | None:
        with self._lock:
            return self._known.get((person, prompt_id, arm))

    def begin(self, person: str, prompt_id: str, arm: str) -> Talk:
        with self._lock:
            if known := self._known.get((person, prompt_id, arm)):
                return known
            nonce = secrets.token_hex(16)
            values = {"person": person, "prompt_id": prompt_id, "arm": arm, "nonce": nonce}
            id = self.ledger.add(CONVERSATIONS.name, values)
            return self._keep(Talk(id, person, prompt_id, arm, nonce))

    def say(self, talk: Talk, number: int, text: str) -> bool:
        """The person's turn `number`.

        Returns:
            Whether it is new; where the turn is there already, that stands.

        Raises:
            OutOfTurn: it is not the person's turn, or the reply before has no grade.
        """
        with talk.lock:
            if number < len(talk.said):
                return False
            if talk.ended is not None or number != len(talk.said) or number % 2:
                raise OutOfTurn("it is not your turn")
            if not text.strip() or len(text) > MAX_MESSAGE:
                raise OutOfTurn(f"a message has 1 to {MAX_MESSAGE:,} characters")
            if talk.ungraded is not None:
                raise OutOfTurn("the last reply has no grade yet")
            self._say(talk, Said(number, "user", text, "", None))
            return True

    def reply(self, talk: Talk, number: int, text: str, finish: Finish, ms: int) -> bool:
        """The assistant's turn `number`; whether it is new."""
        with talk.lock:
            if number != len(talk.said) or not talk.awaits_reply:
                return False
            self._say(talk, Said(number, "assistant", text, finish, ms))
            return True

    def grade(self, talk: Talk, number: int, grade: str) -> bool:
        """Grade the last reply; whether that is new. A grade that stands is kept.

        Raises:
            OutOfTurn: it is no grade, or not of the last reply.
        """
        with talk.lock:
            if talk.grade_of(number) is not None:
                return False
            if talk.ended is not None or number != talk.ungraded:
                raise OutOfTurn("that reply cannot be graded now")
            if grade not in GRADES:
                raise OutOfTurn(f"a grade is one of {', '.join(GRADES)}")
            self._put(talk, number, grade)
            return True

    def undo(self, talk: Talk, number: int) -> bool:
        """Take back the grade of the last reply, while nothing followed it."""
        with talk.lock:
            last = len(talk.said) - 1
            if talk.ended is not None or number != last or talk.grade_of(number) is None:
                return False
            self._put(talk, number, None)
            return True

    def end(self, talk: Talk, reason: str, by: Literal["person", "turns"] = "person") -> bool:
        """Close the conversation; whether that is new.

        Raises:
            OutOfTurn: the last reply has no grade.
        """
        with talk.lock:
            if talk.ended is not None:
                return False
            if talk.ungraded is not None:
                raise OutOfTurn("the last reply has no grade yet")
            text = reason.strip()[:MAX_REASON]
            values = {"conversation": talk.id, "number": len(talk.said), "role": "end", "text": text}
            self.ledger.add(SAID.name, {**values, "finish": by, "ms": None})
            talk.ended, talk.reason = by, text
            return True

    def note(self, talk: Talk, kind: str, what: str) -> None:
        """Something that the researcher counts (STALLED, FAILED, CUT)."""
        self.ledger.event(kind, person=talk.person, reason=what, subject=talk.arm)

    # --- with the conversation's lock held

    def _say(self, talk: Talk, said: Said) -> None:
        values = {"number": said.number, "role": said.role, "text": said.text}
        self.ledger.add(SAID.name, {"conversation": talk.id, **values, "finish": said.finish, "ms": said.ms})
        talk.said.append(said)

    def _put(self, talk: Talk, number: int, grade: TurnGrade | None) -> None:
        before = talk.grades[number][0] if number in talk.grades else None
        values = {"conversation": talk.id, "number": number, "grade": grade, "supersedes": before}
        talk.grades[number] = (self.ledger.add(TURN_GRADES.name, values), grade)


def complete(talks: Iterable[Talk], arms: Iterable[str]) -> bool:
    """Whether one person's conversations on one prompt are all there and ended, with every arm."""
    ended = {talk.arm for talk in talks if talk.ended is not None}
    return ended >= set(arms)
