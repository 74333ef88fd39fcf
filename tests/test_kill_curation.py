"""kill -9 at random moments of a curation, and the same command again: the outcome is that of an undisturbed run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_up_sites import write_site

KILLS = 10
SITES = 6
QUESTIONS = 3_200
"""A site, some 12 MB: together the sites are worth more processes than one."""

RECIPE = """
name = "killed"
[sources.stem]
kind = "stackexchange"
paths = ["{demo}/circuits.stackexchange.com", "{demo}/numbers.stackexchange.com", "dump"]

[sources.other]
kind = "stackexchange"
paths = ["{demo}/household.stackexchange.com.7z", "{demo}/kitchen.stackexchange.com"]




[select]
quota = {{ stem = 40, other = 4 }}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, repository):
    folder = tmp_path_factory.mktemp("recipe")
    for number in range(SITES):
        write_site(folder / "dump", f"made-up-{number}.stackexchange.com", QUESTIONS, good=0.02)
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(demo=repository / "data/demo/dump"))
    return path


def start(recipe, work):
    """`handful run` in a process of its own, which does not ask git: a commit meanwhile would be in the manifests."""
    program = Path(sys.executable).with_name("handful")
    command = [program, "run", recipe, "--work", work, "--to", "dataset", "--workers", "2"]
    log = (work.parent / "log").open("a")
    with log:
        return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "GIT_DIR": "nowhere"})


def folders(work):
    """{file: bytes} of all that is in the folders of a work folder."""
    return {
        str(path.relative_to(work)): path.read_bytes()
        for path in work.rglob("*")
        if path.is_file() and path.parent != work
    }


def test_ten_kills_change_nothing(recipe, tmp_path):
    begin = time.monotonic()
    undisturbed = start(recipe, tmp_path / "undisturbed")
    assert undisturbed.wait(120) == 0, (tmp_path / "log").read_text()
    seconds = time.monotonic() - begin
    expected = folders(tmp_path / "undisturbed")
    assert sum(name.endswith("/manifest.json") for name in expected) == 5
    draw, kills, works = random.Random(3), 0, 0
    while kills < KILLS:
        works += 1
        work = tmp_path / f"work-{works}"
        process = start(recipe, work)
        while kills < KILLS and not ended(process, draw.uniform(0.1, 1) * seconds):
            process.kill()
            assert process.wait() == -9
            kills += 1
            process = start(recipe, work)
        assert process.wait(120) == 0, (tmp_path / "log").read_text()
        assert folders(work) == expected
        seconds *= 0.8  # it came to its end: the moments were late
    assert sorted(path.name for path in work.iterdir() if path.is_file()) == [
        "hashes.json",
        "journal.jsonl",
        "lock",
    ]


def ended(process, seconds):
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False
