"""Killed at any moment and started again, a training leaves the bytes of one that was left alone."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from train_once import Process, Stop, lines, stop_after

from handful.core.files import files_below
from handful.models.load import fast_float32
from handful.train.work import work


@pytest.fixture(scope="module")
def params(quick):
    return quick


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_below(folder)}


@pytest.fixture(scope="module")
def undisturbed(params, fixed_dataset, tmp_path_factory):
    """The counts and the files of a training that nothing interrupted."""
    torch.set_num_threads(1)
    fast_float32.cache_clear()
    out = tmp_path_factory.mktemp("undisturbed")
    counts = work(params, {"dataset": fixed_dataset}, out)
    return counts, content(out)


def test_killed_at_random_steps_and_during_saves(params, fixed_dataset, tmp_path, undisturbed):
    out = tmp_path / "out"
    step = random.Random().randint(1, 14)
    kills = {
        f"after step {step}": lambda: lines(out / "steps.jsonl") >= step,
        "during a state's save": lambda: any(out.glob("resume/*.partial")),
        "during a checkpoint's save": lambda: any(out.glob("epoch-*.partial")),
    }
    for when, ready in kills.items():
        process = Process(params, fixed_dataset, out)
        if not process.kill_when(ready):
            assert process.returncode == 0, when
    counts = work(params, {"dataset": fixed_dataset}, out)
    assert content(out) == undisturbed[1], f"killed {list(kills)}"
    assert counts == undisturbed[0]


def interrupted(params, fixed_dataset, out, monkeypatch, step):
    out.mkdir()
    with monkeypatch.context() as patch:
        stop_after(patch, step)
        with pytest.raises(Stop):
            work(params, {"dataset": fixed_dataset}, out)


@pytest.mark.parametrize("step", [1, 3, 4, 5, 6, 11])
def test_stopped_after_each_kind_of_step(params, fixed_dataset, tmp_path, undisturbed, monkeypatch, step):
    """Before any state, between two, at one in mid-epoch, at an epoch's end, and after it."""
    out = tmp_path / "out"
    interrupted(params, fixed_dataset, out, monkeypatch, step)
    assert work(params, {"dataset": fixed_dataset}, out) == undisturbed[0]
    assert content(out) == undisturbed[1]


def test_it_goes_on_and_does_not_start_again(params, fixed_dataset, tmp_path, monkeypatch):
    from handful.train import course

    out = tmp_path / "out"
    interrupted(params, fixed_dataset, out, monkeypatch, 9)
    taken = []
    real = course.steps

    def counted(*args):
        for record in real(*args):
            taken.append(record.step)
            yield record

    monkeypatch.setattr(course, "steps", counted)
    work(params, {"dataset": fixed_dataset}, out)
    assert taken == list(range(9, 16))


@pytest.mark.parametrize("file", ["state.json", "part-00000-00001.safetensors", "config.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_state_is_said_and_not_used(
    params, fixed_dataset, tmp_path, undisturbed, monkeypatch, capsys, file, damage
):
    out = tmp_path / "out"
    interrupted(params, fixed_dataset, out, monkeypatch, 9)
    [state] = (out / "resume").iterdir()
    victim = state / file
    if damage == "cut":
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    else:
        victim.unlink()
    work(params, {"dataset": fixed_dataset}, out)
    assert "cannot be read" in capsys.readouterr().err
    assert content(out) == undisturbed[1]


def test_killed_after_the_end_nothing_is_done_again(
    params, fixed_dataset, tmp_path, undisturbed, monkeypatch
):
    """The stage's manifest is written after its work: a kill between them must not cost the training."""
    from handful.train import course

    out = tmp_path / "out"
    out.mkdir()
    work(params, {"dataset": fixed_dataset}, out)
    monkeypatch.setattr(course, "train", lambda *args: pytest.fail("trained again"))
    assert work(params, {"dataset": fixed_dataset}, out) == undisturbed[0]
    assert content(out) == undisturbed[1]


@pytest.mark.parametrize("step", [9, 11])
def test_an_altered_state_is_said_and_not_used(
    params, fixed_dataset, tmp_path, undisturbed, monkeypatch, capsys, step
):
    """One bit of the weights, in a file that reads well: those in the state itself, or of the epoch that it names."""
    out = tmp_path / "out"
    interrupted(params, fixed_dataset, out, monkeypatch, step)
    [state] = (out / "resume").iterdir()
    named = msgspec.json.decode((state / "state.json").read_bytes())
    [victim] = (out / named["weights"]).glob("*.safetensors")
    content_before = victim.read_bytes()
    victim.write_bytes(content_before[:-3] + bytes([content_before[-3] ^ 1]) + content_before[-2:])
    work(params, {"dataset": fixed_dataset}, out)
    assert f"{victim.name} is not as it was saved" in capsys.readouterr().err
    assert content(out) == undisturbed[1]


@pytest.mark.parametrize("step", [3, 6, 9, 15])
def test_only_the_last_checkpoint_is_kept_if_asked(
    params, fixed_dataset, tmp_path, undisturbed, monkeypatch, step
):
    """At no moment is there less than what to go on from: interrupted anywhere, it ends with the same bytes."""
    last = replace(params, keep="last")
    out = tmp_path / "out"
    interrupted(last, fixed_dataset, out, monkeypatch, step)
    work(last, {"dataset": fixed_dataset}, out)
    expected = {
        name: data for name, data in undisturbed[1].items() if not name.startswith(("epoch-01/", "epoch-02/"))
    }
    assert {name for name in content(out) if name.startswith("epoch-")} == {
        name for name in expected if name.startswith("epoch-")
    }
    weights = "epoch-03/model.safetensors"
    assert content(out)[weights] == expected[weights]


def test_checkpointed_activations_give_the_same_bytes(params, fixed_dataset, tmp_path, undisturbed):
    """With dropout on: the masks of the second forward pass are those of the first."""
    out = tmp_path / "out"
    out.mkdir()
    work(replace(params, gradient_checkpointing=True), {"dataset": fixed_dataset}, out)
    for name in ("steps.jsonl", "epochs.jsonl", "epoch-03/model.safetensors"):
        assert content(out)[name] == undisturbed[1][name]


def test_after_a_kill_the_next_twenty_losses_are_the_same_bit_for_bit(params, fixed_dataset, tmp_path):
    """Killed -9 at a random step, by real signals, in the arithmetic and with the dropout of a real run."""
    long = replace(params, epochs=6, precision="bfloat16", save_every=3, dev_samples=0)
    whole, out = tmp_path / "whole", tmp_path / "out"
    whole.mkdir()
    work(long, {"dataset": fixed_dataset}, whole)
    step = random.Random().randint(4, 9)
    process = Process(long, fixed_dataset, out)
    killed = process.kill_when(lambda: lines(out / "steps.jsonl") >= step)
    assert killed or process.returncode == 0
    work(long, {"dataset": fixed_dataset}, out)
    ours, theirs = ((folder / "steps.jsonl").read_bytes().splitlines() for folder in (out, whole))
    assert ours[step : step + 20] == theirs[step : step + 20], f"killed at step {step}"
    assert len(theirs[step : step + 20]) == 20
