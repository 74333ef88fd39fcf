"""The ledger only grows, says at most one thing per person and pair, and survives what may happen to it."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.annotate.ledger import VERSION, Ledger
from handful.core.errors import DataError

PAIR = {"comparison_id": "c1", "order": "forward", "first": "f" * 64}


def rows(path):
    db = sqlite3.connect(path)
    found = db.execute("SELECT id, person, shown, choice, supersedes FROM verdicts ORDER BY id").fetchall()
    db.close()
    return found


def test_an_answer_is_kept_once_however_often_it_is_sent(ledger):
    first, new = ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    again, new_again = ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    assert (new, new_again) == (True, False)
    assert again == first
    assert ledger.entries() == [first]


def test_a_second_answer_that_differs_does_not_replace_the_first(ledger):
    ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    standing, new = ledger.record(person="ann", shown="s1", choice="second", **PAIR)
    assert (standing.choice, new) == ("first", False)


def test_an_undo_is_a_row_and_a_new_answer_another(ledger):
    wrong, _ = ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    assert ledger.undo("ann", wrong.id) == wrong
    ledger.record(person="ann", shown="s1", choice="neither", **PAIR)
    assert rows(ledger.path) == [
        (1, "ann", "s1", "first", None),
        (2, "ann", "s1", None, 1),
        (3, "ann", "s1", "neither", 2),
    ]
    assert [entry.choice for entry in ledger.entries()] == ["neither"]


def test_only_ones_own_standing_answer_can_be_undone(ledger):
    entry, _ = ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    assert ledger.undo("ben", entry.id) is None
    assert ledger.undo("ann", entry.id + 1) is None
    assert ledger.undo("ann", entry.id) == entry
    assert ledger.undo("ann", entry.id) is None
    assert len(rows(ledger.path)) == 2


@pytest.mark.parametrize(
    "statement", ["UPDATE verdicts SET choice = 'second'", "DELETE FROM verdicts", "DELETE FROM sessions"]
)
def test_the_file_itself_refuses_to_forget(ledger, statement):
    ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    ledger.enter("ann", "token")
    db = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    db.close()


def test_the_file_itself_refuses_a_second_standing_answer(ledger):
    ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    db = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        db.execute(
            'INSERT INTO verdicts (at, person, shown, comparison_id, "order", first, choice) '
            "VALUES ('', 'ann', 's1', 'c1', 'forward', '', 'second')"
        )
    db.close()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "ben"]),
        st.sampled_from(["s1", "s2"]),
        st.sampled_from(["first", "second", "neither", "undo"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(ACTIONS)
def test_the_ledger_agrees_with_a_dictionary(tmp_path_factory, actions):
    """The model: a dictionary that takes an answer only where none stands."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "people.sqlite")
    model, ids = {}, {}
    grown = 0
    for person, shown, action in actions:
        key = person, shown
        if action == "undo":
            assert (ledger.undo(person, ids.get(key, 0)) is not None) == (key in model)
            model.pop(key, None)
        else:
            entry, _ = ledger.record(person=person, shown=shown, choice=action, **PAIR)
            model.setdefault(key, action)
            ids[key] = entry.id
        found = {(e.person, e.shown): e.choice for e in ledger.entries() if e.choice is not None}
        assert found == model
        assert len(rows(ledger.path)) >= grown
        grown = len(rows(ledger.path))
    ledger.close()


def test_many_threads_and_two_connections_store_one_answer(open_ledger):
    ledgers = [open_ledger(), open_ledger()]
    news = []

    def answer(number):
        news.append(ledgers[number % 2].record(person="ann", shown="s1", choice="first", **PAIR)[1])

    threads = [threading.Thread(target=answer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(news) == [False] * 7 + [True]
    assert len(rows(ledgers[0].path)) == 1


def test_an_answer_that_record_returned_for_survives_a_kill(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from handful.annotate.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for n in range(10_000):\n"
        "    ledger.record(person='ann', shown=f's{n}', comparison_id='c',\n"
        "                  order='forward', first='f', choice='first')\n"
        "    print(n, flush=True)\n"
    )
    path = tmp_path / "people.sqlite"
    writer = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    told = [int(writer.stdout.readline()) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    told += [int(line) for line in writer.communicate()[0].splitlines()]
    ledger = Ledger(path)
    kept = [entry.shown for entry in ledger.entries()]
    ledger.close()
    assert kept[: len(told)] == [f"s{n}" for n in told]
    assert len(kept) - len(told) in (0, 1)  # at most the one on its way


def test_who_holds_a_token_is_known_by_its_hash_alone(ledger):
    assert ledger.person_of("secret-token") is None
    assert not ledger.knows("ann")
    ledger.enter("ann", "secret-token")
    assert ledger.person_of("secret-token") == "ann"
    assert ledger.knows("ann")
    ledger.close()
    for file in ledger.path.parent.iterdir():
        assert b"secret-token" not in file.read_bytes()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "people.sqlite"
    path.write_text("verdicts, as I remember them: " + "x" * 200)
    with pytest.raises(DataError, match=r"people\.sqlite: file is not a database"):
        Ledger(path)


def test_a_database_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "people.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(DataError, match="no ledger of verdicts"):
        Ledger(path)


def test_a_ledger_from_a_newer_version_is_refused(ledger):
    ledger.close()
    db = sqlite3.connect(ledger.path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(DataError, match="newer version of handful"):
        Ledger(ledger.path)


def test_a_full_disk_is_an_error_and_loses_nothing_that_was_stored(tmp_path):
    """A limit on file size stands in for the disk: SQLite sees the same failing write."""
    path = tmp_path / "people.sqlite"
    ledger = Ledger(path)
    ledger.record(person="ann", shown="s0", choice="first", **PAIR)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    wal = path.with_name("people.sqlite-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 100, before[1]))
    try:
        with pytest.raises(DataError, match=r"people\.sqlite: "):
            ledger.record(person="ann", shown="s1", choice="first", **PAIR)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [entry.shown for entry in ledger.entries()] == ["s0"]
    ledger.record(person="ann", shown="s1", choice="first", **PAIR)  # once there is room again
    ledger.close()
    assert [row[2] for row in rows(path)] == ["s0", "s1"]


def test_the_writes_are_synchronous(ledger):
    assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
