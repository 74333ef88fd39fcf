"""All tables, and what the first, hand-made ledgers held (SQLite with user_version 1: verdicts and pseudonyms)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from handful.annotate.migrations.append_only import append_only

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TABLES = (
    "people",
    "tokens",
    "sessions",
    "events",
    "answers",
    "conversations",
    "said",
    "turn_grades",
    "reviews",
    "picks",
)
NEWEST_BY_HAND = 2
"""What SQLite's user_version says of ledgers with migrations: an old handful then refuses them as too new."""


def upgrade() -> None:
    by_hand = put_aside_made_by_hand()
    people()
    answers()
    talks()
    judgements()
    if by_hand:
        carry_over()
    append_only(TABLES)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA user_version = {NEWEST_BY_HAND}")


def make(name: str, *parts: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("at", sa.String(32), nullable=False),
        *parts,
        sqlite_autoincrement=True,
    )


def word(name: str, length: int, unique: bool = False, index: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False, unique=unique or None, index=index or None)


def prose(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def nonce() -> sa.Column[Any]:
    return sa.Column("nonce", sa.String(64), unique=True)


def supersedes(table: str) -> sa.Column[Any]:
    return sa.Column("supersedes", ID, sa.ForeignKey(f"{table}.id"), unique=True)


def chain(index: str, table: str, *key: str) -> None:
    """Only one row of a key supersedes nothing: with `supersedes` unique, the key's rows are one chain."""
    first = sa.text("supersedes IS NULL")
    op.create_index(index, table, key, unique=True, sqlite_where=first, postgresql_where=first)


def people() -> None:
    make("people", word("name", 40, unique=True), word("grouped", 40))
    make("tokens", word("role", 8), word("person", 40), word("token_hash", 64, unique=True))
    owner = sa.Column("token_hash", sa.String(64), sa.ForeignKey("tokens.token_hash"), nullable=False)
    make("sessions", owner, word("session_hash", 64, unique=True))
    make("events", word("person", 40, index=True), word("kind", 16), prose("reason"), word("subject", 64))


def answers() -> None:
    make(
        "answers",
        word("person", 40),
        word("item", 64),
        sa.Column("round", sa.Integer, nullable=False),
        word("task", 16),
        word("subject", 64),
        word("shown", 8),
        word("first", 64),
        sa.Column("choice", sa.String(16)),
        prose("reason"),
        sa.Column("ms", sa.Integer),
        nonce(),
        supersedes("answers"),
    )
    op.create_index("answers_of", "answers", ["person", "item", "round"])
    chain("one_chain", "answers", "person", "item", "round")


def talks() -> None:
    make(
        "conversations",
        word("person", 40, index=True),
        prose("prompt_id"),
        word("arm", 64),
        word("nonce", 64, unique=True),
    )
    op.create_index("one_talk", "conversations", ["person", "prompt_id", "arm"], unique=True)
    for table, columns in (
        ("said", [word("role", 16), prose("text"), word("finish", 16), sa.Column("ms", sa.Integer)]),
        ("turn_grades", [sa.Column("grade", sa.String(16)), supersedes("turn_grades")]),
    ):
        number = sa.Column("number", sa.Integer, nullable=False)
        of = sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), nullable=False)
        make(table, of, number, *columns)
    op.create_index("one_turn", "said", ["conversation", "number"], unique=True)
    chain("one_grade", "turn_grades", "conversation", "number")


def judgements() -> None:
    make(
        "reviews",
        word("person", 40),
        prose("candidate"),
        word("seen", 64),
        sa.Column("decision", sa.String(16)),
        prose("reason"),
        prose("tags"),
        prose("turns"),
        nonce(),
        supersedes("reviews"),
    )
    chain("one_review", "reviews", "person", "candidate")
    make(
        "picks",
        word("person", 40),
        prose("prompt_id"),
        prose("shown"),
        sa.Column("choice", sa.Text),
        nonce(),
        supersedes("picks"),
    )
    chain("one_pick", "picks", "person", "prompt_id")


def put_aside_made_by_hand() -> bool:
    """Rename the two tables of a ledger from before migrations, whose names are taken now."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite" or "verdicts" not in sa.inspect(bind).get_table_names():
        return False
    op.drop_index("one_chain", "verdicts")
    for table in ("sessions", "verdicts"):
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"DROP TRIGGER {table}_no_{verb}")
        op.rename_table(table, f"{table}_by_hand")
    return True


def carry_over() -> None:
    """Verdicts become answers, pseudonyms people. Whoever had entered needs a link now: there was none to keep."""
    op.execute(
        "INSERT INTO people (at, name, grouped) SELECT min(at), person, '' FROM "
        "(SELECT at, person FROM sessions_by_hand UNION ALL SELECT at, person FROM verdicts_by_hand) "
        "GROUP BY person ORDER BY min(at), person"
    )
    op.execute(
        "INSERT INTO answers "
        '(id, at, person, item, "round", task, subject, shown, "first", choice, reason, supersedes) '
        "SELECT id, at, person, shown, 0, 'preference', comparison_id, \"order\", \"first\", choice, '', supersedes "
        "FROM verdicts_by_hand ORDER BY id"
    )
    op.drop_table("verdicts_by_hand")
    op.drop_table("sessions_by_hand")
