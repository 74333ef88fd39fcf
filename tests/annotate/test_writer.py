"""Requests share a commit, and nothing else: each is answered by itself, and only when its row is on the disk."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from handful.core.errors import DataError

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


BAD = text("INSERT INTO events (at, person, kind, reason, subject) VALUES ('', '', 'bad', '', '')")


def event(ledger, kind):
    ledger.event(kind)
    return kind


def count_commits(ledger, monkeypatch):
    commits = []
    commit = ledger._writer._commit
    monkeypatch.setattr(ledger._writer, "_commit", lambda batch: (commits.append(len(batch)), commit(batch)))
    return commits


def held_back(ledger, requests):
    """Send `requests` while a commit is under way, so that all of them wait for the next."""
    busy, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(len(requests) + 1) as threads:
        first = threads.submit(ledger.write, lambda connection: (busy.set(), go.wait(10)))
        busy.wait(10)
        sent = [threads.submit(request) for request in requests]
        while len(ledger._writer._waiting) < len(requests):
            time.sleep(0.001)
        go.set()
        first.result(10)
        return [(done.exception(10), None if done.exception() else done.result()) for done in sent]


def test_requests_that_come_together_are_committed_together(ledger, monkeypatch):
    commits = count_commits(ledger, monkeypatch)
    told = held_back(ledger, [lambda n=n: event(ledger, f"kind{n}") for n in range(20)])
    assert commits == [1, 20]
    assert sorted(kind for _, kind in told) == sorted(f"kind{n}" for n in range(20))
    assert sorted(said.kind for said in ledger.events()) == sorted(f"kind{n}" for n in range(20))


def test_one_that_fails_takes_no_other_with_it(ledger):
    """Refused by us, refused by the database after it wrote, and a mistake of ours: each is told, its row is gone."""

    def wrong(connection):
        connection.execute(
            text("INSERT INTO events (at, person, kind, reason, subject) VALUES ('', '', 'bad', '', '')")
        )
        raise ZeroDivisionError

    def refused(connection):
        connection.execute(
            text("INSERT INTO events (at, person, kind, reason, subject) VALUES ('', '', 'bad', '', '')")
        )
        connection.execute(text("INSERT INTO events (at) VALUES ('')"))

    requests = [
        lambda: event(ledger, "good"),
        lambda: ledger.write(wrong),
        lambda: event(ledger, "k" * 17),
        lambda: ledger.write(refused),
        lambda: event(ledger, "good too"),
    ]
    problems = [problem for problem, _ in held_back(ledger, requests)]
    assert [problem is None for problem in problems] == [True, False, False, False, True]
    assert isinstance(problems[1], ZeroDivisionError)
    assert isinstance(problems[2], DataError)
    assert isinstance(problems[3], DataError)
    assert sorted(said.kind for said in ledger.events()) == ["good", "good too"]


def test_a_failure_names_the_database_in_one_line_and_no_values(ledger, kind):
    with pytest.raises(DataError) as problem:
        ledger.write(lambda c: c.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "hush"}))
    assert str(problem.value).startswith(ledger.place)
    assert "nowhere" in str(problem.value)
    assert "hush" not in str(problem.value)
    assert "\n" not in str(problem.value)


def test_what_was_sent_before_closing_is_stored_and_what_comes_after_is_refused(open_ledger, ask):
    ledger = open_ledger()
    held_back(ledger, [lambda: event(ledger, "last")])
    ledger.close()
    with pytest.raises(DataError, match="is closed; nothing was stored"):
        ledger.event("too late")
    assert ask("SELECT kind FROM events") == [("last",)]


def test_ids_are_in_the_order_of_the_commits_whoever_writes(open_ledger):
    """So a reader who has seen id n has seen all before it, and never misses what another process adds."""
    ledgers = [open_ledger(), open_ledger()]
    seen, stop = [], threading.Event()

    def watch():
        while True:
            last = stop.is_set()
            seen.extend(row.id for row in ledgers[0].rows("events", after=seen[-1] if seen else 0))
            if last:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda n: ledgers[n % 2].event(f"kind{n}"), range(120)))
    stop.set()
    watcher.join()
    assert seen == [row.id for row in ledgers[0].rows("events")]
    assert len(seen) == 120
