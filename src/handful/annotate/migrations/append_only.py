"""Triggers with which the database itself refuses to change or forget a row, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op

REFUSE = """
CREATE FUNCTION handful_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
"""


def append_only(tables: Iterable[str]) -> None:
    """Forbid UPDATE and DELETE on `tables`, and TRUNCATE where there is such a thing."""
    if op.get_bind().dialect.name == "sqlite":
        for table in tables:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
                )
        return
    op.execute(REFUSE)
    for table in tables:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION handful_refuse()"
        )
