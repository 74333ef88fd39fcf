"""Choosing as a user does it: the run waits, the user reads and names an epoch, the run goes on with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """
name = "tiny"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
[dataset]
dev = 3
[train]
model = "{model}"
epochs = 3
batch_size = 4
max_tokens = 64
dev_samples = 3
dev_sample_tokens = 6
device = "cpu"
[choose]
by = "hand"
first = 2
last = 3
[generate]
split = "dev"
max_tokens = 8
limit = "new"
[generate.systems.tuned]
kind = "checkpoint"
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_model) -> Path:
    folder = tmp_path_factory.mktemp("choose")
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"How is dish {n} cooked?"},
                {"role": "assistant", "content": f"In water, for {n} minutes."},
            ]
        }
        for n in range(11)
    ]
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "r.toml").write_text(RECIPE.format(model=tiny_model))
    return folder / "r.toml"


def handful(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "handful", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def waiting(recipe, tmp_path_factory):
    """A run that has trained and waits for a hand, and its work folder."""
    work = tmp_path_factory.mktemp("work")
    return handful("run", recipe, "--work", work, "--to", "choose"), work


def test_a_run_waits_for_a_hand_and_goes_on_with_what_it_chose(recipe, waiting):
    run, work = waiting
    assert run.returncode == 3, run.stderr
    said = run.stderr.splitlines()[-1]
    assert said.startswith("waiting: read the answers of epochs 2, 3 in ")
    page = Path(re.search(r" in (\S+page\.html) and choose one", said)[1])
    assert "Not chosen yet" in page.read_text()
    command = said.partition("or run: handful ")[2].replace("=N", "=2").split()
    assert command == ["run", str(recipe), "--work", str(work), "--set", "choose.epoch=2"]

    run = handful(*command, "--to", "choose")
    assert run.returncode == 0, run.stderr
    assert "train " not in run.stdout  # it was there
    lines = [line.split() for line in handful("show", run.stdout.split()[-1]).stdout.splitlines()]
    header = next(number for number, line in enumerate(lines) if line[:3] == ["epoch", "dev", "loss"])
    assert [line[:2] for line in lines[header + 2 : header + 4]] == [["2", "chosen"], ["3", "candidate"]]


def test_a_judge_chooses_without_waiting(recipe, waiting):
    judged = ("choose.by=judge", "choose.judge.kind=fake", "choose.judge.prefers=longer")
    options = [word for setting in judged for word in ("--set", setting)]
    run = handful("run", recipe, "--work", waiting[1], "--to", "choose", *options)
    assert run.returncode == 0, run.stderr
    shown = handful("show", run.stdout.split()[-1]).stdout
    assert "graded by a fake that prefers longer; the same choice in " in shown
    assert re.search(r"grade +interval +unreadable", shown)


def test_people_are_waited_for_and_told_where_to_read(recipe, waiting):
    run = handful("run", recipe, "--work", waiting[1], "--to", "choose", "--set", "choose.by=people")
    assert run.returncode == 3
    said = run.stderr.splitlines()[-1]
    command = f"handful serve choice {recipe} --work {waiting[1]} --set choose.by=people"
    assert said.startswith(f"waiting: people have yet to read the answers of epochs 2, 3: {command}; ")


@pytest.mark.parametrize(
    ("settings", "code", "problem"),
    [
        (
            ("choose.first=3",),
            1,
            "there is one epoch to choose, 3; keep more (train.keep) or widen choose.first",
        ),
        (("train.epochs=2",), 1, "is not made yet; run `handful run "),
        (('choose.picks=["mine.jsonl"]',), 2, 'choose.picks: are read where choose.by = "people"'),
    ],
)
def test_where_there_is_nothing_to_choose_nothing_is_served(recipe, waiting, settings, code, problem):
    options = [word for setting in settings for word in ("--set", setting)]
    run = handful("serve", "choice", recipe, "--work", waiting[1], "--port", "0", *options)
    assert run.returncode == code, run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith("error: ")
    assert problem in line


def test_a_recipe_without_training_has_no_epoch_to_choose(tmp_path):
    (tmp_path / "a.md").write_text("")
    (tmp_path / "r.toml").write_text('name = "r"\n[sources.a]\nkind = "authored"\npaths = ["a.md"]\n')
    run = handful("serve", "choice", tmp_path / "r.toml", "--work", tmp_path / "work")
    assert run.returncode == 2
    assert "trains nothing, so there is no epoch to choose" in run.stderr
