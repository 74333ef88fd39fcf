"""The ledger's tables, as SQLAlchemy has them: every row is added, none is changed, in SQLite and PostgreSQL alike.

What a row means is said where it is written and read: people and what they said in `ledger`, live dialogues in
`talks`, the curation desk in `reviews`. The tables are made by the migrations beside this file, never by this one.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

METADATA = MetaData()
ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only what it calls INTEGER


def table(name: str, *columns: Column[object] | CheckConstraint | Index) -> Table:
    """A table whose rows are numbered as they come and say when they came (ISO 8601, UTC, milliseconds)."""
    numbered = Column("id", ID, primary_key=True, autoincrement=True)
    dated = Column("at", String(32), nullable=False)
    return Table(name, METADATA, numbered, dated, *columns, sqlite_autoincrement=True)


PEOPLE = table(
    "people",
    Column("name", String(40), nullable=False, unique=True),  # a pseudonym
    Column("grouped", String(40), nullable=False),  # such as "authors" or "crowd"; may be empty
)
TOKENS = table(
    "tokens",
    Column("role", String(8), nullable=False),  # "person" | "admin"
    Column("person", String(40), nullable=False),  # empty for an admin
    Column("token_hash", String(64), nullable=False, unique=True),
)
SESSIONS = table(
    "sessions",
    Column("token_hash", String(64), ForeignKey("tokens.token_hash"), nullable=False),
    Column("session_hash", String(64), nullable=False, unique=True),
)
EVENTS = table(
    "events",
    Column("person", String(40), nullable=False, index=True),  # empty: the whole study
    Column("kind", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column(
        "subject", String(64), nullable=False
    ),  # what it is said of, where not the person: a session's hash
)
ANSWERS = table(
    "answers",
    Column("person", String(40), nullable=False),
    Column("item", String(64), nullable=False),  # sha256 of what was asked and shown, whatever the sides
    Column("round", Integer, nullable=False),  # 0; 1 where the same was asked again, with its sides swapped
    Column("task", String(16), nullable=False),
    Column("subject", String(64), nullable=False),  # id of the comparison or submission in the study that asked
    Column("shown", String(8), nullable=False),  # "forward" | "swapped"; empty where one text was graded
    Column("first", String(64), nullable=False),  # sha256 of the text that stood first
    Column("choice", String(16)),  # first, second, neither; a grade; skip; NULL takes the answer back
    Column("reason", Text, nullable=False),
    Column("ms", Integer),  # on the screen, by the server's monotonic clock; NULL where not known
    Column("nonce", String(64), unique=True),  # of the form that sent it: what is sent twice is stored once
    Column("supersedes", ID, ForeignKey("answers.id"), unique=True),
    # With `supersedes` unique: a person's rows on one question are a chain, so at most one answer stands.
    Index("answers_of", "person", "item", "round"),
    Index("one_chain", "person", "item", "round", unique=True, sqlite_where=text("supersedes IS NULL"),
          postgresql_where=text("supersedes IS NULL")),
)  # fmt: skip
CONVERSATIONS = table(
    "conversations",
    Column("person", String(40), nullable=False, index=True),
    Column("prompt_id", Text, nullable=False),
    Column("arm", String(64), nullable=False),  # a hash that stands for the system
    Column("nonce", String(64), nullable=False, unique=True),
    Index("one_talk", "person", "prompt_id", "arm", unique=True),
)
SAID = table(
    "said",
    Column("conversation", ID, ForeignKey("conversations.id"), nullable=False),
    Column("number", Integer, nullable=False),  # of the turn, from 0, the user's first
    Column("role", String(16), nullable=False),  # user, assistant; "end" closes the conversation
    Column("text", Text, nullable=False),
    Column("finish", String(16), nullable=False),
    Column("ms", Integer),  # until the reply was there
    Index("one_turn", "conversation", "number", unique=True),
)
TURN_GRADES = table(
    "turn_grades",
    Column("conversation", ID, ForeignKey("conversations.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("grade", String(16)),  # fail, pass, excellent; NULL takes it back
    Column("supersedes", ID, ForeignKey("turn_grades.id"), unique=True),
    Index("one_grade", "conversation", "number", unique=True, sqlite_where=text("supersedes IS NULL"),
          postgresql_where=text("supersedes IS NULL")),
)  # fmt: skip
REVIEWS = table(
    "reviews",
    Column("person", String(40), nullable=False),
    Column("candidate", Text, nullable=False),  # id of the candidate or authored example
    Column("seen", String(64), nullable=False),  # sha256 of the text that the reviewer had before them
    Column("decision", String(16)),  # accept, reject, edit, write; NULL takes it back
    Column("reason", Text, nullable=False),
    Column("tags", Text, nullable=False),  # a JSON list
    Column("turns", Text, nullable=False),  # edited or written turns as JSON; empty where they stay
    Column("nonce", String(64), unique=True),
    Column("supersedes", ID, ForeignKey("reviews.id"), unique=True),
    Index("one_review", "person", "candidate", unique=True, sqlite_where=text("supersedes IS NULL"),
          postgresql_where=text("supersedes IS NULL")),
)  # fmt: skip
PICKS = table(
    "picks",
    Column("person", String(40), nullable=False),
    Column("prompt_id", Text, nullable=False),
    Column("shown", Text, nullable=False),  # sha256 of the answers, in the order in which they stood
    Column("choice", Text),  # JSON: the epochs that are "best", and a "reason"; NULL takes it back
    Column("nonce", String(64), unique=True),
    Column("supersedes", ID, ForeignKey("picks.id"), unique=True),
    Index("one_pick", "person", "prompt_id", unique=True, sqlite_where=text("supersedes IS NULL"),
          postgresql_where=text("supersedes IS NULL")),
)  # fmt: skip
