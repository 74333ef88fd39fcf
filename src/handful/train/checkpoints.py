"""Checkpoints that are whole or absent.

An epoch's checkpoint is a plain `transformers` folder, `epoch-01` and so on, for anyone to load. What a killed run
goes on from lies apart, in `resume/step-000050`: the optimizer's moments, the step, and the weights, unless an
epoch's checkpoint has the same. Each is written beside its place and renamed when complete, and an older state goes
only after a newer one is there. No generator's state is needed: every random draw follows from the seed and the step.

With many processes all call these functions. Each writes its own parts of a state, and then the first its record,
which has the sha256 of every file. Another number of processes may go on.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim import AdamW

from handful.core.errors import DataError
from handful.core.files import file_hash, files_below, write_whole
from handful.train import lora, parts, plain
from handful.train.distributed import ALONE, Ranks, local, named_whole
from handful.train.parts import Stored

RESUME = "resume"
STATE = "state.json"
PARTIAL = ".partial"
MOMENTS = ("exp_avg", "exp_avg_sq")
STEP = "step"


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


def save_model(model: Any, tokenizer: Any, folder: Path, together: Ranks = ALONE) -> None:
    """A checkpoint that `from_pretrained` loads."""
    with whole(folder, together) as partial:
        plain.write(model, tokenizer, partial, together)


def save_state(
    out: Path,
    step: int,
    epochs_done: int,
    weights: str,
    model: Any,
    tokenizer: Any,
    optimizer: AdamW,
    together: Ranks = ALONE,
) -> None:
    """Make `step` the place to go on from, and forget the earlier one.

    Args:
        weights: a checkpoint of this very step in `out`, or "" to save the weights too. Of a model with adapters
            they are saved always, and nothing else is.
    """
    folder = state_folder(out, step)
    place = f"{RESUME}/{folder.name}"
    weights = "" if lora.has_adapters(model) else weights
    with whole(folder, together) as partial:
        tensors = [*moments(model, optimizer)]
        if not weights:
            tensors += own_weights(model, tokenizer, partial, together)
        hashes = {f"{place}/{name}": sha for name, sha in parts.write(tensors, partial, together).items()}
        if weights:
            known = [f"{weights}/{file.relative_to(out / weights)}" for file in files_below(out / weights)]
            hashes |= {name: file_hash(out / name) for name in known[together.rank :: together.size]}
        files = {name: sha for said in together.all(hashes) for name, sha in said.items()}
        if together.leads:
            if not weights:
                beside = [file for file in files_below(partial) if not parts.is_part(file)]
                files |= {f"{place}/{file.relative_to(partial)}": file_hash(file) for file in beside}
            state = State(step, epochs_done, weights or place, dict(sorted(files.items())))
            write_whole(partial / STATE, msgspec.json.encode(state))
    if together.leads:
        for other in folder.parent.iterdir():
            if other != folder:
                shutil.rmtree(other)


def own_weights(model: Any, tokenizer: Any, folder: Path, together: Ranks) -> Iterator[tuple[str, Tensor]]:
    """The weights that go into the parts of a state. What else a model needs to be loaded is written beside them."""
    if lora.has_adapters(model):
        return ((name, tensor) for name, tensor in named_whole(model) if lora.is_trained(name))
    if plain.is_renamed(model, together):
        plain.write(model, tokenizer, folder, together)
        return iter(())
    if together.leads:
        plain.write_beside(model, tokenizer, folder)
    return named_whole(model)


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
            for kind in (*MOMENTS, STEP):
                yield f"{kind}/{name}", optimizer.state[weight][kind]


def stored(out: Path, state: State) -> Stored:
    """All tensors of a state, by name."""
    return Stored(out / name for name in state.files if name.endswith(".safetensors"))


@torch.no_grad()
def load_moments(model: nn.Module, optimizer: AdamW, known: Stored, together: Ranks) -> None:
    """Give the optimizer back what it knew; with many processes, to each its part."""
    for name, weight in model.named_parameters():
        if f"{STEP}/{name}" in known:
            kept = {kind: torch.zeros_like(weight, requires_grad=False) for kind in MOMENTS}
            for kind, moment in kept.items():
                local(moment).copy_(known.own(f"{kind}/{name}", weight, together))
            optimizer.state[weight] = {**kept, STEP: known.read(f"{STEP}/{name}").to(weight.device)}


def adapters(known: Stored) -> dict[str, Tensor]:
    return {name: known.read(name) for name in known.places if lora.is_trained(name) and "/" not in name}


def latest(out: Path, together: Ranks = ALONE) -> State | None:
    """The newest state in `out` whose files are as they were saved; what is not is removed, and said so.

    Each process looks at its share of the files.
    """
    while (state := together.agree(newest(out) if together.leads else None)) is not None:
        mine = [*state.files.items()][together.rank :: together.size]
        faults = [fault for said in together.all([*altered(out, mine)]) for fault in said]
        if not faults:
            return state
        if together.leads:
            give_up(state_folder(out, state.step), faults[0])
    return None


def newest(out: Path) -> State | None:
    """The newest state whose record can be read. Those that were never finished are removed."""
    for folder in sorted((out / RESUME).glob("step-*"), reverse=True):
        if folder.name.endswith(PARTIAL):
            shutil.rmtree(folder)
            continue
        try:
            return msgspec.json.decode((folder / STATE).read_bytes(), type=State)
        except (OSError, msgspec.MsgspecError) as error:
            give_up(folder, str(error))
    return None


def give_up(folder: Path, why: str) -> None:
    print(f"  {folder}: cannot be read ({why}); going on without it", file=sys.stderr, flush=True)
    shutil.rmtree(folder)


def altered(out: Path, files: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is wrong with files that should have these hashes."""
    for name, sha256 in files:
        try:
            if file_hash(out / name) != sha256:
                yield f"{name} is not as it was saved"
        except FileNotFoundError:
            yield f"{name} is missing"
        except OSError as error:
            yield f"{name}: {error.strerror}"


@contextmanager
def whole(folder: Path, together: Ranks = ALONE) -> Iterator[Path]:
    """A scratch folder that takes the name `folder` when all processes have left the block without an error."""
    partial = folder.with_name(folder.name + PARTIAL)
    if together.leads:
        for old in (partial, folder):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
    together.all(None)
    with room(folder):
        yield partial
        together.all(None)
        if together.leads:
            settle(partial)
    if together.leads:
        partial.rename(folder)
    together.all(None)


def settle(folder: Path) -> None:
    """See to it that the files of a folder are on the disk, for everybody to read."""
    for file in filter(Path.is_file, folder.rglob("*")):
        file.chmod(0o644)  # safetensors makes them readable by their owner alone
        with file.open("rb") as handle:
            os.fsync(handle.fileno())


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
