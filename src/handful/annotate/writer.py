"""One thread that writes for all others: requests that come together share a commit, and its wait for the disk.

    writer.write(act)       # runs act(connection) and returns its result when that is on the disk

A disk gives some hundred synchronous commits a second, whatever their size. So while one is under way the next
requests gather, and are committed together. Where one of them fails, all are run again, each with a savepoint: it
takes no other with it.

It does not try again what failed by itself: the caller is told, and nothing of it is stored.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from handful.annotate.database import Database
from handful.core.errors import DataError

T = TypeVar("T")
Act = Callable[[Connection], Any]
Outcome = tuple[Any, Exception | None]
TOGETHER = 256
"""Requests in one commit, at most."""


class Writer:
    """The writing side of `database`.

    Args:
        claim: called with each new connection before it writes; raises DataError where it may not.
    """

    def __init__(self, database: Database, claim: Callable[[Connection], None] = lambda _: None) -> None:
        self._database = database
        self._claim = claim
        self._connection: Connection | None = None
        self._waiting: deque[tuple[Act, Future[Any]]] = deque()
        self._more = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def write(self, act: Callable[[Connection], T]) -> T:
        """What `act` returns, once it is on the disk. Raises what it raises; nothing is then stored."""
        done: Future[T] = Future()
        with self._more:
            if self._closed:
                raise DataError(f"{self._database.place}: is closed; nothing was stored")
            self._waiting.append((act, done))
            self._more.notify()
        return done.result()

    def close(self) -> None:
        """Write what still waits, and stop."""
        with self._more:
            self._closed = True
            self._more.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            try:
                self._commit(batch)
            except BaseException as error:
                self._drop_connection()
                for _, done in batch:
                    done.set_exception(error)
        self._drop_connection()

    def _next(self) -> list[tuple[Act, Future[Any]]]:
        """The requests that wait; none when closed."""
        with self._more:
            while not self._waiting and not self._closed:
                self._more.wait()
            return [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]

    def _commit(self, batch: list[tuple[Act, Future[Any]]]) -> None:
        """All of `batch` in one transaction, then the word to each caller."""
        with self._database.told():
            connection = self._begun()
            results = self._together(batch, connection)
            if connection.invalidated:
                raise DataError(f"{self._database.place}: the connection was lost; nothing was stored")
            connection.commit()
        for (_, done), (result, error) in zip(batch, results, strict=True):
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

    def _together(self, batch: list[tuple[Act, Future[Any]]], connection: Connection) -> list[Outcome]:
        """What each returns or raises. Savepoints cost as much as the work, so at first there are none."""
        try:
            return [(act(connection), None) for act, _ in batch]
        except Exception:
            if connection.invalidated:
                raise
        connection.rollback()
        self._database.begin_alone(connection)
        return [self._apart(act, connection) for act, _ in batch]

    def _apart(self, act: Act, connection: Connection) -> Outcome:
        """What `act` returns or raises. A failure is undone alone; where that cannot be, it ends the transaction."""
        savepoint = connection.begin_nested()
        try:
            with self._database.told():
                result = act(connection)
        except Exception as error:
            savepoint.rollback()
            return None, error
        savepoint.commit()
        return result, None

    def _begun(self) -> Connection:
        """The connection, in a transaction; a new one where the old was lost while nothing was under way."""
        if self._connection is not None:
            try:
                self._database.begin_alone(self._connection)
                return self._connection
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                self._drop_connection()
        self._connection = self._database.engine.connect()
        self._claim(self._connection)
        self._database.begin_alone(self._connection)
        return self._connection

    def _drop_connection(self) -> None:
        """Close for good, not back into the pool: what it held (a transaction, a lock) ends with it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:  # it is broken already, which is why it goes
                return
