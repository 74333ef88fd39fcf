"""What a training shows while it runs: metrics.jsonl, TensorBoard, Weights & Biases, and a line at the end."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from handful.core import jsonl
from handful.core.errors import DataError, MissingExtra
from handful.core.files import files_below
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.run.execute import Stage, execute, plan
from handful.run.keys import Hashes, plain
from handful.train import course, rate, trackers
from handful.train.dev import DevSample, Epoch
from handful.train.flops import document_flops, shape_of
from handful.train.loop import Step
from handful.train.tracking import Start, Watch, metrics_file
from handful.train.work import work

NAME = "train-0123456789ab"


@pytest.fixture(scope="module")
def params(tiny_model):
    return Train(
        model=ModelRef(tiny_model),
        epochs=2,
        batch_size=5,
        learning_rate=1e-3,
        dev_samples=2,
        dev_sample_tokens=4,
        precision="float32",
        device="cpu",
    )


def train(params, dataset: Path, root: Path) -> Path:
    """Train into the partial folder of a work folder. Returns the metrics' file."""
    out = root / f"{NAME}.partial"
    out.mkdir(parents=True, exist_ok=True)
    work(params, {"dataset": dataset}, out)
    return root / "metrics" / f"{NAME}.jsonl"


def lines(file: Path, kind: str) -> list[dict]:
    return [line for line in map(json.loads, file.read_text().splitlines()) if line["kind"] == kind]


class Stop(Exception):
    pass


def interrupted(params, dataset, root, monkeypatch, after: int) -> Path:
    """A training that fails after a step, as a kill would: nothing more is written."""
    real = course.steps

    def cut(*args, **named):
        for record in real(*args, **named):
            yield record
            if record.step == after:
                raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(course, "steps", cut)
        with pytest.raises(Stop):
            train(params, dataset, root)
    return root / "metrics" / f"{NAME}.jsonl"


@pytest.fixture(scope="module")
def undisturbed(params, fixed_dataset, tmp_path_factory) -> Path:
    return train(params, fixed_dataset, tmp_path_factory.mktemp("undisturbed") / "work")


def test_each_step_of_the_folder_has_its_line_with_its_speed(undisturbed, params):
    out = undisturbed.parents[1] / f"{NAME}.partial"
    records = list(jsonl.read(out / "steps.jsonl", Step))
    [start], found = lines(undisturbed, "start"), lines(undisturbed, "step")
    assert [line["step"] for line in found] == [1, 2, 3, 4]
    for record, line in zip(records, found, strict=True):
        assert {name: line[name] for name in ("epoch", "loss", "learning_rate", "grad_norm", "tokens")} == {
            "epoch": record.epoch,
            "loss": record.loss,
            "learning_rate": record.learning_rate,
            "grad_norm": record.grad_norm,
            "tokens": record.tokens,
        }
        assert line["tokens_per_second"] == pytest.approx(record.tokens / line["seconds"], rel=0.01)
        spent = line["tokens_per_second"] * start["flops_per_token"]
        assert line["mfu"] == pytest.approx(spent / start["peak_rate"], abs=1e-4)
        assert line["device"] == "cpu"
        assert 100e6 < line["peak_memory"] < 100e9
    assert start["model"] == Path(params.model).name
    assert (start["step"], start["processes"], start["precision"]) == (0, 1, "float32")


def test_each_evaluation_has_its_line(undisturbed):
    out = undisturbed.parents[1] / f"{NAME}.partial"
    epochs = list(jsonl.read(out / "epochs.jsonl", Epoch))
    found = lines(undisturbed, "evaluation")
    assert [(line["epoch"], line["step"]) for line in found] == [(0, 0), (1, 2), (2, 4)]
    for epoch, line in zip(epochs, found, strict=True):
        assert line["dev_loss"] == epoch.dev_loss
        assert line["perplexity"] == pytest.approx(math.exp(epoch.dev_loss))
    samples = list(jsonl.read(out / "dev_samples.jsonl", DevSample))
    for line in found[1:]:
        own = [sample.finish == "eot" for sample in samples if sample.epoch == line["epoch"]]
        assert line["eot_rate"] == sum(own) / 2
    assert found[0]["eot_rate"] is None


def test_the_stages_folder_knows_no_times_and_no_trackers(undisturbed):
    out = undisturbed.parents[1] / f"{NAME}.partial"
    names = {path.relative_to(out).parts[0] for path in files_below(out)}
    assert names == {
        "epoch-01",
        "epoch-02",
        "steps.jsonl",
        "epochs.jsonl",
        "dev_samples.jsonl",
        "truncated.jsonl",
    }
    assert "seconds" not in (out / "steps.jsonl").read_text()


def test_at_the_end_a_line_sums_it_up(params, fixed_dataset, tmp_path, capsys):
    file = train(replace(params, epochs=1), fixed_dataset, tmp_path / "work")
    [said] = [line for line in capsys.readouterr().err.splitlines() if "trained on" in line]
    tokens = sum(line["tokens"] for line in lines(file, "step"))
    assert f"trained on {tokens:,} tokens in 0:00:0" in said
    assert "tok/s, MFU " in said
    assert "peak memory " in said


def test_the_progress_line_has_loss_speed_and_mfu(undisturbed, tmp_path):
    [start] = lines(undisturbed, "start")
    del start["kind"]
    watch = Watch(
        tmp_path / "m.jsonl", Start(**{**start, "flops_per_token": 1e6, "peak_rate": 1e9}), before=0.0
    )
    assert watch.step(Step(1, 1, 2.345, 1e-5, 1.0, 1_000), seconds=2.0) == "loss 2.35, 500 tok/s, MFU 50%"


def test_what_goes_on_goes_on_in_the_same_file(params, fixed_dataset, tmp_path, monkeypatch):
    """Stopped after step 3, in the middle of an epoch: it goes on from the end of the first, step 2."""
    file = interrupted(params, fixed_dataset, tmp_path / "work", monkeypatch, after=3)
    assert [line["step"] for line in lines(file, "step")] == [1, 2, 3]
    with file.open("ab") as tail:
        tail.write(b'{"kind":"st')  # a kill in the middle of a line
    train(params, fixed_dataset, tmp_path / "work")
    assert [line["step"] for line in lines(file, "step")] == [1, 2, 3, 4]
    assert [line["epoch"] for line in lines(file, "evaluation")] == [0, 1, 2]
    first, second = lines(file, "start")
    assert (first["step"], second["step"]) == (0, 2)
    assert first["run"] == second["run"]
    elapsed = [json.loads(line).get("elapsed", 0) for line in file.read_text().splitlines()]
    without_starts = [value for value in elapsed if value]
    assert without_starts == sorted(without_starts)


CHILD = """
import sys
from pathlib import Path
import msgspec, torch
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.work import work
torch.set_num_threads(1)
settings = msgspec.json.decode(sys.argv[1])
work(Train(**settings | {"model": ModelRef(settings["model"])}), {"dataset": Path(sys.argv[2])}, Path(sys.argv[3]))
"""


def test_a_killed_process_loses_no_line_and_leaves_none_twice(params, fixed_dataset, tmp_path):
    long = replace(params, epochs=4, save_every=1, dev_samples=0)
    out = tmp_path / "work" / f"{NAME}.partial"
    out.mkdir(parents=True)
    file = metrics_file(out)
    settings = json.dumps(asdict(long) | {"model": str(long.model)})
    command = [sys.executable, "-c", CHILD, settings, str(fixed_dataset), str(out)]
    child = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    while child.poll() is None and not (file.exists() and file.read_bytes().count(b'"kind":"step"') >= 3):
        time.sleep(0.001)
    child.kill()
    child.wait()
    train(long, fixed_dataset, tmp_path / "work")
    assert [line["step"] for line in lines(file, "step")] == list(range(1, 9))
    assert [line["epoch"] for line in lines(file, "evaluation")] == list(range(5))
    assert len({start["run"] for start in lines(file, "start")}) == 1


def test_metrics_removed_while_it_runs_stop_nothing(params, fixed_dataset, tmp_path, monkeypatch):
    real = course.steps

    def removing(*args, **named):
        for record in real(*args, **named):
            if record.step == 3:
                shutil.rmtree(tmp_path / "work" / "metrics")
            yield record

    monkeypatch.setattr(course, "steps", removing)
    file = train(params, fixed_dataset, tmp_path / "work")
    assert [line["step"] for line in lines(file, "step")] == [3, 4]


def test_a_training_that_starts_again_starts_a_new_file(params, fixed_dataset, tmp_path):
    one = replace(params, epochs=1, dev_samples=0)
    file = train(one, fixed_dataset, tmp_path / "work")
    before = lines(file, "start")[0]["run"]
    shutil.rmtree(tmp_path / "work" / f"{NAME}.partial")
    train(one, fixed_dataset, tmp_path / "work")
    [start] = lines(file, "start")
    assert start["run"] != before
    assert [line["step"] for line in lines(file, "step")] == [1, 2]


def test_metrics_that_cannot_be_read_stop_nothing(params, fixed_dataset, tmp_path, monkeypatch, capsys):
    file = interrupted(params, fixed_dataset, tmp_path / "work", monkeypatch, after=3)
    file.write_bytes(b"loss was fine\n")
    train(params, fixed_dataset, tmp_path / "work")
    assert f"{NAME}.jsonl:1:" in capsys.readouterr().err
    assert [line["step"] for line in lines(file, "step")] == [3, 4]


def test_where_the_metrics_lie_does_not_depend_on_whether_the_folder_is_finished(tmp_path):
    assert metrics_file(tmp_path / f"{NAME}.partial") == metrics_file(tmp_path / NAME)
    assert metrics_file(tmp_path / NAME) == tmp_path / "metrics" / f"{NAME}.jsonl"


# --- what is divided by what


def test_flops_are_those_of_the_examples_lengths(network):
    model = network("llama")
    shape = shape_of(model.config.to_dict())
    expected = (document_flops(shape, 10) + document_flops(shape, 30)) / 40
    assert rate.flops_per_token(model, [10, 30]) == pytest.approx(expected)


@pytest.mark.parametrize("family", ["llama", "llama-untied"])
def test_a_frozen_matrix_costs_no_gradient_of_its_own(network, family):
    """By hand: hidden 32, inner 48, 4 layers, keys and values half as wide; 97 tokens."""
    model = network(family)
    whole = rate.flops_per_token(model, [10])
    for weight in model.parameters():
        weight.requires_grad_(False)
    matrices = 4 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48) + 97 * 32
    assert whole - rate.flops_per_token(model, [10]) == pytest.approx(2 * matrices)


def test_a_known_gpu_is_measured_by_its_data_sheet(monkeypatch):
    monkeypatch.setattr(rate.torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(rate, "matrix_rate", lambda device, dtype: 1.0)
    assert rate.peak_rate("cuda", torch.bfloat16) == 989e12
    assert rate.peak_rate("cuda", torch.float32) == 1.0
    monkeypatch.setattr(rate.torch.cuda, "get_device_name", lambda: "NVIDIA H100 PCIe")
    assert rate.peak_rate("cuda", torch.bfloat16) == 1.0


def test_the_matrix_rate_is_that_of_this_machine():
    assert 1e9 < rate.matrix_rate("cpu", torch.float32) < 1e14


# --- trackers


def test_trackers_do_not_decide_the_key(params, tmp_path):
    hashes = Hashes(tmp_path / "hashes.json")
    named = replace(params, model=ModelRef("gemma3-270m"))
    shown = replace(named, track=("tensorboard", "wandb"))
    assert plain(shown, hashes, "train") == plain(named, hashes, "train")
    assert "track" not in plain(shown, hashes, "train")
    assert plain(replace(named, seed=1), hashes, "train") != plain(named, hashes, "train")


def test_a_finished_folder_is_not_made_again_to_be_tracked(params, fixed_dataset, tmp_path):
    class Recipe:
        train = replace(params, epochs=1, dev_samples=0)

    stage = Stage(name="train", work=lambda p, inputs, out: work(p, {"dataset": fixed_dataset}, out))
    root = tmp_path / "work"
    [step] = execute(plan([stage], Recipe, root), root)
    assert "track" not in json.loads((step.folder / "manifest.json").read_text())["params"]
    assert (root / "metrics" / f"{step.folder.name}.jsonl").exists()
    Recipe.train = replace(Recipe.train, track=("tensorboard",))
    assert execute(plan([stage], Recipe, root), root) == []


@pytest.mark.parametrize(("name", "library"), [("tensorboard", "tensorboardX"), ("wandb", "wandb")])
def test_a_tracker_that_is_not_installed_is_named_before_anything_runs(
    params, fixed_dataset, tmp_path, monkeypatch, name, library
):
    from handful.core import optional

    real = optional.importlib.util.find_spec
    monkeypatch.setattr(
        optional.importlib.util, "find_spec", lambda module: None if module == library else real(module)
    )
    with pytest.raises(MissingExtra, match=rf"track = \[\"{name}\"\] needs {library}.*handful\[track\]"):
        train(replace(params, track=(name,)), fixed_dataset, tmp_path / "work")
    assert not (tmp_path / "work/metrics").exists()


def test_tensorboard_reads_back_what_the_metrics_say(params, fixed_dataset, tmp_path, monkeypatch):
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    tracked = replace(params, track=("tensorboard",))
    file = interrupted(tracked, fixed_dataset, tmp_path / "work", monkeypatch, after=3)
    train(tracked, fixed_dataset, tmp_path / "work")
    events = accumulator.EventAccumulator(str(file.with_suffix("")))
    events.Reload()
    for name in ("loss", "learning_rate", "grad_norm", "mfu"):
        found = [(event.step, event.value) for event in events.Scalars(f"train/{name}")]
        expected = [(line["step"], pytest.approx(line[name], rel=1e-6)) for line in lines(file, "step")]
        assert found == expected, name
    assert [event.step for event in events.Scalars("dev/perplexity")] == [0, 2, 4]
    texts = {tag for tag in events.Tags()["tensors"] if tag.startswith("samples/")}
    assert texts == {"samples/d0/text_summary", "samples/d1/text_summary"}
    [first, last] = events.Tensors("samples/d0/text_summary")
    out = tmp_path / "work" / f"{NAME}.partial"
    spoken = [s.text for s in jsonl.read(out / "dev_samples.jsonl", DevSample) if s.prompt_id == "d0"]
    assert [first.tensor_proto.string_val[0].decode(), last.tensor_proto.string_val[0].decode()] == spoken


def wandb_records(file: Path):
    """The records of an offline run: LevelDB's log format, blocks of 32 KB, behind a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, part = file.read_bytes(), 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        size, kind = struct.unpack("<HB", content[place + 4 : place + 7])
        part += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            yield Record.FromString(part)
            part = b""


def test_weights_and_biases_get_the_same_and_no_secrets(params, fixed_dataset, tmp_path, monkeypatch):
    wandb = importlib.import_module("wandb")
    wandb.teardown()
    key = "0123456789abcdef" * 2 + "deadbeef"
    for name, value in {"WANDB_MODE": "offline", "WANDB_API_KEY": key, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    file = train(replace(params, track=("wandb",)), fixed_dataset, tmp_path / "work")
    folder = file.with_suffix("") / "wandb"
    [log] = folder.glob("offline-run-*/*.wandb")
    records = list(wandb_records(log))
    [run] = [record.run for record in records if record.HasField("run")]
    assert (run.project, run.display_name) == ("handful", NAME)
    assert run.run_id == lines(file, "start")[0]["run"]
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["model"] == Path(params.model).name
    assert config["learning_rate"] == 1e-3
    history = [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    losses = [(row["step"], row["train/loss"]) for row in history if "train/loss" in row]
    assert losses == [(line["step"], line["loss"]) for line in lines(file, "step")]
    assert [row["step"] for row in history if "dev/dev_loss" in row] == [0, 2, 4]
    for path in files_below(folder):
        content = path.read_bytes()
        assert key.encode() not in content, path
        assert str(params.model).encode() not in content, path
    tables = [json.loads(path.read_text()) for path in folder.rglob("*.table.json")]
    assert sorted(row[:2] for table in tables for row in table["data"]) == [
        [2, "d0"],
        [2, "d1"],
        [4, "d0"],
        [4, "d1"],
    ]


def test_who_is_not_logged_in_is_told_what_to_do(params, tmp_path, monkeypatch):
    wandb = importlib.import_module("wandb")
    wandb.teardown()  # it remembers the environment that it first saw
    for name, value in {"WANDB_MODE": "online", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match=r"wandb login.*WANDB_MODE=offline"):
        trackers.Wandb(params, tmp_path / NAME, "0badcafe", 0)
