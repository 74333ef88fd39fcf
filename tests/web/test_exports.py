"""What the exports say of who counts and of live conversations, and that no column tells systems apart."""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from handful.annotate.items import Content, held
from handful.annotate.talks import STALLED, Talks
from handful.core.types import Turn
from handful.web.admin import Console, add_admin
from handful.web.exports import READERS

ARMS = ("a" * 64, "b" * 64)
DOCS = Path(__file__).parents[2] / "docs" / "studies.md"


def known(kind):
    """A pair whose answer is known."""
    shown = Content((Turn("user", f"{kind}: 2 + 2?"),), ("4", "5"))
    return held("preference", "x", shown, subject=kind, kind=kind, known="left")


@pytest.fixture
def app(make_app, ledger):
    made = make_app(practice=[known("practice")], checks=[known("check")], repeats=1, people=2)
    board = made.state.board
    add_admin(made, Console(board, ledger, board.params, "trial", "http://127.0.0.1", "run"))
    return made


@pytest.fixture
def admin(app, make_client, ledger):
    client = make_client(app)
    client.get("/link/" + ledger.new_token("admin"))
    return client


def give(board, name, choice="first"):
    """An answer to whatever is before `name`; False once that is nothing."""
    place = board.visit(name)
    if place.where == "consent":
        board.consent(name)
        place = board.visit(name)
    if place.offer is None:
        return False
    offer = place.offer
    board.give(name, offer.item.key, round=offer.round, order=offer.order, choice=choice)
    if place.where == "practice":
        board.practised(name)
    return True


def rows(admin, name):
    return [json.loads(line) for line in admin.get(f"/admin/export/{name}.jsonl").text.splitlines()]


def test_each_answer_says_whether_it_counts_and_why_not(app, admin, ledger):
    board = app.state.board
    for name in ("ann", "zoe"):
        ledger.add_person(name)
        while give(board, name):
            pass
    ledger.event("dropped", "zoe", "asleep")
    board.undo("ann")
    found = rows(admin, "answers")
    told = Counter((row["person"], row["counted"], row["not_counted"]) for row in found)
    assert told == {("ann", True, ""): 6, ("ann", False, "check"): 1, ("zoe", False, "dropped"): 8}
    assert not [row for row in found if row["task"] == "practice"]
    told = Counter(row["not_counted"] for row in rows(admin, "history") if row["person"] == "ann")
    assert told == {"": 6, "check": 1, "practice": 1, "taken back": 2}
    cells = list(csv.DictReader(io.StringIO(admin.get("/admin/export/answers.csv").text)))
    assert {row["counted"] for row in cells} == {"true", "false"}
    give(board, "ann")
    assert "repeat" in {row["not_counted"] for row in rows(admin, "answers")}


@pytest.fixture
def talked(ledger):
    """ann had one conversation and is in another; zoe, who was dropped, had one."""
    talks = Talks(ledger)
    for name, arm in (("ann", ARMS[0]), ("zoe", ARMS[0]), ("ann", ARMS[1])):
        if name not in {one.name for one in ledger.people()}:
            ledger.add_person(name)
        talk = talks.begin(name, "p0", arm)
        talks.say(talk, 0, "=How?")
        talks.reply(talk, 1, "So.", "eot", ms=900)
        if arm == ARMS[0]:
            talks.grade(talk, 1, "pass")
            talks.end(talk, "enough")
    talks.note(talk, STALLED, "900 ms late")
    ledger.event("dropped", "zoe", "asleep")
    return talks


def test_live_conversations_are_exported_and_their_arms_are_not(admin, talked):
    found = [
        (row["person"], row["graded"], row["counted"], row["not_counted"])
        for row in rows(admin, "conversations")
    ]
    assert found == [("ann", 1, True, ""), ("zoe", 1, False, "dropped"), ("ann", 0, False, "not ended")]
    turns = [(row["conversation"], row["role"], row["text"], row["grade"]) for row in rows(admin, "turns")]
    assert turns[:2] == [(1, "user", "=How?", ""), (1, "assistant", "So.", "pass")]
    assert "'=How?" in admin.get("/admin/export/turns.csv").text  # no formula
    everything = admin.get("/admin").text
    for name in READERS:
        everything += "".join(admin.get(f"/admin/export/{name}.{form}").text for form in ("csv", "jsonl"))
    assert not [arm for arm in ARMS if arm in everything]


def test_the_overview_counts_conversations_by_person(admin, talked):
    assert len(re.findall('data-label="Came late"', admin.get("/admin").text)) == 2
    page = admin.get("/admin").text
    own = re.search(
        r'<tr>\s*<th scope="row"><a href="/admin/person/ann">ann</a></th>\s*<td data-label="Ended".*?</tr>',
        page,
        re.S,
    )
    cells = re.findall(r'class="number">(.*?)</td>', own.group())
    assert cells == ["1 of 2", "1 of 2", "1", "0", "0"]
    talk = talked.find("ann", "p0", ARMS[1])
    talked.grade(talk, 1, "fail")
    assert '<td data-label="Replies graded" class="number">2 of 2</td>' in admin.get("/admin").text


def test_every_column_is_explained():
    text = DOCS.read_text(encoding="utf-8")
    table = text.split("## The exports")[1].split("\n## ")[0]
    for name, (columns, _) in READERS.items():
        row = re.search(rf"^\| `{name}` .*$", table, re.M).group()
        missing = [column for column in columns if f"`{column}`" not in row]
        assert (name, missing) == (name, [])
