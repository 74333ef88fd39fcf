"""Many processes do what one does; and when one of them is lost, all end, and the training goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from train_once import Stop, lines, stop_after
from transformers import AutoModelForCausalLM

from handful import STAGES, execute, load, plan
from handful.core import jsonl
from handful.core.errors import DataError, HandfulError
from handful.core.files import files_below
from handful.recipe.training import Train
from handful.run.engine import Engine, using
from handful.train.dev import DevSample, Epoch
from handful.train.distributed import Ranks, balanced
from handful.train.loop import Step
from handful.train.masking import Document
from handful.train.work import work

SAME = ["llama", "gemma3", "gpt2", "untied, weighted", "batch of 2", "adapters"]
PAIRS = [(name, 2) for name in SAME] + [("llama", 4), ("batch of 2", 4)]


@pytest.fixture(scope="module", autouse=True)
def loopback():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        if sys.platform == "linux":
            patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        yield


# What a step computes


@pytest.fixture
def trained(many):
    """(case, processes) -> what `many.py` left of it: losses, gradient norms, dev loss, weights."""

    def read(name: str, size: int):
        told = json.loads((many / f"{name}-{size}.json").read_text())
        return told | {"weights": load_file(many / f"{name}-{size}.safetensors")}

    return read


@pytest.mark.parametrize(("name", "size"), PAIRS)
def test_many_processes_train_as_one(trained, name, size):
    """Four steps: unequal labels per process, tied and untied heads, weighted prompts, adapters, too few examples."""
    one, many = trained(name, 1), trained(name, size)
    assert many["losses"] == pytest.approx(one["losses"], rel=1e-6)
    assert many["norms"] == pytest.approx(one["norms"], rel=1e-5)
    assert many["dev"] == pytest.approx(one["dev"], rel=1e-6)
    assert many["weights"].keys() == one["weights"].keys()
    apart = torch.cat([(many["weights"][key] - w).flatten() for key, w in one["weights"].items()])
    weights = torch.cat([weight.flatten() for weight in one["weights"].values()])
    assert apart.norm() < 1e-5 * weights.norm()
    assert apart.abs().max() < 1e-4  # a step moves a weight by 1e-3, even where its gradient is all rounding


def test_bfloat16_arithmetic_differs_by_its_rounding_only(trained):
    one, two = trained("bfloat16", 1), trained("bfloat16", 2)
    assert two["losses"] == pytest.approx(one["losses"], rel=3e-3)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_checkpointed_activations_change_nothing_dropout_included(trained, size):
    plain, checkpointed = trained("dropout", size), trained("dropout checkpointed", size)
    for what in ("losses", "norms", "dev"):
        assert checkpointed[what] == plain[what]
    for key, weight in plain["weights"].items():
        assert torch.equal(checkpointed["weights"][key], weight), key


def test_each_process_drops_with_masks_of_its_own(trained):
    """The same masks everywhere would be another training; and no dropout at all another still."""
    one, two, four = (trained("dropout", size)["losses"][0] for size in (1, 2, 4))
    assert len({one, two, four, trained("gemma3", 1)["losses"][0]}) == 4


# Who takes what


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_rounds_are_as_few_as_fit_and_even(processes):
    lengths = [90, 10, 40, 35, 60, 20, 15, 80, 5, 45]
    bins = balanced(lengths, 100, processes)
    assert sorted(index for bin in bins for index in bin) == list(range(10))
    sums = [sum(lengths[index] for index in bin) for bin in bins]
    assert max(sums) <= 100
    assert sums == sorted(sums, reverse=True)
    assert -(-len(bins) // processes) == -(-4 // processes)  # 400 tokens are four bins of 100


def test_eight_processes_do_not_leave_it_to_two():
    """200 tokens would fit into two rows, and six processes would have nothing to do."""
    bins = balanced([25] * 8, 100, 8)
    assert [len(bin) for bin in bins] == [1] * 8


def test_an_example_longer_than_a_row_has_one_for_itself():
    assert sorted(map(sorted, balanced([300, 50, 40], 100, 2))) == [[0], [1, 2]]


def document(length: int) -> Document:
    return Document("e", "x", (3,) * length, (3,) * (length - 1) + (-1,), length - 1)


@pytest.mark.parametrize(("lengths", "size"), [([5], 4), ([5, 6, 7], 2), ([20] * 7, 3)])
def test_all_processes_run_as_often_and_every_example_counts_once(lengths, size):
    shares = [Ranks(rank, size).shares([document(n) for n in lengths], 40) for rank in range(size)]
    assert len({len(share) for share in shares}) == 1
    counted = [part.ids.shape[1] for share in shares for part, counts in share if counts]
    assert sum(counted) == sum(lengths)
    assert {counts for share in shares for _, counts in share} <= {0.0, 1.0}


# The whole stage, with real processes

CHILD = """
import sys
from pathlib import Path
import msgspec
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.run.engine import Engine, using
from handful.train.work import work
settings = msgspec.json.decode(sys.argv[1])
settings["model"] = ModelRef(settings["model"])
with using(Engine(training=2)):
    work(Train(**settings), {"dataset": Path(sys.argv[2])}, Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def params(quick):
    return replace(quick, epochs=6, batch_size=3, residual_dropout=0.0, pack_tokens=32, save_every=3)


def children_of(process: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(status.parent.name))
    return sorted(found)


def wait_for(ready, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.01)


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in files_below(folder)]


def train_with(size: int, params: Train, dataset: Path, out: Path):
    with using(Engine(training=size)):
        return work(params, {"dataset": dataset}, out)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_and_gone_on_with_another_number_of_processes(
    params, fixed_dataset, tmp_path, monkeypatch, capfd
):
    """One process, interrupted; two, whose parent is killed; two, of which one is killed; one to the end."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    whole.mkdir(), out.mkdir()
    counts = train_with(1, params, fixed_dataset, whole)
    steps = out / "steps.jsonl"

    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Stop):
            train_with(1, params, fixed_dataset, out)

    settings = msgspec.json.encode(asdict(params) | {"model": str(params.model)}).decode()
    parent = subprocess.Popen([sys.executable, "-c", CHILD, settings, str(fixed_dataset), str(out)])
    wait_for(lambda: lines(steps) >= 7)
    ranks = children_of(parent.pid)
    assert len(ranks) == 2
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(Path(f"/proc/{rank}/cmdline").exists() for rank in ranks), 10)
    assert 7 <= lines(steps) < 24

    lost = []
    others = set(children_of(os.getpid()))  # a browser or a database that other tests of this process use

    def trainers() -> list[int]:
        return [child for child in children_of(os.getpid()) if child not in others]

    def kill_one() -> None:
        seen = lines(steps) + 4
        wait_for(lambda: lines(steps) >= seen and len(trainers()) >= 2)
        lost.append(time.monotonic())
        os.kill(trainers()[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(HandfulError, match=r"^training: process \d of 2 was killed by SIGKILL.*goes on"):
        train_with(2, params, fixed_dataset, out)
    assert time.monotonic() - lost[0] < 10
    killer.join()
    assert trainers() == []

    again = train_with(1, params, fixed_dataset, out)
    assert again.pop("first_step_loss") == pytest.approx(counts.pop("first_step_loss"))
    assert again == counts
    assert "Traceback" not in capfd.readouterr().err
    assert_same(out, whole)


def assert_same(out: Path, whole: Path) -> None:
    """Two folders of the stage, trained by different numbers of processes, without dropout."""
    assert names(out) == names(whole)
    for name, kind in (("steps.jsonl", Step), ("epochs.jsonl", Epoch)):
        for ours, theirs in zip(jsonl.read(out / name, kind), jsonl.read(whole / name, kind), strict=True):
            assert asdict_of(ours) == pytest.approx(asdict_of(theirs), rel=1e-5)
    assert list(jsonl.read(out / "dev_samples.jsonl", DevSample)) == list(
        jsonl.read(whole / "dev_samples.jsonl", DevSample)
    )
    last = max(path.name for path in whole.glob("epoch-*"))
    weights = load_file(whole / last / "model.safetensors")
    for key, weight in load_file(out / last / "model.safetensors").items():
        assert (weight - weights[key]).abs().mean() < 1e-6, key


def asdict_of(record) -> dict[str, float]:
    return {name: value for name, value in msgspec.structs.asdict(record).items() if value is not None}


def test_torchrun_joins_processes_of_several_machines(repository, tiny_model, tmp_path):
    """Here of one. The first runs the stage, and the next `handful run` finds it done."""
    changes = {
        "model": f'"{tiny_model}"',
        "max_steps": 3,
        "max_tokens": 128,
        "dev_samples": 1,
        "dev_sample_tokens": 3,
        "precision": '"float32"',
        "device": '"cpu"',
    }
    overrides = [f"train.{name}={value}" for name, value in changes.items()]
    recipe = load(repository / "recipes/demo.toml", overrides)
    execute(plan(STAGES, recipe, tmp_path, "dataset"), tmp_path)
    sets = [word for override in overrides for word in ("--set", override)]
    told = ["-m", "handful", "run", recipe_path(repository), "--work", tmp_path, "--only", "train", *sets]
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([sys.executable, *start, *told], check=True, env=os.environ)

    *_, dataset, step = plan(STAGES, recipe, tmp_path, "train")
    assert step.done
    (tmp_path / "alone").mkdir()
    train_with(1, step.params, dataset.folder, tmp_path / "alone")
    ours, theirs = (list(jsonl.read(f / "steps.jsonl", Step)) for f in (step.folder, tmp_path / "alone"))
    assert [r.loss for r in ours] == pytest.approx([r.loss for r in theirs], rel=1e-6)
    assert set(names(step.folder)) == {*names(tmp_path / "alone"), "manifest.json"}
    AutoModelForCausalLM.from_pretrained(step.folder / "epoch-01")


def recipe_path(repository: Path) -> Path:
    return repository / "recipes/demo.toml"


def test_torchrun_is_for_training_only(repository):
    told = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}
    found = subprocess.run(
        [sys.executable, "-m", "handful", "run", recipe_path(repository), "--to", "clean"],
        env=os.environ | told,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 2
    assert found.stderr.startswith("error: torchrun started 2 processes")
    assert found.stderr.count("\n") == 1


def test_a_loss_that_is_not_finite_stops_all_and_keeps_the_last_state(params, fixed_dataset, tmp_path):
    """Each process finds out, and the first is heard. Going on leads to the same step again."""
    wild = replace(params, learning_rate=1e30, save_every=1)
    for size in (2, 1):
        with pytest.raises(DataError, match=r"^step 2: the loss is .*nan.* its examples are e\d"):
            train_with(size, wild, fixed_dataset, tmp_path)
        assert [path.name for path in (tmp_path / "resume").iterdir()] == ["step-000001"]
        assert lines(tmp_path / "steps.jsonl") == 1
