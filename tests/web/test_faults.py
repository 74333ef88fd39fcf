"""What is left when something breaks while people answer: the server, the database, the disk, the clock.

In each case every answer that was acknowledged (the server said 303) is in the ledger once, and people can go on.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from trial_server import Person, Server, comparisons, lay_down

from handful.annotate.ledger import open_ledger

NAMES = ("ann", "ben", "cem", "dan")
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture
def people():
    """Make people who have come as far as their first item; their connections are closed at the end."""
    made = []

    def come(server, names=NAMES):
        for name in names:
            person = Person(server.origin)
            person.enter(server.links[name])
            made.append(person)
        return made[-len(names) :]

    yield come
    for person in made:
        person.http.close()


class Crowd:
    """People who answer as fast as they can, each in a thread, whatever the server does."""

    def __init__(self, people):
        self.acknowledged, self.refused, self.faults = [], [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._answer, args=each) for each in enumerate(people)]
        for thread in self._threads:
            thread.start()

    def _answer(self, number, person):
        given = 0
        while not self._stop.is_set():
            try:
                if person.page is None or person.page.status_code != 200 or not person.form("/answer"):
                    person.get("/")
                if person.page.status_code != 200:
                    self.refused.append((person.page.status_code, person.page.text))
                    time.sleep(0.05)
                    continue
                if not person.form("/answer"):
                    return
                given += 1
                reason = f"person {number} answer {given}"
                data = person.fields("/answer") | {"choice": "first", "reason": reason}
                reply = person.http.post("/answer", data=data)
                person.page = None
                if reply.status_code == 303 and "stands" in reply.headers["location"]:
                    continue  # another was stored before, whose commit nobody was told of: it says so
                if reply.status_code == 303:
                    self.acknowledged.append(reason)
                else:
                    self.refused.append((reply.status_code, reply.text))
            except httpx2.TransportError as error:
                person.page = None
                self.faults.append(error)
                time.sleep(0.05)

    def until(self, count, seconds=20):
        """Wait for so many acknowledged answers."""
        end = time.monotonic() + seconds
        while len(self.acknowledged) < count:
            assert time.monotonic() < end, (
                f"{len(self.acknowledged)} of {count}: {self.refused[-1:]} {self.faults[-1:]}"
            )
            time.sleep(0.01)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def check_kept(target, crowd):
    """All that was acknowledged stands once, and nobody's question is answered twice."""
    with closing(open_ledger(target)) as ledger:
        rows = [row for row in ledger.history() if row.subject.startswith("secret")]
    times = Counter(row.reason for row in rows)
    assert set(crowd.acknowledged) - set(times) == set()
    assert max(times.values()) == 1
    assert max(Counter((row.person, row.item, row.round) for row in rows).values()) == 1
    assert len(rows) >= len(crowd.acknowledged) > 0


def test_a_server_killed_under_load_has_all_that_it_acknowledged_and_goes_on(tmp_path, people):
    recipe = lay_down(tmp_path / "trial", comparisons(60), people=4)
    target = recipe.with_name("work") / "people.sqlite"
    server = Server(recipe, NAMES)
    seated = people(server)
    crowd = Crowd(seated)
    crowd.until(12)
    server.stop(signal.SIGKILL)
    acknowledged = len(crowd.acknowledged)
    again = Server(recipe, port=server.port)  # the same address and ledger: no lock is left behind
    crowd.until(acknowledged + 12)  # with the cookies, and the forms, that they have
    crowd.stop()
    shown = {person.get("/").status_code for person in seated}
    again.stop()
    assert shown == {200}
    assert crowd.faults
    check_kept(target, crowd)


def test_a_database_killed_under_load_is_told_kindly_and_used_again_without_a_restart(
    tmp_path, people, postgres, postgres_url
):
    recipe, url = lay_down(tmp_path / "trial", comparisons(60), people=4), postgres_url
    server = Server(recipe, NAMES, env={"HANDFUL_DATABASE": url})
    seated = people(server)
    crowd = Crowd(seated)
    try:
        crowd.until(12)
        postgres.stop(signal.SIGQUIT)
        end = time.monotonic() + 20
        while not crowd.refused and time.monotonic() < end:
            time.sleep(0.01)
        acknowledged = len(crowd.acknowledged)
    finally:
        if postgres.process is None:
            postgres.start()
    crowd.until(acknowledged + 12)
    crowd.stop()
    odd = b"&reason=%00%ff%ed%a0%80"  # what PostgreSQL would not take as text
    seated[0].get("/")
    fields = httpx2.QueryParams(seated[0].fields("/answer") | {"choice": "first"})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert seated[0].http.post("/answer", content=str(fields).encode() + odd, headers=kind).status_code in (
        303,
        400,
    )
    said = server.stop()
    assert {status for status, _ in crowd.refused} == {503}
    assert "could not be stored" in crowd.refused[0][1]
    assert "Traceback" not in said
    assert "open-sesame" not in said + "".join(text for _, text in crowd.refused)
    check_kept(url, crowd)


def test_a_full_disk_is_told_to_the_annotator_and_loses_nothing(tmp_path, people):
    recipe = lay_down(tmp_path / "trial", comparisons(60), people=4)
    target = recipe.with_name("work") / "people.sqlite"
    server = Server(recipe, ["ann"])
    (ann,) = people(server, ["ann"])
    limit = ["prlimit", "--pid", str(server.process.pid)]
    crowd = Crowd([])
    assert shutil.which("prlimit"), "the test needs prlimit, of util-linux"
    crowd.acknowledged += [
        f"before {n}" for n in range(3) if ann.answer(reason=f"before {n}").status_code == 303
    ]
    size = target.with_name("people.sqlite-wal").stat().st_size
    subprocess.run([*limit, f"--fsize={size}:unlimited"], check=True)
    full = ann.http.post("/answer", data=ann.fields("/answer") | {"choice": "first", "reason": "while full"})
    assert full.status_code == 503
    assert "could not be stored" in full.text
    subprocess.run([*limit, "--fsize=unlimited:unlimited"], check=True)
    ann.get("/")
    assert ann.answer(reason="after").status_code == 303  # without a restart
    crowd.acknowledged.append("after")
    said = server.stop()
    assert "full" in said or "I/O" in said
    with closing(open_ledger(target)) as ledger:
        assert "while full" not in {row.reason for row in ledger.history()}
    check_kept(target, crowd)


def test_a_clock_that_jumps_changes_neither_order_nor_what_stands(tmp_path, people):
    """A day back, then a day on, while people answer."""
    assert FAKETIME, "the test needs libfaketime; make test installs it"
    recipe = lay_down(tmp_path / "trial", comparisons(12), people=1)
    clock = tmp_path / "clock"
    clock.write_text("+0")
    env = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    server = Server(recipe, ["ann"], env=env)
    (ann,) = people(server, ["ann"])
    for number, jump in enumerate(["+0", "-1d", "+1d"]):
        clock.write_text(jump)
        assert ann.answer(reason=f"answer {number}").status_code == 303
    ann.send("/undo")
    ann.answer("second", reason="changed")
    assert "4 of 12" in " ".join(ann.page.text.split())
    server.stop()
    with closing(open_ledger(recipe.with_name("work") / "people.sqlite")) as ledger:
        rows = [row for row in ledger.history() if row.subject.startswith("secret")]
        standing = [row.reason for row in ledger.answers() if row.subject.startswith("secret")]
    assert [row.at for row in rows] != sorted(row.at for row in rows)  # it did jump
    assert standing == ["answer 0", "answer 1", "changed"]
    assert all(row.ms is None or 0 <= row.ms < 60_000 for row in rows)  # time on the screen knows no jump
