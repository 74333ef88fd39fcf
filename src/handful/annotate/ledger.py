"""What people said: rows that are only ever added, in SQLite or PostgreSQL.

    with closing(open_ledger(target)) as ledger:
        answer, new = ledger.answer(person="ann", item=..., task="preference", choice="first", ...)
        ledger.undo("ann", answer.id)

Nothing is updated or deleted, which triggers in the database enforce: an undo is a row of its own that supersedes the
answer, and a new answer supersedes the undo. A write returns when it is on the disk. The ledger outlives studies: an
answer is found again by what was shown, so nobody is asked twice.

It does not know which systems answered, and holds no names but pseudonyms. Live dialogues, reviews and picks have
tables here too, whose meaning is said in `talks`, `reviews` and `picks`.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Row, bindparam, select, union_all

from handful.annotate.database import Conflict, Database, open_database
from handful.annotate.locks import claim_of, held
from handful.annotate.people import Event, Person, Register, Role, Visitor, check_name
from handful.annotate.rows import hash_of as hash_of
from handful.annotate.rows import insert
from handful.annotate.tables import ANSWERS, METADATA
from handful.annotate.writer import Writer
from handful.core.errors import DataError

T = TypeVar("T")
Order = Literal["forward", "swapped"]

PAGE = 2_000
"""Rows read at a time where all are read."""
ASKED = ("person", "item", "round", "task", "subject", "shown", "first")
"""What of an answer is said of the question."""
MOST_MS = 2**31 - 1
LATER = ANSWERS.alias("later")
HEADS = select(ANSWERS).where(~select(LATER.c.id).where(LATER.c.supersedes == ANSWERS.c.id).exists())
# Made once, since making a query takes longer than running it.
MINE = HEADS.where(ANSWERS.c.id == bindparam("of"), ANSWERS.c.person == bindparam("by"))
STANDING = union_all(
    select(ANSWERS).where(ANSWERS.c.nonce == bindparam("sent")),
    HEADS.where(
        ANSWERS.c.person == bindparam("by"),
        ANSWERS.c.item == bindparam("on"),
        ANSWERS.c.round == bindparam("time"),
    ),
)
"""What was sent with a nonce, and the last word of a person on an item."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of one person on one item: an answer, a skip, or (`choice` None) that the answer was taken back."""

    id: int
    at: str
    """For people to read; what came first is told by `id`."""
    person: str
    item: str
    round: int
    task: str
    subject: str
    shown: str
    first: str
    choice: str | None
    reason: str
    ms: int | None
    nonce: str | None
    supersedes: int | None


class Ledger:
    """The rows of `database`. One object may be used by several threads; a failure is a DataError of one line."""

    def __init__(self, database: Database, writer: Writer, open: ExitStack) -> None:
        self._database = database
        self._writer = writer
        self._open = open
        self._register = Register()
        self._reading_on = threading.Lock()
        self._read_since = -math.inf
        """When the last reading of the register began, by the monotonic clock."""
        self.place = database.place
        """Where the rows are, as it may be told: never with a password."""

    def close(self) -> None:
        """Write what still waits, and let go of the database and of the server's lock."""
        self._open.close()

    # Any table

    def write(self, act: Callable[[Connection], T]) -> T:
        """What `act` returns, after what it wrote is on the disk. No other writer comes between its reading and
        writing. It is run again if a request beside it failed, so it should change nothing but the database."""
        return self._writer.write(act)

    def add(self, table_name: str, values: Mapping[str, Any]) -> int:
        """Add a row to a table and return its id. `at` is set here.

        Raises:
            Conflict: a row that may be there once is there already.
        """
        table = METADATA.tables[table_name]
        return self.write(lambda connection: insert(connection, table, values)[0])

    def rows(self, table_name: str, after: int = 0) -> list[Row[Any]]:
        """The rows of a table whose id is above `after`, oldest first; columns are attributes."""
        table = METADATA.tables[table_name]
        with self._database.reading() as connection:
            return list(connection.execute(select(table).where(table.c.id > after).order_by(table.c.id)))

    # People

    def add_person(self, name: str, group: str = "") -> None:
        """Raises DataError where the name is taken, or cannot be a name."""
        check_name(name)
        if group:
            check_name(group, "group")
        try:
            self.add("people", {"name": name, "grouped": group})
        except Conflict:
            raise DataError(f"{name}: there is somebody of this name already; choose another") from None

    def people(self) -> list[Person]:
        """Everybody, in the order in which they were added."""
        return self._read_on().people()

    def new_token(self, role: Role, person: str = "") -> str:
        """A new secret for a link. It is told this once; older ones of the same holder let nobody in any more.

        It does not restore a person whose entry was revoked: event("restored") does.
        """
        if role == "person" and person not in {known.name for known in self.people()}:
            raise DataError(f"{person}: there is nobody of this name")
        token = secrets.token_urlsafe(32)
        self.add("tokens", {"role": role, "person": person, "token_hash": hash_of(token)})
        return token

    def open_session(self, token: str) -> str | None:
        """A new session for the holder of the link `token`; None where the link is unknown or revoked."""
        found = self._read_on().token(token)
        if found is None:
            return None
        session = secrets.token_urlsafe(32)
        self.add("sessions", {"token_hash": found.hash, "session_hash": hash_of(session)})
        return session

    def close_session(self, session: str) -> None:
        """The holder leaves this browser. Their link still lets them in."""
        self.event("left", subject=hash_of(session))

    def visitor(self, session: str) -> Visitor | None:
        """Who holds `session`; None where it is unknown, or its link was revoked."""
        return self._read_on().visitor(session)

    def former(self, session: str) -> tuple[Role, str] | None:
        """Role and person of whoever came by `session`, also where it lets nobody in any more."""
        return self._read_on().former(session)

    def once(self, session: str) -> str:
        """The person whose `session` it is, or was until their link was replaced; empty where nobody's."""
        return self._read_on().once(session)

    def event(self, kind: str, person: str = "", reason: str = "", subject: str = "") -> None:
        """Say something of a person, or of the study where `person` is empty. Some kinds change how a person stands:
        paused and resumed, revoked and restored, dropped and kept."""
        self.add("events", {"person": person, "kind": kind, "reason": reason, "subject": subject})

    def events(self, person: str | None = None) -> list[Event]:
        """All, oldest first, or those of one person; of the study itself where `person` is empty."""
        return self._read_on().events(person)

    def events_after(self, id: int) -> list[Event]:
        """Those that came after the event `id`, oldest first."""
        return self._read_on().events_after(id)

    def _read_on(self) -> Register:
        """The register, with all that was there when this was called. One request reads for all that wait."""
        asked = time.monotonic()
        with self._reading_on:
            if self._read_since < asked:
                began = time.monotonic()
                with self._database.reading() as connection:
                    self._register.read_on(connection)
                self._read_since = began
        return self._register

    # Answers

    def answer(
        self,
        *,
        person: str,
        item: str,
        task: str,
        subject: str,
        shown: str,
        first: str,
        choice: str,
        round: int = 0,
        reason: str = "",
        ms: int | None = None,
        nonce: str | None = None,
    ) -> tuple[Answer, bool]:
        """Add an answer, unless the person's answer to this item in this round stands already.

        Args:
            ms: on the screen, by a clock that does not jump; a page left open for weeks counts as 24 days.
            nonce: of the form that sent it. What is sent twice is stored once, even if it was taken back meanwhile.

        Returns:
            The answer that stands now (that of the nonce, where it was sent before), and whether it is new.
        """
        values = {
            "person": person, "item": item, "round": round, "task": task, "subject": subject, "shown": shown,
            "first": first, "choice": choice, "reason": reason, "nonce": nonce,
            "ms": ms if ms is None else min(ms, MOST_MS),
        }  # fmt: skip

        def act(connection: Connection) -> tuple[Answer, bool]:
            asked = {"sent": nonce, "by": person, "on": item, "time": round}
            found = [Answer(*row) for row in connection.execute(STANDING, asked)]
            sent = next((answer for answer in found if nonce and answer.nonce == nonce), None)
            if sent is not None:
                if (sent.person, sent.item, sent.round) != (person, item, round):
                    raise DataError("this form was used for another question already; nothing was stored")
                return sent, False
            head = found[0] if found else None
            if head is not None and head.choice is not None:
                return head, False
            return added(connection, {**values, "supersedes": head.id if head else None}), True

        return self.write(act)

    def undo(self, person: str, id: int) -> Answer | None:
        """Take back the answer `id` of `person`. Returns it, or None where no such answer of theirs stands."""

        def act(connection: Connection) -> Answer | None:
            row = connection.execute(MINE, {"of": id, "by": person}).one_or_none()
            if row is None or (head := Answer(*row)).choice is None:
                return None
            same = {name: getattr(head, name) for name in ASKED}
            nothing = {"choice": None, "reason": "", "ms": None, "nonce": None}
            added(connection, {**same, **nothing, "supersedes": id})
            return head

        return self.write(act)

    def answers(self) -> list[Answer]:
        """The last word of every person on every item in every round, oldest first."""
        with self._database.reading() as connection:
            return [Answer(*row) for row in connection.execute(HEADS.order_by(ANSWERS.c.id))]

    def history(self) -> Iterator[Answer]:
        """Every row, oldest first, also what was taken back."""
        last = 0
        while True:
            page = select(ANSWERS).where(ANSWERS.c.id > last).order_by(ANSWERS.c.id).limit(PAGE)
            with self._database.reading() as connection:
                rows = [Answer(*row) for row in connection.execute(page)]
            if not rows:
                return
            yield from rows
            last = rows[-1].id


def open_ledger(target: Path | str, *, serve: bool = False) -> Ledger:
    """The ledger in the SQLite file or at the PostgreSQL address `target`, made if it is not there.

    Args:
        serve: whether this process serves the study, which one at a time may do: what it remembers of the ledger then
            holds. Others may read and add rows beside it.

    Raises:
        DataError: it cannot be reached, is no ledger or a newer one, or another process serves it.
    """
    with ExitStack() as stack:
        stack.enter_context(held(target, serve))
        database = open_database(target)
        stack.callback(database.close)
        writer = Writer(database, claim_of(database, serve))
        stack.callback(writer.close)
        if serve:
            writer.write(
                lambda _: None
            )  # in PostgreSQL the lock is the writing connection's: it is opened now
        return Ledger(database, writer, stack.pop_all())


def added(connection: Connection, values: dict[str, Any]) -> Answer:
    id, at = insert(connection, ANSWERS, values)
    return Answer(id, at, **values)
