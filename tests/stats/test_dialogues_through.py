"""Turns and whole dialogues from end to end: played, blinded, judged and made into figures, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from handful.core import jsonl
from handful.core.types import Dialogue

RECIPE = """
name = "dialogues"
[sources.talks]
kind = "messages"
paths = ["talks.jsonl"]
split = "test"
[generate]
dialogues = true
[generate.systems.echo]
kind = "fake"
text = "{prompt}"
[generate.systems.terse]
kind = "fake"
text = "No."
[study]
tasks = ["turns", "dialogues"]
[judge.judges.longer]
kind = "fake"
prefers = "longer"
[stats]
draws = 300
"""
DIALOGUES = 12
SHORT_ENDS = 3


def talk(number):
    """Three turns of the user, of 400, 800 and 800 letters; of the first dialogues the last is short. The judge's
    classes end at 333 and 667 letters, so that `echo` is passable, then excellent, then excellent or failed."""
    last = 40 if number < SHORT_ENDS else 800
    said = [f"{number:02} ".ljust(size, "x") for size in (400, 800, last)]
    turns = [
        turn
        for text in said
        for turn in (
            {"role": "user", "content": text},
            {"role": "assistant", "content": "As the data has it."},
        )
    ]
    return {"id": f"t{number}", "messages": turns[:-1]}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialogues")
    (folder / "talks.jsonl").write_text("".join(json.dumps(talk(n)) + "\n" for n in range(DIALOGUES)))
    (folder / "recipe.toml").write_text(RECIPE)
    command = [sys.executable, "-m", "handful", "run", folder / "recipe.toml", "--work", folder / "work"]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder / "work"


@pytest.fixture(scope="module")
def stats(work):
    (path,) = work.glob("stats-*/stats.json")
    return json.loads(path.read_text())


def test_the_systems_answers_stand_between_the_users_turns(work):
    (path,) = work.glob("generate-terse-*/dialogues.jsonl")
    played = list(jsonl.read(path, Dialogue))
    assert len(played) == DIALOGUES
    assert [[turn.text for turn in one.turns[1::2]] for one in played] == [["No."] * 3] * DIALOGUES


def test_every_turn_is_graded_and_the_dialogue_is_the_unit(stats):
    rows = {row["system"]: row for row in stats["grades"]["turns"]}
    echo, terse = rows["echo"], rows["terse"]
    assert (echo["dialogues"], echo["responses"], echo["graded"]) == (DIALOGUES, 36, 36)
    assert echo["counts"] == {"fail": 3, "pass": 12, "excellent": 21}
    assert terse["counts"] == {"fail": 36, "pass": 0, "excellent": 0}
    assert (echo["shares"]["fail"]["n"], echo["shares"]["fail"]["unit"]) == (DIALOGUES, "dialogues")
    assert [row["fail"]["estimate"] for row in echo["by_turn"]] == [0, 0, SHORT_ENDS / DIALOGUES]
    assert (echo["failed_dialogues"], terse["failed_dialogues"]) == (SHORT_ENDS, DIALOGUES)
    (difference,) = stats["grades"]["turn_differences"]
    sign = 1 if difference["first"] == "echo" else -1
    assert sign * difference["fail"]["estimate"] == pytest.approx(3 / 36 - 1)


def test_whole_dialogues_are_compared_and_the_judge_is_examined_by_them(stats):
    (row,) = stats["dialogues"]
    assert (row["subject"], row["wins"], row["ties"], row["losses"]) == ("echo", DIALOGUES, 0, 0)
    assert (row["win"]["n"], row["win"]["unit"]) == (DIALOGUES, "dialogues")
    assert stats["preference"] == []
    (judge,) = stats["trust"]
    assert (judge["verdicts"], judge["flipped"]["estimate"], judge["grades"]) == (2 * DIALOGUES, 0, 72)
    assert judge["flags"] == ["length"]
    (lost,) = stats["losses"]["judges"]
    assert (lost["comparisons"], lost["grades"], lost["grades_unreadable"]) == (DIALOGUES, 72, 0)
