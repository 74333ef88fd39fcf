"""A ledger is opened where it is one, made where nothing is, and refused with one clear line everywhere else."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import PASSWORD
from sqlalchemy import text

from handful.annotate import database
from handful.annotate.ledger import hash_of, open_ledger
from handful.annotate.tables import METADATA
from handful.core.errors import DataError

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])

BY_HAND = """
CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, person TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE verdicts (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, person TEXT NOT NULL,
    shown TEXT NOT NULL, comparison_id TEXT NOT NULL,
    "order" TEXT NOT NULL CHECK ("order" IN ('forward', 'swapped')), first TEXT NOT NULL,
    choice TEXT CHECK (choice IN ('first', 'second', 'neither')),
    supersedes INTEGER UNIQUE REFERENCES verdicts (id)) STRICT;
CREATE UNIQUE INDEX one_chain ON verdicts (person, shown) WHERE supersedes IS NULL;
CREATE TRIGGER sessions_no_UPDATE BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER sessions_no_DELETE BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER verdicts_no_UPDATE BEFORE UPDATE ON verdicts BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER verdicts_no_DELETE BEFORE DELETE ON verdicts BEGIN SELECT RAISE(ABORT, 'append-only'); END;
INSERT INTO sessions VALUES (1, '2026-01-01T09:00:00', 'ben', 'b'), (2, '2026-01-01T09:30:00', 'ann', 'a');
INSERT INTO verdicts VALUES
    (1, '2026-01-01T10:00:00', 'ann', 's1', 'c1', 'swapped', 'f1', 'first', NULL),
    (2, '2026-01-01T10:01:00', 'ann', 's1', 'c1', 'swapped', 'f1', NULL, 1),
    (3, '2026-01-01T10:02:00', 'ann', 's1', 'c1', 'swapped', 'f1', 'neither', 2),
    (4, '2026-01-01T10:03:00', 'ben', 's2', 'c2', 'forward', 'f2', 'second', NULL);
PRAGMA user_version = 1;
"""
"""A ledger as it was before there were migrations."""


def script(path, statements):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(statements)


@BOTH
def test_the_migrations_make_the_tables_that_the_code_has(kind, target, ledger):
    made = database.sqlite(target) if kind == "sqlite" else database.postgresql(target)
    with made.engine.connect() as connection:
        options = {"compare_type": True, "version_table": database.VERSION_TABLE}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
    made.close()


def test_every_migration_is_known_and_they_are_one_line():
    found = [revision.revision for revision in ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()]
    assert tuple(reversed(found)) == database.VERSIONS


@BOTH
def test_opening_again_changes_nothing(target, open_ledger, ask):
    open_ledger().add_person("ann")
    assert [person.name for person in open_ledger().people()] == ["ann"]
    assert ask(f"SELECT version_num FROM {database.VERSION_TABLE}") == [(database.VERSIONS[-1],)]


@BOTH
def test_of_two_that_open_it_at_once_one_makes_it(target, open_ledger):
    start, problems = threading.Barrier(4), []

    def enter():
        try:
            start.wait()
            open_ledger()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_ledger_made_by_hand_is_carried_over(target, open_ledger, ask):
    script(target, BY_HAND)
    ledger = open_ledger()
    assert [(p.name, p.at, p.group, p.link) for p in ledger.people()] == [
        ("ben", "2026-01-01T09:00:00", "", False),
        ("ann", "2026-01-01T09:30:00", "", False),
    ]
    rows = [
        (a.id, a.person, a.item, a.subject, a.shown, a.first, a.choice, a.supersedes)
        for a in ledger.history()
    ]
    assert rows == [
        (1, "ann", "s1", "c1", "swapped", "f1", "first", None),
        (2, "ann", "s1", "c1", "swapped", "f1", None, 1),
        (3, "ann", "s1", "c1", "swapped", "f1", "neither", 2),
        (4, "ben", "s2", "c2", "forward", "f2", "second", None),
    ]
    assert {(answer.round, answer.task) for answer in ledger.history()} == {(0, "preference")}
    assert ledger.undo("ann", 3).choice == "neither"
    assert max(answer.id for answer in ledger.history()) == 5
    assert ask("PRAGMA user_version") == [(2,)]  # which an old handful refuses as too new
    assert ask("SELECT name FROM sqlite_master WHERE name LIKE '%by_hand%'") == []


@BOTH
def test_a_ledger_from_a_newer_version_is_refused(target, ledger, ask):
    ask(f"UPDATE {database.VERSION_TABLE} SET version_num = '0999'")
    with pytest.raises(DataError, match=r"newer version of handful \(ledger version 0999, .*upgrade handful"):
        open_ledger(target)


@pytest.mark.parametrize(
    "statements", ["CREATE TABLE recipes (name TEXT)", "CREATE TABLE verdicts (said TEXT)"]
)
def test_an_sqlite_file_of_something_else_is_left_alone(target, statements):
    script(target, statements)
    before = target.read_bytes()
    with pytest.raises(
        DataError, match=r"people\.sqlite: is an SQLite file, but no ledger of answers; move it away"
    ):
        open_ledger(target)
    with closing(sqlite3.connect(target)) as db:
        assert len(db.execute("SELECT name FROM sqlite_master").fetchall()) == 1
    assert len(target.read_bytes()) == len(before)


def test_a_postgresql_database_of_something_else_is_left_alone(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE recipes (name text)")
    with pytest.raises(
        DataError, match=r"holds tables of something else \(recipes, say\); give handful a database"
    ):
        open_ledger(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert found == [("recipes",)]


def test_a_file_that_is_no_database_is_refused(target):
    target.write_text("verdicts, as I remember them: " + "x" * 200)
    with pytest.raises(DataError, match=r"people\.sqlite: file is not a database"):
        open_ledger(target)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    for serve in (False, True):
        with pytest.raises(DataError, match=r"nowhere: there is no such folder for people\.sqlite"):
            open_ledger(tmp_path / "nowhere" / "people.sqlite", serve=serve)


def test_writes_wait_for_the_disk(ledger, target):
    seen = [ledger.write(lambda c, name=name: c.execute(text(f"PRAGMA {name}")).scalar()) for name in PRAGMAS]
    assert dict(zip(PRAGMAS, seen, strict=True)) == PRAGMAS


PRAGMAS = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}  # 2 is FULL


def test_writes_wait_for_the_disk_of_a_postgresql_that_was_told_not_to(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE study SET synchronous_commit = off")
    with closing(open_ledger(postgres_url)) as ledger:
        assert ledger.write(lambda c: c.execute(text("SHOW synchronous_commit")).scalar()) == "on"


def test_answers_are_where_the_environment_says_or_else_in_the_work_folder(monkeypatch):
    monkeypatch.delenv("STUDY_DATABASE", raising=False)
    assert database.target_of(Path("work"), "STUDY_DATABASE") == Path("work/people.sqlite")
    monkeypatch.setenv("STUDY_DATABASE", "postgresql://host/name")
    assert database.target_of(Path("work"), "STUDY_DATABASE") == "postgresql://host/name"


def test_a_database_that_cannot_be_reached_is_named_without_its_password(postgres_url, postgres):
    wrong = {
        "password authentication failed": postgres_url.replace(PASSWORD, "hunter2-hunter2"),
        'database "nothing" does not exist': postgres_url.replace("/study?", "/nothing?"),
        "No such file": f"postgresql://handful:hunter2-hunter2@/study?host={postgres.folder}/elsewhere",
        "refused": "postgresql://handful:hunter2-hunter2@127.0.0.1:1/study",
        "a database of the kind 'mysql'": "mysql://handful:hunter2-hunter2@host/study",
        "cannot be read": "hunter2-hunter2",
    }
    for told, address in wrong.items():
        with pytest.raises(DataError) as problem:
            open_ledger(address)
        assert told in str(problem.value)
        assert "\n" not in str(problem.value)
        shown = "".join(traceback_of(problem.value))
        assert "hunter2-hunter2" not in shown
        assert PASSWORD not in shown


def traceback_of(problem):
    while problem is not None:
        yield f"{problem!r}"
        problem = problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)


def test_a_user_who_may_not_make_tables_is_told(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'guest-guest'")
        connection.execute("GRANT USAGE ON SCHEMA public TO guest")
    guest = postgres_url.replace("handful:", "guest:").replace(PASSWORD, "guest-guest")
    with pytest.raises(
        DataError, match=r"study at .*: permission denied for schema public; let the user .* own the"
    ):
        open_ledger(guest)


SERVE = """
import sys, time
from pathlib import Path
from handful.annotate.ledger import open_ledger
target = sys.argv[1]
ledger = open_ledger(target if "://" in target else Path(target), serve=True)
print("serving", flush=True)
time.sleep(60)
"""


@BOTH
def test_one_process_serves_and_a_killed_one_leaves_no_lock(target, open_ledger):
    other = subprocess.Popen([sys.executable, "-c", SERVE, str(target)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "serving\n"
        with pytest.raises(DataError, match=rf"another handful serves this study \(process {other.pid}\b"):
            open_ledger(serve=True)
        open_ledger().add_person("ann")  # beside it, one may read and add
    finally:
        other.kill()
        other.communicate()
    served = open_ledger(serve=True)
    assert [person.name for person in served.people()] == ["ann"]
    with pytest.raises(DataError, match=rf"another handful serves this study \(process {os.getpid()}\b"):
        open_ledger(serve=True)
    served.close()
    open_ledger(serve=True)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_no_password_is_in_what_the_ledger_says_of_itself(ledger):
    assert ledger.place.startswith("PostgreSQL database study at /")
    assert PASSWORD not in f"{ledger!r} {ledger.place} {vars(ledger)!r} {ledger._database.engine!r}"


def test_a_hash_is_that_of_the_text():
    assert hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
