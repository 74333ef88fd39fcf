"""The whole protocol on real data: six Stack Exchange sites as archives, LIMA's own rows, LIMA's test prompts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SITES = {
    "stem": ("ai", "cardano", "matheducators"),
    "other": ("beer", "bicycles.meta", "history.meta"),
}
QUESTIONS = {
    "stem": 421 + 1042 + 397,
    "other": 1029 + 453 + 556,
}  # as counted by others, in the data's README

RECIPE = """
name = "real"
{sources}
[sources.lima]
kind = "messages"
paths = ["{data}/lima/lima.json"]
license = "CC BY-NC-SA"
[sources.lima_test]
kind = "messages"
paths = ["{data}/lima/lima_test_set.jsonl"]
split = "test"
license = "CC BY-NC-SA"
[select]
quota = {{ stem = 3, other = 12, lima = 40 }}
[dataset]
dev = 5
[train]
model = "{model}"
max_steps = 3
batch_size = 16
[generate]
first = 12
max_tokens = 16
limit = "new"
[judge.judges]
longer = {{ kind = "fake" }}
tiny = {{ kind = "local", model = "{model}" }}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, shared_data, tiny_model):
    folder = shared_data / "stackexchange"
    sources = "".join(
        f'[sources.{name}]\nkind = "stackexchange"\npaths = '
        + json.dumps([str(folder / f"{site}.stackexchange.com.7z") for site in sites])
        + "\n"
        for name, sites in SITES.items()
    )
    path = tmp_path_factory.mktemp("real") / "real.toml"
    path.write_text(RECIPE.format(sources=sources, data=shared_data, model=tiny_model))
    return path


@pytest.fixture(scope="module")
def counts(recipe, tmp_path_factory):
    """Step -> its counts, of one run through all stages."""
    work = tmp_path_factory.mktemp("work")
    command = [sys.executable, "-m", "handful", "run", str(recipe), "--work", str(work)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    manifests = [json.loads(path.read_text()) for path in work.glob("*/manifest.json")]
    return {manifest["step"]: manifest["counts"] for manifest in manifests}


def test_every_question_of_the_archives_is_read(counts):
    assert {name: counts[f"sources/{name}"]["questions"] for name in SITES} == QUESTIONS


def test_every_question_is_kept_or_dropped_by_a_rule(counts):
    for name, questions in QUESTIONS.items():
        funnel = counts["clean"]["sources"][name]
        assert funnel["kept"] + sum(funnel["dropped"].values()) == funnel["candidates"] == questions


def test_limas_rows_come_whole(counts):
    assert counts["sources/lima"]["examples"] == 1029
    assert counts["sources/lima_test"]["test"] == 300


def test_the_data_set_holds_what_was_asked_for(counts):
    assert counts["select"]["drawn"] == {"stem": 3, "other": 12, "lima": 40, "lima_test": 0}
    made = counts["dataset"]
    assert (made["dev"], made["test"]) == (5, 300)
    assert made["train"] == 55 - 5 - sum(made["dropped"].values())


def test_it_goes_on_to_the_report(counts):
    assert counts["train"]["steps"] == 3
    assert counts["generate/tuned"]["responses"] == counts["generate/base"]["responses"] == 12
    assert counts["study"]["comparisons"] == 12
    assert counts["judge/tiny"]["verdicts"] == 24
    assert "report" in counts
