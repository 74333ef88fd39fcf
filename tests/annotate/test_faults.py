"""Whatever dies, and whenever: what was acknowledged is there once, and what was not is there once or not at all."""

import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import psycopg
import pytest
from sqlalchemy import text

from handful.annotate import database
from handful.annotate.ledger import open_ledger as open_one
from handful.core.errors import DataError

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"])
ASKED = {"task": "preference", "subject": "c1", "shown": "forward", "first": "f" * 64, "choice": "first"}

WRITE = """
import sys, threading
from pathlib import Path
from handful.annotate.ledger import open_ledger
target = sys.argv[1]
ledger = open_ledger(target if "://" in target else Path(target), serve=True)
def answer(person):
    for n in range(100_000):
        ledger.answer(person=person, item=f"s{n}", nonce=f"{person}-{n}", task="preference", subject="c1",
                      shown="forward", first="f" * 64, choice="first")
        sys.stdout.write(f"{person}-{n}\\n")
        sys.stdout.flush()
for k in range(8):
    threading.Thread(target=answer, args=(f"p{k}",)).start()
"""


def say(ledger, nonce, **more):
    """The answer that a form with `nonce` "PERSON-NUMBER" sends."""
    person, number = nonce.split("-")
    return ledger.answer(person=person, item=f"s{number}", nonce=nonce, **{**ASKED, **more})


def until_it_fails(ledger, size):
    """Store long reasons until one cannot be. Returns what was acknowledged, what was not, and the error."""
    told = []
    for number in range(1, 1000):
        nonce = f"ben-{number}"
        try:
            say(ledger, nonce, reason=os.urandom(size // 2).hex())
        except DataError as problem:
            return told, nonce, str(problem)
        told.append(nonce)
    raise AssertionError("there was room for everything")


def kept(ledger):
    return [answer.nonce for answer in ledger.history()]


def pid_of(ledger):
    return ledger.write(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar())


@BOTH
def test_every_acknowledged_answer_survives_a_kill_of_the_server(target, open_ledger):
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(target)], stdout=subprocess.PIPE, text=True)
    told = [writer.stdout.readline().strip() for _ in range(150)]
    os.kill(writer.pid, signal.SIGKILL)
    told += [line for line in writer.communicate()[0].split("\n")[:-1] if line]
    ledger = open_ledger(serve=True)
    found = kept(ledger)
    assert set(told) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) - len(told) <= 8  # at most one on its way for each
    with ThreadPoolExecutor(50) as browsers:  # each sends again what it is not sure of
        assert not any(new for _, new in browsers.map(lambda nonce: say(ledger, nonce), found))
    assert kept(ledger) == found


@POSTGRESQL
def test_every_acknowledged_answer_survives_the_death_of_the_database(ledger, postgres):
    """The server goes on by itself once the database is back; people send again what was not answered."""
    told, problems, half, back, over = [], [], *(threading.Event() for _ in range(3))

    def answer(person):
        for number in itertools.count():
            if over.is_set():
                return
            nonce = f"{person}-{number}"
            while True:
                try:
                    say(ledger, nonce)
                    break
                except DataError as problem:
                    problems.append(problem)
                    back.wait(60)
            told.append(nonce)
            if len(told) > 100:
                half.set()
            if back.is_set() and number > 40:
                over.set()

    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("CHECKPOINT")  # what other tests wrote need not be recovered
    threads = [threading.Thread(target=answer, args=(f"p{k}",), daemon=True) for k in range(6)]
    for thread in threads:
        thread.start()
    half.wait(60)
    postgres.stop(signal.SIGQUIT)
    acknowledged = list(told)
    with pytest.raises(DataError, match="study at"):
        ledger.answers()
    postgres.start()
    with closing(open_one(postgres.url("study"))) as beside:
        assert set(acknowledged) <= set(kept(beside))
    back.set()
    for thread in threads:
        thread.join(60)
    assert problems
    assert sorted(kept(ledger)) == sorted(told)
    assert len(set(told)) == len(told) > len(acknowledged)


@POSTGRESQL
@pytest.mark.parametrize("moment", ["amid", "at the commit"])
def test_a_connection_lost_while_writing_stores_nothing_and_the_next_write_has_a_new_one(
    ledger, target, moment
):
    say(ledger, "ann-0")

    def act(connection):
        connection.execute(
            text("INSERT INTO events (at, person, kind, reason, subject) VALUES ('', '', 'lost', '', '')")
        )
        cut(target, connection.execute(text("SELECT pg_backend_pid()")).scalar())
        if moment == "amid":
            connection.execute(text("SELECT 1"))

    with pytest.raises(DataError, match=r"terminating connection|closed the connection"):
        ledger.write(act)
    assert ledger.events() == []
    assert say(ledger, "ann-1")[1]
    assert kept(ledger) == ["ann-0", "ann-1"]


@POSTGRESQL
def test_a_connection_lost_while_nobody_wrote_is_not_noticed(ledger, target):
    say(ledger, "ann-0")
    cut(target, pid_of(ledger))
    assert say(ledger, "ann-1")[1]


def cut(target, pid):
    """End a connection and wait until its end is known."""
    with psycopg.connect(target, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@POSTGRESQL
def test_a_server_that_lost_its_lock_writes_only_if_nobody_else_serves_now(open_ledger, target):
    """What it remembers of the ledger may not hold any more."""
    first = open_ledger(serve=True)
    cut(target, pid_of(first))
    second = open_ledger(serve=True)
    with pytest.raises(DataError, match="another handful serves this study"):
        say(first, "ann-0")
    assert say(second, "ann-1")[1]
    second.close()
    assert say(first, "ann-2")[1]
    with pytest.raises(DataError, match="another handful serves this study"):
        open_ledger(serve=True)


def test_a_full_disk_is_an_error_and_loses_nothing_that_was_stored(target, open_ledger):
    """A limit on file size stands in for the disk: SQLite sees the same failing write."""
    ledger = open_ledger()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    wal = target.with_name("people.sqlite-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 20_000, before[1]))
    try:
        told, nonce, problem = until_it_fails(ledger, 4000)
        assert problem.startswith(f"{target}: ")
        assert kept(ledger) == told
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert say(ledger, nonce)[1]  # once there is room again
    ledger.close()
    assert kept(open_ledger()) == [*told, nonce]


def test_a_real_full_disk_too(tmp_path):
    """A file system of 1 MB in memory, filled by another program, where this process may make one."""
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small]).returncode:
        pytest.skip("needs the right to mount; the limit on file size stands in for it")
    try:
        with closing(open_one(small / "people.sqlite")) as ledger:
            ballast = small / "ballast"
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            told, nonce, problem = until_it_fails(ledger, 4000)
            assert problem == f"{small / 'people.sqlite'}: database or disk is full"
            assert kept(ledger) == told
            ballast.unlink()
            assert say(ledger, nonce)[1]
        with closing(open_one(small / "people.sqlite")) as ledger:
            assert kept(ledger) == [*told, nonce]
    finally:
        subprocess.run(["umount", small], check=True)


@POSTGRESQL
def test_a_full_disk_of_postgresql_too(ledger, postgres):
    """Its log is written into files of 16 MB that are there already; a limit just above stops the table."""
    postgres.run("prlimit", "--pid", str(pid_of(ledger)), f"--fsize={17 * 2**20}:")
    told, nonce, problem = until_it_fails(ledger, 4 * 2**20)
    assert "could not extend file" in problem
    assert kept(ledger) == told
    assert len(told) > 1
    cut(postgres.url("study"), pid_of(ledger))  # a new connection has no such limit
    assert say(ledger, nonce)[1]
    assert kept(ledger) == [*told, nonce]


def test_a_file_that_may_not_be_written_is_an_error(target, open_ledger):
    open_ledger().close()
    with closing(open_one(target)) as ledger:
        ledger.write(lambda connection: connection.execute(text("PRAGMA query_only = 1")))
        with pytest.raises(DataError, match="readonly"):
            say(ledger, "ann-0")


@pytest.mark.parametrize("then", ["deleted", "replaced"])
def test_a_file_that_was_taken_away_while_it_was_open_takes_no_answers_with_it(
    target, ledger, open_ledger, then
):
    say(ledger, "ann-0")
    kept_at = target.with_name("elsewhere.sqlite")
    target.rename(kept_at)
    if then == "replaced":
        target.write_bytes(kept_at.read_bytes())
    with pytest.raises(DataError, match=r"people\.sqlite: was deleted or replaced while it was open"):
        say(ledger, "ann-1")
    assert target.exists() == (then == "replaced")
    kept_at.rename(target)
    assert say(ledger, "ann-1")[1]
    assert kept(open_ledger()) == ["ann-0", "ann-1"]


@BOTH
def test_who_writes_and_does_not_end_keeps_the_others_waiting_for_some_seconds_only(
    kind, target, monkeypatch
):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    other = database.open_database(target)
    with closing(open_one(target)) as ledger, other.engine.connect() as busy:
        other.begin_alone(busy)
        with pytest.raises(
            DataError, match="locked" if kind == "sqlite" else r"lock timeout; another process is"
        ):
            say(ledger, "ann-0")
        assert kept(ledger) == []
        busy.rollback()
        assert say(ledger, "ann-0")[1]
    other.close()
