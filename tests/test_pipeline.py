"""The whole protocol, all twelve stages, on the demo's data with a tiny random model: as a user runs it."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handful.pipeline import STAGES as handful_stages

RECIPE = """
extends = "{demo}"
name = "tiny"
[select]
quota = {{ stem = 6, other = 6, authored = 12 }}
[train]
model = "{model}"
epochs = 2
batch_size = 8
save_every = 1
dev_samples = 2
dev_sample_tokens = 8
max_tokens = 256
[generate]
max_tokens = 12
precision = "float32"
[judge.judges]
prefers_shorter = {{ kind = "fake", prefers = "shorter" }}
smollm2 = {{ kind = "local", model = "{model}" }}
"""

STAGES = [stage.name for stage in handful_stages]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, repository, tiny_model) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    text = RECIPE.format(demo=repository / "recipes/demo.toml", model=tiny_model)
    path.write_text(text)
    return path


def handful(*arguments, check=True):
    command = [sys.executable, "-m", "handful", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    if check:
        assert run.returncode == 0, run.stderr
    return run


@pytest.fixture(scope="module")
def done(recipe, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("done")
    handful("run", recipe, "--work", work)
    return work


def processor_seconds_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def folders(work):
    return {path.parent.name: path.parent for path in work.glob("*/manifest.json")}


def folder_of(work, stage):
    (found,) = [path for name, path in folders(work).items() if name.rpartition("-")[0] == stage]
    return found


def test_every_stage_leaves_a_folder_and_the_last_one_a_report(done):
    stages = {name.split("-")[0] for name in folders(done)}
    assert stages == set(STAGES)
    page = (folder_of(done, "report") / "report.html").read_text()
    assert "tiny" in page
    assert "<script" not in page
    assert "http://" not in page.split("<body")[0]
    assert "https://" not in page.split("<body")[0]


def test_the_second_run_does_nothing_and_says_so_within_a_second(recipe, done):
    before = processor_seconds_of_children()  # not of the clock: other tests run beside this one
    run = handful("run", recipe, "--work", done)
    assert processor_seconds_of_children() - before < 1.0
    assert run.stdout.startswith("nothing to do: all 17 steps are done")


def test_another_run_makes_the_same_bytes(recipe, done, tmp_path):
    handful("run", recipe, "--work", tmp_path)
    assert_same(done, tmp_path)


def assert_same(one, two):
    assert folders(one).keys() == folders(two).keys()
    for folder in folders(one).values():
        for path in folder.rglob("*"):
            if path.is_file():
                assert path.read_bytes() == (two / path.relative_to(one)).read_bytes(), path.name


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(recipe, done, tmp_path, seed):
    rng = random.Random(seed)
    command = [sys.executable, "-m", "handful", "run", str(recipe), "--work", str(tmp_path)]
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(1.0, 9.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    handful("run", recipe, "--work", tmp_path)
    assert_same(done, tmp_path)


def test_ctrl_c_says_how_to_go_on(recipe, tmp_path):
    command = [sys.executable, "-m", "handful", "run", str(recipe), "--work", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not any(tmp_path.glob("train-*.partial/steps.jsonl")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors


def test_every_demo_rule_takes_something_and_the_counts_add_up(done):
    counts = json.loads((folder_of(done, "clean") / "manifest.json").read_text())["counts"]
    rules = {
        "no_answer",
        "low_score",
        "too_short",
        "too_long",
        "first_person",
        "cross_reference",
        "duplicate",
    }
    assert rules <= {rule for rule, count in counts["dropped"].items() if count}
    assert counts["candidates"] == counts["kept"] + sum(counts["dropped"].values())


def test_explain_follows_a_kept_and_a_dropped_question(recipe, done):
    dropped = handful("explain", recipe, "circuits.stackexchange.com/13", "--work", done).stdout
    assert "dropped by low_score" in dropped
    train = (folder_of(done, "dataset") / "train.jsonl").read_text().splitlines()
    id = json.loads(next(line for line in train if "stackexchange.com/" in line))["id"]
    kept = handful("explain", recipe, id, "--work", done).stdout
    assert [stage for stage in ("sources", "clean", "select", "dataset") if stage in kept] == STAGES[:4]


def test_explain_follows_a_prompt_to_its_verdicts(recipe, done):
    id = json.loads((folder_of(done, "dataset") / "test.jsonl").read_text().splitlines()[0])["id"]
    told = handful("explain", recipe, id, "--work", done).stdout
    for word in ("answered by tuned", "answered by base", "compared as", "prefers_shorter chose"):
        assert word in told


def test_explain_of_an_unknown_id_names_ids_that_there_are(recipe, done):
    run = handful("explain", recipe, "nobody/1", "--work", done, check=False)
    assert run.returncode == 1
    assert "no finished folder speaks of 'nobody/1'; ids look like" in run.stderr


def test_show_prints_counts_and_samples(done):
    shown = json.loads(handful("show", folder_of(done, "dataset"), "--json").stdout)
    assert shown["counts"]["train"] == shown["files"]["train.jsonl"]["records"] == 24
    assert "train.jsonl" in handful("show", folder_of(done, "dataset")).stdout


def test_verify_finds_what_run_refuses(recipe, done, tmp_path):
    subprocess.run(["cp", "-r", f"{done}/.", tmp_path], check=True)
    assert "are what their manifests say" in handful("verify", "--work", tmp_path).stdout
    victim = folder_of(tmp_path, "select") / "train.jsonl"
    victim.write_bytes(victim.read_bytes().replace(b"a", b"b", 1))
    run = handful("verify", "--work", tmp_path, check=False)
    assert run.returncode == 1
    assert "train.jsonl differs" in run.stdout
    refused = handful("run", recipe, "--work", tmp_path, check=False)
    assert refused.returncode == 1
    assert "train.jsonl differs; remove it with `rm -r" in refused.stderr


def test_explain_does_not_follow_anything_through_a_damaged_folder(recipe, done, tmp_path):
    subprocess.run(["cp", "-r", f"{done}/.", tmp_path], check=True)
    (folder_of(tmp_path, "clean") / "dropped.jsonl").unlink()
    run = handful("explain", recipe, "circuits.stackexchange.com/13", "--work", tmp_path, check=False)
    assert run.returncode == 1
    assert "dropped.jsonl is missing" in run.stderr


def test_show_of_what_is_no_finished_folder_is_one_line(done, repository):
    for path in (repository, repository / "README.md"):
        run = handful("show", path, check=False)
        assert (run.returncode, "is not a finished folder" in run.stderr) == (1, True)


def test_tidy_deletes_only_what_no_recipe_needs_and_only_after_a_yes(recipe, done, tmp_path):
    subprocess.run(["cp", "-r", f"{done}/.", tmp_path], check=True)
    assert "nothing to tidy" in handful("tidy", recipe, "--work", tmp_path).stdout
    (tmp_path / "mine-notes").mkdir()
    other = tmp_path / "other.toml"
    other.write_text(f'extends = "{recipe}"\n[select]\nseed = 7\n')
    listed = subprocess.run(
        [sys.executable, "-m", "handful", "tidy", str(other), "--work", str(tmp_path)],
        input="n\n",
        capture_output=True,
        text=True,
    )
    assert "train-" in listed.stdout
    assert folders(tmp_path).keys() == folders(done).keys()
    handful("tidy", other, "--work", tmp_path, "--yes")
    assert {name.split("-")[0] for name in folders(tmp_path)} == {"sources", "clean"}
    assert (tmp_path / "mine-notes").is_dir()


def test_plan_says_what_is_done_and_what_is_not(recipe, done, tmp_path):
    planned = json.loads(handful("plan", recipe, "--work", done, "--json").stdout)
    assert {step["state"] for step in planned} == {"done"}
    assert "to do" in handful("plan", recipe, "--work", tmp_path / "new").stdout
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(recipe, done, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let a test mount a small disk")
    try:
        run = handful("run", recipe, "--work", tmp_path / "work", "--to", "dataset", check=False)
        assert run.returncode == 1
        assert "No space left on device" in run.stderr
        assert "Traceback" not in run.stderr
        subprocess.run(["mount", "-o", "remount,size=20m", str(tmp_path)], check=True)
        handful("run", recipe, "--work", tmp_path / "work", "--to", "dataset")
        assert (folder_of(tmp_path / "work", "dataset") / "train.jsonl").read_bytes() == (
            folder_of(done, "dataset") / "train.jsonl"
        ).read_bytes()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
