"""One server at a time on a ledger. Both locks are the system's, so a killed holder leaves none behind.

SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock of the very connection that writes, so a
server whose connection was lost writes again only if nobody else has begun to serve meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from handful.annotate.database import SERVER_LOCK, Database
from handful.core.errors import DataError

TRIES, SECONDS_BETWEEN = 6, 0.1
HOLDER = """SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE locktype = 'advisory' AND classid = 0 AND objid = :number AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@contextmanager
def held(target: Path | str, serve: bool) -> Iterator[None]:
    """Hold the lock beside an SQLite file while it is served, or raise DataError, saying who does."""
    if not serve or not isinstance(target, Path) or not target.parent.is_dir():
        yield
        return
    beside = target.with_name(target.name + ".lock")
    try:
        handle = beside.open("a+")
    except OSError as error:
        raise DataError(f"{beside}: {error.strerror}") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            pid = handle.read().strip()
            raise served_already(str(target), f"process {pid}" if pid.isdigit() else "") from None
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield


def claim_of(database: Database, serve: bool) -> Callable[[Connection], None]:
    """What the writer does with each new connection of PostgreSQL: have commits wait for the disk, whatever the server
    is set to, and take the server's lock or raise DataError."""

    def claim(connection: Connection) -> None:
        if database.file is not None:
            return
        if connection.execute(text("SHOW synchronous_commit")).scalar() == "off":
            connection.execute(text("SET synchronous_commit = on"))
            connection.commit()
        if not serve:
            connection.rollback()
            return
        number = {"number": SERVER_LOCK}
        if not taken(connection, number):
            holder = str(connection.execute(text(HOLDER), number).scalar() or "")
            connection.rollback()
            raise served_already(database.place, holder.removeprefix("handful, "))
        connection.commit()  # the lock is the session's and outlives this

    return claim


def taken(connection: Connection, number: dict[str, int]) -> bool:
    """Whether the server's lock could be had. A holder that has just ended keeps it for a moment."""
    for again in range(TRIES):
        time.sleep(SECONDS_BETWEEN * (again > 0))
        if connection.execute(text("SELECT pg_try_advisory_lock(:number)"), number).scalar():
            return True
    return False


def served_already(place: str, holder: str) -> DataError:
    who = f" ({holder})" if holder else ""
    return DataError(f"{place}: another handful serves this study{who}; stop it, or leave it to its people")
