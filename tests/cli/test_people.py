"""`handful annotators`: people are added, shown, and changed, and what cannot be done is said in one line."""

import json
import re
from contextlib import closing

import pytest
from click.testing import CliRunner

from handful.annotate.ledger import open_ledger
from handful.cli.main import cli

RECIPE = """
name = "trial"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
[annotate]
people = 1
"""


@pytest.fixture
def place(tmp_path):
    recipe = tmp_path / "trial.toml"
    recipe.write_text(RECIPE)
    return recipe, tmp_path / "work"


@pytest.fixture
def annotators(place):
    recipe, work = place
    return lambda *args: CliRunner().invoke(cli, ["annotators", str(recipe), *args, "--work", str(work)])


@pytest.fixture
def ledger(place):
    """The ledger as it is at the end of a command: opened anew each time it is asked for."""

    def ask(question):
        with closing(open_ledger(place[1] / "people.sqlite")) as opened:
            return question(opened)

    return ask


def test_nobody_yet_says_what_to_type_and_makes_nothing(annotators, place):
    recipe, work = place
    said = annotators()
    assert said.stdout == f"nobody yet; add somebody with: handful annotators {recipe} add NAME\n"
    assert annotators("--json").stdout == "[]\n"
    assert not work.exists()


def test_a_person_is_added_with_a_link_that_lets_them_in_and_is_not_kept(annotators, ledger, place):
    said = annotators("add", "ann", "--group", "crowd")
    token = re.fullmatch(r"ann: http://127\.0\.0\.1:8000/link/([\w-]{40,})\n", said.stdout).group(1)
    assert ledger(lambda opened: opened.open_session(token))
    assert not [p for p in place[1].glob("people.sqlite*") if token.encode() in p.read_bytes()]
    assert annotators().stdout == "ann      0 answers  active  crowd\n"


def test_a_new_link_ends_the_old_one(annotators, ledger):
    old, new = (annotators(action, "ann").stdout.split("/link/")[1].strip() for action in ("add", "link"))
    assert ledger(lambda opened: (opened.open_session(old), bool(opened.open_session(new)))) == (None, True)


def test_a_new_link_is_an_event_that_does_not_hold_it(annotators, ledger):
    annotators("add", "ann")
    token = annotators("link", "ann").stdout.split("/link/")[1].strip()
    (event,) = ledger(lambda opened: opened.events("ann"))
    assert (event.person, event.kind, event.reason, event.subject) == ("ann", "linked", "by the command", "")
    assert event.at
    assert token not in str(event)


@pytest.mark.parametrize(
    ("before", "action", "reason", "state", "link"),
    [
        ("", "add", "", "active", True),
        ("add", "link", "", "active", True),
        ("add", "pause", "", "paused", False),
        ("add", "drop", "asleep", "dropped", False),
        ("add", "restore", "", "active", True),
    ],
)
def test_json_says_what_a_change_came_to(annotators, ledger, before, action, reason, state, link):
    if before:
        annotators(before, "ann")
    said = annotators(action, "ann", *(("--reason", reason) if reason else ()), "--json").stdout
    row = json.loads(said)
    assert (row["name"], row["state"], row["reason"], row["link"]) == ("ann", state, reason, True)
    assert ("url" in row) is link
    if link:
        assert ledger(lambda opened: opened.open_session(row["url"].split("/link/")[1]))


def test_a_link_begins_as_the_last_server_said_or_as_one_says(annotators, ledger):
    annotators("add", "ann")
    ledger(lambda opened: opened.event("served", reason="https://study.example.org"))
    assert annotators("link", "ann").stdout.startswith("ann: https://study.example.org/link/")
    assert annotators("link", "ann", "--public-url", "http://lab:81/").stdout.startswith(
        "ann: http://lab:81/link/"
    )


@pytest.mark.parametrize(
    ("action", "state", "undo"),
    [("pause", "paused", "resume"), ("revoke", "revoked", "restore"), ("drop", "dropped", "keep")],
)
def test_every_change_of_a_person_can_be_undone(annotators, ledger, action, state, undo):
    annotators("add", "ann")
    reason = ("--reason", "failed 3 of 4 checks") if action == "drop" else ()
    assert annotators(action, "ann", *reason).exit_code == 0
    person = json.loads(annotators("--json").stdout)[0]
    assert (person["state"], person["reason"]) == (state, "failed 3 of 4 checks" if reason else "")
    assert annotators(undo, "ann").exit_code == 0
    assert json.loads(annotators("--json").stdout)[0]["state"] == "active"
    assert len(ledger(lambda opened: opened.events("ann"))) == 2  # nothing is deleted


def test_answers_are_counted_once_an_item_without_skips_and_what_was_taken_back(annotators, ledger):
    annotators("add", "ann")

    def say(opened):
        for number, choice in enumerate(("first", "skip", "neither")):
            opened.answer(
                person="ann",
                item=f"{number:064}",
                task="preference",
                subject="c",
                shown="forward",
                first="",
                choice=choice,
            )
        opened.undo("ann", opened.answers()[-1].id)

    ledger(say)
    assert json.loads(annotators("--json").stdout)[0]["answered"] == 1


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("add",), 2, "add: say whom"),
        (("add", "a:b"), 1, "is no pseudonym"),
        (("add", "ann"), 1, "somebody of this name already"),
        (("add", "ben", "--reason", "x"), 2, "--reason goes with drop"),
        (("pause", "ben"), 1, "ben: there is nobody of this name; there is ann"),
        (("drop", "ann"), 2, "drop: say why"),
        (("drop", "ann", "--reason", "  "), 2, "drop: say why"),
        (("link", "ann", "--group", "x"), 2, "--group goes with add"),
        (("list", "ann"), 2, "list takes no name"),
        (("add", "ben", "--public-url", "nowhere"), 2, "is not an address"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(annotators, ledger, args, code, said):
    annotators("add", "ann")
    before = ledger(lambda opened: [len(opened.rows(name)) for name in ("people", "tokens", "events")])
    done = annotators(*args)
    assert done.exit_code == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert (
        ledger(lambda opened: [len(opened.rows(name)) for name in ("people", "tokens", "events")]) == before
    )


def test_the_revoked_get_no_link_but_by_being_restored(annotators):
    annotators("add", "ann")
    annotators("revoke", "ann")
    assert "`restore` lets them in again" in annotators("link", "ann").stderr
    assert "/link/" in annotators("restore", "ann").stdout


def test_the_database_is_the_one_that_the_environment_names(annotators, place, postgres_url, monkeypatch):
    monkeypatch.setenv("HANDFUL_DATABASE", postgres_url)
    assert annotators("add", "ann").exit_code == 0
    assert annotators().stdout == "ann      0 answers  active\n"
    assert not (place[1] / "people.sqlite").exists()
