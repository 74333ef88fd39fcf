"""Checkpoints that are whole or absent.

An epoch's checkpoint is a plain `transformers` folder, `epoch-01` and so on, for anyone to load. What a killed run
goes on from lies apart, in `resume/step-000050`: the optimizer's moments, the step, and the weights, unless an
epoch's checkpoint has the same. Each is written beside its place and renamed when complete, and an older state goes
only after a newer one is there. No generator's state is needed: every random draw follows from the seed and the step.

With many processes all call the functions that save; the first puts the tensors together and writes. What it writes
does not tell how many there were, so another number may go on.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import AdamW

from handful.core.errors import DataError
from handful.core.files import file_hash, write_whole
from handful.models.load import quietly
from handful.train import lora
from handful.train.distributed import ALONE, Ranks, named_whole, spread

RESUME = "resume"
STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"
ADAPTERS = "adapters.safetensors"
PARTIAL = ".partial"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class State(msgspec.Struct, frozen=True):
    """Where a run stood after `step`."""

    step: int
    epochs_done: int
    weights: str
    """The folder that holds them, relative to the stage's."""
    files: dict[str, str] = {}
    """What it goes on from, relative to the stage's folder -> sha256."""


def epoch_folder(epoch: int) -> str:
    return f"epoch-{epoch:02d}"


def state_folder(out: Path, step: int) -> Path:
    return out / RESUME / f"step-{step:06d}"


def save_model(model: Any, tokenizer: Any, folder: Path, ranks: Ranks = ALONE) -> None:
    """A checkpoint that `from_pretrained` loads: float32 weights, tokenizer, chat template, generation settings."""
    tensors = ranks.gather(named_whole(model))
    if ranks.leads:
        with whole(folder) as partial:
            fill(model, tokenizer, partial, tensors)


def fill(model: Any, tokenizer: Any, folder: Path, tensors: dict[str, Tensor]) -> None:
    """Write a model whose state dict is `tensors`; its own weights are not read."""
    model.config._name_or_path = ""  # where the base model lay on this machine is nobody's business
    with quietly():
        if lora.has_adapters(model):
            model.save_pretrained(folder, state_dict=lora.merged(model, tensors))
            fill_adapter(model, folder / "adapter", tensors)
        else:
            model.save_pretrained(folder, state_dict=tensors)
        tokenizer.save_pretrained(folder)


def fill_adapter(model: Any, folder: Path, tensors: dict[str, Tensor]) -> None:
    """The adapters by themselves in peft's format, where peft computes the same with them."""
    config = lora.adapter_config(model)
    if config is not None:
        folder.mkdir()
        save_file(lora.adapter_tensors(tensors), folder / "adapter_model.safetensors")
        write_whole(folder / "adapter_config.json", json.dumps(config, indent=2).encode())


def save_state(
    out: Path,
    step: int,
    epochs_done: int,
    weights: str,
    model: Any,
    tokenizer: Any,
    optimizer: AdamW,
    ranks: Ranks = ALONE,
) -> None:
    """Make `step` the place to go on from, and forget the earlier one.

    Args:
        weights: a checkpoint of this very step in `out`, or "" to save the weights too. Of a model with adapters
            they are saved always, and nothing else is.
    """
    folder = state_folder(out, step)
    adapted = lora.has_adapters(model)
    weights = "" if adapted else weights
    remembered = ranks.gather(moments(model, optimizer))
    wanted = ((name, part) for name, part in named_whole(model) if not adapted or lora.is_trained(name))
    tensors = {} if weights else ranks.gather(wanted)
    if not ranks.leads:
        return
    with whole(folder) as partial:
        if adapted:
            save_file(lora.trained(tensors), partial / ADAPTERS)
        elif not weights:
            fill(model, tokenizer, partial, tensors)
        save_file(remembered, partial / OPTIMIZER)
        files = {f"{RESUME}/{folder.name}/{file.name}": file_hash(file) for file in tensors_in(partial)}
        if weights:
            files |= {f"{weights}/{file.name}": file_hash(file) for file in tensors_in(out / weights)}
        state = State(step, epochs_done, weights or f"{RESUME}/{folder.name}", files)
        write_whole(partial / STATE, msgspec.json.encode(state))
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other)


def tensors_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def forget(out: Path) -> None:
    """Remove what a finished training no longer needs."""
    shutil.rmtree(out / RESUME, ignore_errors=True)


def remove_epochs(out: Path, after: int | None = None, before: int | None = None) -> None:
    """Remove checkpoints of epochs above `after` or below `before`, and those that are not whole."""
    for folder in out.glob("epoch-*"):
        late = after is not None and folder.name > epoch_folder(after)
        early = before is not None and folder.name < epoch_folder(before)
        if folder.name.endswith(PARTIAL) or late or early:
            shutil.rmtree(folder)


def moments(model: nn.Module, optimizer: AdamW) -> Iterator[tuple[str, Tensor]]:
    """AdamW's state by name, such as "exp_avg/model.norm.weight"; this process's parts of it."""
    for name, weight in model.named_parameters():
        if weight in optimizer.state:
            for kind in MOMENTS:
                yield f"{kind}/{name}", optimizer.state[weight][kind]


def load_moments(model: nn.Module, optimizer: AdamW, out: Path, step: int) -> None:
    """Give the optimizer back what it knew after `step`; with many processes, to each its part."""
    with safe_open(state_folder(out, step) / OPTIMIZER, framework="pt") as stored:
        known = set(stored.keys())
        for name, weight in model.named_parameters():
            if f"step/{name}" in known:
                optimizer.state[weight] = {
                    kind: spread(stored.get_tensor(f"{kind}/{name}"), like=weight) for kind in MOMENTS
                }


def load_adapters(out: Path, state: State) -> dict[str, Tensor]:
    return load_file(out / state.weights / ADAPTERS)


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
    if not shards or not any((weights / name).exists() for name in ("config.json", ADAPTERS)):
        raise FileNotFoundError(f"{weights}: holds no weights")
    for file in (folder / OPTIMIZER, *shards):
        with safe_open(file, framework="pt"):  # checks that the header and the length agree
            pass
    for name, sha256 in state.files.items():
        if file_hash(out / name) != sha256:
            raise OSError(f"{name} is not as it was saved")
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
        for file in filter(Path.is_file, partial.rglob("*")):
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
