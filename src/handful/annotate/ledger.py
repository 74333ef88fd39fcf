"""The people's verdicts: one SQLite file to which rows are only ever added.

Nothing in it is updated or deleted, which triggers enforce: an undo is a row of its own that supersedes the
verdict, and a new answer supersedes the undo. Each row is on the disk (WAL, synchronous=FULL) before `record`
returns. The file outlives studies: a verdict is found again by what was shown, so nobody is asked twice.

It does not know which systems answered, and holds no names but the pseudonyms that people chose.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from handful.core.errors import DataError

Order = Literal["forward", "swapped"]
Shown = Literal["first", "second", "neither"]

VERSION = 1
BUSY_SECONDS = 10.0
SCHEMA = (
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        person TEXT NOT NULL,
        token_hash TEXT NOT NULL UNIQUE
    ) STRICT""",
    """CREATE TABLE verdicts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        person TEXT NOT NULL,
        shown TEXT NOT NULL,          -- sha256 of the pair and its instructions, whatever the sides
        comparison_id TEXT NOT NULL,  -- in the study that asked
        "order" TEXT NOT NULL CHECK ("order" IN ('forward', 'swapped')),
        first TEXT NOT NULL,          -- sha256 of the response that stood first, as answer A
        choice TEXT CHECK (choice IN ('first', 'second', 'neither')),  -- NULL takes the answer back
        supersedes INTEGER UNIQUE REFERENCES verdicts (id)
    ) STRICT""",
    # With UNIQUE above: a person's rows on one pair are a chain, so at most one answer stands, whoever races whom.
    "CREATE UNIQUE INDEX one_chain ON verdicts (person, shown) WHERE supersedes IS NULL",
    *(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for table in ("sessions", "verdicts")
        for verb in ("UPDATE", "DELETE")
    ),
)
HEADS = """SELECT id, at, person, shown, comparison_id, "order", first, choice FROM verdicts AS head
    WHERE NOT EXISTS (SELECT 1 FROM verdicts AS later WHERE later.supersedes = head.id)"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The last word of one person on one pair: an answer, or (`choice` None) that the answer was taken back."""

    id: int
    at: str
    person: str
    shown: str
    comparison_id: str
    order: Order
    first: str
    choice: Shown | None


class Ledger:
    """Verdicts and sessions of people, in the file `path`, which is made if it is not there.

    One object may be used by several threads, and several processes may open the same file.

    Raises:
        DataError: the file is no ledger, is from a newer version, or cannot be written (a full disk, say).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._told():
            self._db = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except DataError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        with self._told():
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise DataError(
                    f"{self.path}: is from a newer version of handful (ledger version {version}, known up to "
                    f"{VERSION}); upgrade handful"
                )
            if version == 0:
                if self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    raise DataError(
                        f"{self.path}: is an SQLite file, but no ledger of verdicts; move it away"
                    )
                for statement in SCHEMA:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        self._db.close()

    def enter(self, person: str, token: str) -> None:
        """Remember that the holder of `token` answers as `person`. Only the token's hash is kept."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO sessions (at, person, token_hash) VALUES (?, ?, ?)",
                (now(), person, hash_of(token)),
            )

    def person_of(self, token: str) -> str | None:
        """Who entered with `token`."""
        with self._told(), self._lock:
            row = self._db.execute(
                "SELECT person FROM sessions WHERE token_hash = ?", (hash_of(token),)
            ).fetchone()
        return str(row[0]) if row else None

    def knows(self, person: str) -> bool:
        """Whether somebody has entered as `person` before."""
        with self._told(), self._lock:
            row = self._db.execute("SELECT 1 FROM sessions WHERE person = ? LIMIT 1", (person,)).fetchone()
        return row is not None

    def record(
        self, *, person: str, shown: str, comparison_id: str, order: Order, first: str, choice: Shown
    ) -> tuple[Entry, bool]:
        """Add an answer, unless the person's answer to this pair stands already.

        Returns:
            The answer that stands now, and whether it is new. When this returns, it is on the disk.
        """
        with self._transaction():
            head = self._head(person, shown)
            if head is not None and head.choice is not None:
                return head, False
            cursor = self._db.execute(
                'INSERT INTO verdicts (at, person, shown, comparison_id, "order", first, choice, supersedes) '
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (at := now(), person, shown, comparison_id, order, first, choice, head.id if head else None),
            )
            id = int(cursor.lastrowid or 0)
        return Entry(id, at, person, shown, comparison_id, order, first, choice), True

    def undo(self, person: str, id: int) -> Entry | None:
        """Take back the answer `id` of `person`. Returns it, or None where no such answer of theirs stands."""
        with self._transaction():
            row = self._db.execute(f"{HEADS} AND id = ? AND person = ?", (id, person)).fetchone()
            if row is None or (entry := Entry(*row)).choice is None:
                return None
            self._db.execute(
                'INSERT INTO verdicts (at, person, shown, comparison_id, "order", first, choice, supersedes) '
                "VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",
                (now(), person, entry.shown, entry.comparison_id, entry.order, entry.first, id),
            )
        return entry

    def entries(self) -> list[Entry]:
        """The last word of every person on every pair, oldest first."""
        with self._told(), self._lock:
            return [Entry(*row) for row in self._db.execute(f"{HEADS} ORDER BY id")]

    def _head(self, person: str, shown: str) -> Entry | None:
        row = self._db.execute(f"{HEADS} AND person = ? AND shown = ?", (person, shown)).fetchone()
        return Entry(*row) if row else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, alone: what is read inside still holds when it is written."""
        with self._told(), self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.rollback()
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise DataError(f"{self.path}: {error}") from error


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
