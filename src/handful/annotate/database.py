"""Opening the ledger's database: SQLite by a path, PostgreSQL by an address that says nothing it should not.

    database = open_database(target)        # tables made or brought up to date, or one clear line
    with database.reading() as connection: ...
    with database.told(): ...               # what the database says of a failure, as a DataError

It writes no rows: that is `writer`. An address may hold a password, so only host and database are ever named.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from handful.core.errors import DataError
from handful.core.optional import need

LEDGER = "people.sqlite"
VERSION_TABLE = "handful_version"  # Alembic's own name for it might be another program's
VERSIONS = ("0001",)
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 10.0
CONNECT_SECONDS = 10
SILENT_SECONDS = 20
"""After which a network that says nothing any more counts as a lost connection."""
READERS = 24
"""Connections that stay open to read with; beyond them others are opened for the moment."""
REMEDIES = {
    "42501": "; let the user of the address own the database",
    "53100": "; make room on its disk",
    "55P03": "; another process is writing and does not come to an end",
}
"""By PostgreSQL's code of the error."""
ORDER_LOCK, SERVER_LOCK = 0x68616E64, 0x73657276
"""PostgreSQL's advisory locks (numbers of ours): who writes now, and who serves."""


class Conflict(DataError):
    """A row that may be there once is there already."""


class Database:
    """An engine, what may be said of where it is, and its failures as one line each."""

    def __init__(self, engine: Engine, place: str, file: Path | None, secret: str) -> None:
        self.engine = engine
        self.place = place
        self.file = file
        self._secret = secret
        self._inode = 0
        # One question is a transaction by itself: PostgreSQL need not be told of its beginning and end.
        self._reader = engine if file else engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the database says of a failure into a DataError of one line, without values or passwords."""
        try:
            yield
        except IntegrityError as error:
            raise Conflict(f"{self.place}: {self._line(error.orig)}") from None
        except DBAPIError as error:
            raise DataError(f"{self.place}: {self._line(error.orig)}") from None
        except (SQLAlchemyError, sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise DataError(f"{self.place}: {self._line(error)}") from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.told(), self._reader.connect() as connection:
            yield connection

    def begin_alone(self, connection: Connection) -> None:
        """Begin a transaction that no other writer shares time with, in this process or in another.

        What is read in it still holds when it is committed, and rows get their ids in the order of the commits, so
        that whoever has seen id n has seen all before it.
        """
        if self.file is not None:
            self.check_in_place(self.file)
            connection.execution_options(alone=True).begin()
        else:
            connection.begin()
            connection.execute(text(f"SET LOCAL lock_timeout = {int(BUSY_SECONDS * 1000)}"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ORDER_LOCK})

    def close(self) -> None:
        self.engine.dispose()

    def opened(self) -> None:
        """Remember which file it is."""
        if self.file is not None:
            self._inode = self.file.stat().st_ino

    def check_in_place(self, file: Path) -> None:
        """SQLite would go on writing into a file that was deleted, and nobody would find the answers again."""
        if self._inode and (not file.exists() or file.stat().st_ino != self._inode):
            raise DataError(
                f"{file}: was deleted or replaced while it was open; nothing was stored. Put it back and start again"
            )

    def _line(self, error: BaseException | None) -> str:
        """What happened, without the statement and the values that PostgreSQL adds below its first line."""
        told = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
        line = " ".join(told.split()).rstrip(" :")
        remedy = REMEDIES.get(getattr(error, "sqlstate", None) or "", "")
        return (line.replace(self._secret, "***") if self._secret else line) + remedy


def target_of(work: Path, database_env: str) -> Path | str:
    """Where a work folder's answers are: the address in the variable `database_env`, or a file beside the stages."""
    return os.environ.get(database_env) or work / LEDGER


def open_database(target: Path | str) -> Database:
    """The database, with its tables as this version of handful has them.

    Raises:
        DataError: it cannot be reached, holds something else, or is from a newer version.
    """
    database = sqlite(target) if isinstance(target, Path) else postgresql(target)
    try:
        bring_up_to_date(database)
        database.opened()
    except BaseException:
        database.close()
        raise
    return database


def sqlite(path: Path) -> Database:
    if not path.parent.is_dir():
        raise DataError(f"{path.parent}: there is no such folder for {path.name}")
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=READERS,
        max_overflow=-1,
        hide_parameters=True,
    )

    made = Database(engine, str(path), path, "")

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, record: object) -> None:
        made.check_in_place(path)  # before SQLite makes a file where there is none
        connection.isolation_level = (
            None  # SQLAlchemy begins; Python's driver would do so too late, and not for DDL
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        alone = connection.get_execution_options().get("alone")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if alone else "BEGIN")

    return made


def postgresql(address: str) -> Database:
    """Raises DataError for an address that is none, without showing it."""
    need("psycopg", "keeping answers in PostgreSQL")
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise DataError(
            "the database's address cannot be read; it looks like postgresql://user:password@host/name"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise DataError(
            f"a database of the kind {url.get_backend_name()!r} is not known; "
            "the address looks like postgresql://user:password@host/name"
        )
    host = url.host or url.query.get("host") or "this machine"
    place = f"PostgreSQL database {url.database or url.username} at {host}" + (
        f":{url.port}" if url.port else ""
    )
    known: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": SILENT_SECONDS,
        "tcp_user_timeout": SILENT_SECONDS * 1000,
        "application_name": f"handful, process {os.getpid()} on {socket.gethostname()}"[:63],
    }
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in known.items() if name not in url.query},
        pool_size=READERS,
        max_overflow=-1,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    return Database(engine, place, None, url.password or "")


def bring_up_to_date(database: Database) -> None:
    """Make the tables, or run the migrations that are missing: all of them or none."""
    with first_contact(database), database.engine.connect() as connection:
        found = version_of(connection)
    if found == VERSIONS[-1]:
        return
    with database.told(), database.engine.connect() as connection:
        database.begin_alone(connection)
        found = version_of(connection)  # another process may have been faster
        refuse_what_is_not_ours(database, connection, found)
        if found != VERSIONS[-1]:
            migrate(connection)
        connection.commit()


@contextmanager
def first_contact(database: Database) -> Iterator[None]:
    """A failure to connect comes with what to look at."""
    try:
        with database.told():
            yield
    except DataError as error:
        if database.file is not None:
            raise
        raise DataError(
            f"{error}; check that PostgreSQL runs there, that the database exists, and the address in the environment"
        ) from None


def version_of(connection: Connection) -> str:
    """The newest migration that was run; empty where there was none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or "")


def refuse_what_is_not_ours(database: Database, connection: Connection, found: str) -> None:
    if found:
        if found not in VERSIONS:
            raise DataError(
                f"{database.place}: is from a newer version of handful (ledger version {found}, known up to "
                f"{VERSIONS[-1]}); upgrade handful"
            )
        return
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return
    if database.file is None:
        raise DataError(
            f"{database.place}: holds tables of something else ({min(tables)}, say); give handful a database of its own"
        )
    by_hand = connection.execute(text("PRAGMA user_version")).scalar() or 0
    if tables != {"sessions", "verdicts"} or by_hand != 1:
        raise DataError(f"{database.place}: is an SQLite file, but no ledger of answers; move it away")


def migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_made(target: Path | str) -> bool:
    """Whether there may be answers at `target`: a file that is there, or any PostgreSQL database."""
    return not isinstance(target, Path) or target.exists()
