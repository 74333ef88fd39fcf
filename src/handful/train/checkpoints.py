"""Checkpoints that are whole or absent.

An epoch's checkpoint is a plain `transformers` folder, `epoch-01` and so on, for anyone to load. What a killed run
goes on from lies apart, in `resume/step-000050`: the optimizer's moments, the step, and the weights, unless an
epoch's checkpoint has the same. Each is written beside its place and renamed when complete, and an older state goes
only after a newer one is there. No generator's state is needed: every random draw follows from the seed and the step.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import AdamW

from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.models.load import quietly

RESUME = "resume"
STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"
PARTIAL = ".partial"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class State(msgspec.Struct, frozen=True):
    """Where a run stood after `step`."""

    step: int
    epochs_done: int
    weights: str
    """The folder that holds them, relative to the stage's."""


def epoch_folder(epoch: int) -> str:
    return f"epoch-{epoch:02d}"


def state_folder(out: Path, step: int) -> Path:
    return out / RESUME / f"step-{step:06d}"


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """A checkpoint that `from_pretrained` loads: float32 weights, tokenizer, chat template, generation settings."""
    with whole(folder) as partial:
        fill(model, tokenizer, partial)


def fill(model: Any, tokenizer: Any, folder: Path) -> None:
    model.config._name_or_path = ""  # where the base model lay on this machine is nobody's business
    with quietly():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def save_state(
    out: Path, step: int, epochs_done: int, weights: str, model: Any, tokenizer: Any, optimizer: AdamW
) -> None:
    """Make `step` the place to go on from, and forget the earlier one.

    Args:
        weights: a checkpoint of this very step in `out`, or "" to save the weights too.
    """
    folder = state_folder(out, step)
    state = State(step, epochs_done, weights or f"{RESUME}/{folder.name}")
    with whole(folder) as partial:
        if not weights:
            fill(model, tokenizer, partial)
        save_file(moments(model, optimizer), partial / OPTIMIZER)
        write_whole(partial / STATE, msgspec.json.encode(state))
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other)


def forget(out: Path) -> None:
    """Remove what a finished training no longer needs."""
    shutil.rmtree(out / RESUME, ignore_errors=True)


def remove_epochs(out: Path, after: int) -> None:
    """Remove checkpoints of epochs above `after`, whole or not."""
    for folder in out.glob("epoch-*"):
        if folder.name.endswith(PARTIAL) or folder.name > epoch_folder(after):
            shutil.rmtree(folder)


def moments(model: nn.Module, optimizer: AdamW) -> dict[str, torch.Tensor]:
    """AdamW's state by name, such as "exp_avg/model.norm.weight"."""
    return {
        f"{kind}/{name}": optimizer.state[weight][kind].cpu()
        for name, weight in model.named_parameters()
        if weight in optimizer.state
        for kind in MOMENTS
    }


def load_moments(model: nn.Module, optimizer: AdamW, out: Path, step: int) -> None:
    """Give the optimizer back what it knew after `step`."""
    stored = load_file(state_folder(out, step) / OPTIMIZER)
    for name, weight in model.named_parameters():
        if f"step/{name}" in stored:
            optimizer.state[weight] = {kind: stored[f"{kind}/{name}"].to(weight.device) for kind in MOMENTS}


def latest(out: Path) -> State | None:
    """The newest state in `out` that can be read whole; what cannot is removed, and said so."""
    for folder in sorted((out / RESUME).glob("step-*"), reverse=True):
        if folder.name.endswith(PARTIAL):
            shutil.rmtree(folder)
            continue
        try:
            return readable(out, folder)
        except (OSError, SafetensorError, msgspec.MsgspecError) as error:
            print(f"  {folder}: cannot be read ({error}); going on without it", file=sys.stderr, flush=True)
            shutil.rmtree(folder)
    return None


def readable(out: Path, folder: Path) -> State:
    """The state in `folder`. Raises what the reader of a broken file raises."""
    state = msgspec.json.decode((folder / STATE).read_bytes(), type=State)
    weights = out / state.weights
    shards = [file for file in weights.glob("*.safetensors") if file.name != OPTIMIZER]
    if not shards or not (weights / "config.json").exists():
        raise FileNotFoundError(f"{weights}: holds no weights")
    for file in (folder / OPTIMIZER, *shards):
        with safe_open(file, framework="pt"):  # checks that the header and the length agree
            pass
    return state


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A scratch folder that takes the name `folder` when the block is left without an error."""
    partial = folder.with_name(folder.name + PARTIAL)
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    with room(folder):
        yield partial
        for file in partial.iterdir():
            file.chmod(0o644)  # safetensors makes them readable by their owner alone
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    partial.rename(folder)


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Say in words that the disk is full. Earlier checkpoints are untouched."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        if not full:
            raise
        raise DataError(
            f"{folder}: the disk is full; make room and run again: training goes on from its last saved step"
        ) from error


def check_room(out: Path, epochs: int, parameters: int) -> None:
    """Raise DataError unless the disk has room for `epochs` more checkpoints and two states to resume from."""
    size = parameters * 4
    needed = size * (epochs + 2 * 3)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DataError(
            f"{out}: training needs about {needed / 1e9:,.1f} GB ({epochs} checkpoints of {size / 1e9:,.1f} GB, "
            f"and states to resume from), but {free / 1e9:,.1f} GB are free; make room, or use another --work"
        )
