"""Who may come in and how they stand: people, their links, their sessions, and what was said of them.

`Register` is read from four tables of the ledger and goes on where it stopped, so that a link revoked by another
process is known at the next request. Only hashes of tokens and sessions are in it.
"""

from __future__ import annotations

import hmac
import re
import threading
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from handful.annotate.rows import hash_of
from handful.annotate.tables import EVENTS, PEOPLE, SESSIONS, TOKENS
from handful.core.errors import DataError

Role = Literal["person", "admin"]
State = Literal["active", "paused", "revoked", "dropped"]

NAME = re.compile(r"\w[\w .-]{0,39}")
TABLES = (PEOPLE, TOKENS, SESSIONS, EVENTS)
NEWEST = select(*(select(func.max(table.c.id)).scalar_subquery() for table in TABLES))
SWITCHES = {
    "paused": ("paused", True),
    "resumed": ("paused", False),
    "revoked": ("revoked", True),
    "restored": ("revoked", False),
    "dropped": ("dropped", True),
    "kept": ("dropped", False),
}
"""Kinds of events that change how a person stands: what they switch, and whether on. Other kinds only tell."""
STRONGEST: tuple[State, ...] = ("dropped", "revoked", "paused")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answers, under a pseudonym, and how they stand now."""

    name: str
    group: str
    at: str
    link: bool
    """Whether there is a link that lets them in."""
    state: State
    """Where several hold, the strongest: dropped, revoked, paused."""
    reason: str
    """Of that state, as it was given."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request. `person` is empty for an admin."""

    role: Role
    person: str
    state: State


@dataclass(frozen=True, slots=True)
class Event:
    """Something said of a person, or (`person` empty) of the study."""

    id: int
    at: str
    person: str
    kind: str
    reason: str
    subject: str


@dataclass(slots=True)
class Entered:
    """A person as the rows so far have them: `on` holds the reason of each state that was switched on."""

    name: str
    group: str
    at: str
    on: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    role: Role
    person: str
    hash: str


class Register:
    """What the rows read so far say. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = dict.fromkeys((table.name for table in TABLES), 0)
        self._people: dict[str, Entered] = {}
        self._tokens: dict[str, Token] = {}
        self._valid: dict[tuple[str, str], str] = {}
        """Role and person -> the hash of the one token that lets in: the newest."""
        self._sessions: dict[str, tuple[str, str]] = {}
        """A session's hash -> itself and its token's."""
        self._events: list[Event] = []

    def read_on(self, connection: Connection) -> None:
        """Take in the rows that came since the last time: one small query where there are none."""
        newest = connection.execute(NEWEST).one()
        with self._lock:
            for table, last, take in zip(
                TABLES, newest, (self._person, self._token, self._session, self._event), strict=True
            ):
                seen = self._seen[table.name]
                if (last or 0) > seen:
                    later = select(table).where(table.c.id > seen, table.c.id <= last).order_by(table.c.id)
                    for row in connection.execute(later):
                        take(row)
                    self._seen[table.name] = last

    def people(self) -> list[Person]:
        """In the order in which they were added."""
        with self._lock:
            return [self._standing(entered) for entered in self._people.values()]

    def events(self, person: str | None) -> list[Event]:
        """All, or those of one person; of the study itself where `person` is empty."""
        with self._lock:
            return [event for event in self._events if person is None or event.person == person]

    def events_after(self, id: int) -> list[Event]:
        """The last ones, oldest first."""
        with self._lock:
            later = list(takewhile(lambda event: event.id > id, reversed(self._events)))
        return later[::-1]

    def visitor(self, session: str) -> Visitor | None:
        """Who holds `session`; None where nobody does, or not any more."""
        given = hash_of(session)
        with self._lock:
            kept, token_hash = self._sessions.get(given, ("", ""))
            token = self._tokens.get(token_hash)
            if not hmac.compare_digest(kept, given) or token is None or not self._lets_in(token):
                return None
            if token.role == "admin":
                return Visitor("admin", "", "active")
            return Visitor("person", token.person, self._standing(self._people[token.person]).state)

    def former(self, session: str) -> tuple[Role, str] | None:
        """Role and person of whoever came by `session`, also where its link was replaced or revoked since."""
        given = hash_of(session)
        with self._lock:
            token = self._tokens.get(self._sessions.get(given, ("", ""))[1])
            return (token.role, token.person) if token else None

    def once(self, session: str) -> str:
        """The person whose `session` it is or was, also where its link lets nobody in any more; empty where nobody's,
        or where they signed out."""
        given = hash_of(session)
        with self._lock:
            kept, token_hash = self._sessions.get(given, ("", ""))
            token = self._tokens.get(token_hash)
            return token.person if token and hmac.compare_digest(kept, given) else ""

    def token(self, secret: str) -> Token | None:
        """The token `secret`, if it is the newest of its holder and was not revoked."""
        given = hash_of(secret)
        with self._lock:
            token = self._tokens.get(given)
            if token is None or not hmac.compare_digest(token.hash, given) or not self._lets_in(token):
                return None
            return token

    def _lets_in(self, token: Token) -> bool:
        if self._valid.get((token.role, token.person)) != token.hash:
            return False
        if token.role == "admin":
            return True
        return token.person in self._people and "revoked" not in self._people[token.person].on

    def _standing(self, entered: Entered) -> Person:
        state: State = next((state for state in STRONGEST if state in entered.on), "active")
        token = self._tokens.get(self._valid.get(("person", entered.name), ""))
        link = token is not None and self._lets_in(token)
        return Person(entered.name, entered.group, entered.at, link, state, entered.on.get(state, ""))

    def _person(self, row: Row[Any]) -> None:
        self._people[row.name] = Entered(row.name, row.grouped, row.at)

    def _token(self, row: Row[Any]) -> None:
        self._tokens[row.token_hash] = Token(row.role, row.person, row.token_hash)
        self._valid[row.role, row.person] = row.token_hash

    def _session(self, row: Row[Any]) -> None:
        self._sessions[row.session_hash] = row.session_hash, row.token_hash

    def _event(self, row: Row[Any]) -> None:
        self._events.append(Event(row.id, row.at, row.person, row.kind, row.reason, row.subject))
        if row.kind == "left":
            self._sessions.pop(row.subject, None)
        if row.kind in SWITCHES and row.person in self._people:
            state, on = SWITCHES[row.kind]
            if on:
                self._people[row.person].on[state] = row.reason
            else:
                self._people[row.person].on.pop(state, None)


def check_name(name: str, what: str = "pseudonym") -> None:
    """Raise DataError unless `name` can be one: it becomes part of a judge's name in files and tables."""
    if not NAME.fullmatch(name) or name != name.strip():
        raise DataError(
            f"{name[:60]!r}: is no {what}; one has 1 to 40 letters, digits, spaces, dots, dashes or underscores"
        )
