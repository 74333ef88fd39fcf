"""How one row gets into a table of the ledger: numbered by the database, dated, and of a form both kinds take."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, String, Table

from handful.annotate.tables import METADATA
from handful.core.errors import DataError

INSERTS = {name: table.insert() for name, table in METADATA.tables.items()}


def insert(connection: Connection, table: Table, values: Mapping[str, Any]) -> tuple[int, str]:
    """Add a row. Returns its id and when it came.

    `at` is for people to read: a clock may jump, so what came first is told by the ids alone.

    Raises:
        DataError: a value that PostgreSQL would refuse, also where this is SQLite, which would take it.
    """
    at = now()
    for name, value in values.items():
        check(table, name, value)
    done = connection.execute(INSERTS[table.name], {"at": at, **values})
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0]), at


def check(table: Table, name: str, value: object) -> None:
    if not isinstance(value, str):
        return
    if "\0" in value:
        raise DataError(f"{table.name}.{name}: holds a NUL character, which cannot be stored; take it out")
    kind = table.c[name].type
    if isinstance(kind, String) and kind.length is not None and len(value) > kind.length:
        raise DataError(
            f"{table.name}.{name}: has {len(value)} characters; at most {kind.length} can be stored"
        )


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def hash_of(text: str) -> str:
    """sha256 in hex, of any text that a browser may send."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
