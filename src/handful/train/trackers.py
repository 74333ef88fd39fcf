"""TensorBoard and Weights & Biases, where a recipe asks for them: numbers at each step, dev samples as text.

They get what `metrics.jsonl` gets and the settings of [train]; neither paths nor the machine's environment, which may
hold secrets. Where and as whom Weights & Biases reports is its own matter: `wandb login`, WANDB_MODE, WANDB_PROJECT.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from handful.core.errors import DataError
from handful.core.optional import need
from handful.recipe.training import Train

LIBRARY = {
    "tensorboard": "tensorboardX",
    "wandb": "wandb",
}  # tensorboardX writes without TensorBoard's own 30 MB
PROJECT = "handful"


class Tracker(Protocol):
    def log(self, step: int, numbers: Mapping[str, float]) -> None: ...

    def texts(self, step: int, texts: Mapping[str, str]) -> None:
        """What a model answered after `step`, by prompt."""

    def close(self) -> None: ...


def check(names: Sequence[str]) -> None:
    """Raise MissingExtra unless each tracker is installed."""
    for name in names:
        need(LIBRARY[name], f'train.track = ["{name}"]')


def open_trackers(params: Train, metrics: Path, run: str, step: int, closing: ExitStack) -> list[Tracker]:
    """Those that the recipe asks for, going on after `step`.

    Args:
        metrics: their files go beside it, into a folder of its name.
        run: the same for all processes of one training.
        closing: closes them at its end.
    """
    check(params.track)
    opened: list[Tracker] = []
    for name in dict.fromkeys(params.track):
        opened.append(KINDS[name](params, metrics.with_suffix(""), run, step))
        closing.callback(opened[-1].close)
    return opened


class TensorBoard:
    """Event files in `work/metrics/train-KEY/`: `tensorboard --logdir work/metrics` shows all trainings."""

    def __init__(self, params: Train, folder: Path, run: str, step: int) -> None:
        from tensorboardX import SummaryWriter

        if step == 0:
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
        purge = step + 1 if step else None  # what was shown of later steps is hidden: they are taken again
        # Its files are named by the second; one that went on within that of the last would overwrite it.
        self.writer = SummaryWriter(str(folder), purge_step=purge, filename_suffix=f".{step:09d}")
        if step == 0:
            settings = "\n".join(f"    {name} = {value}" for name, value in shown(params).items())
            self.writer.add_text("settings", settings, 0)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)

    def texts(self, step: int, texts: Mapping[str, str]) -> None:
        for prompt, text in texts.items():
            self.writer.add_text(f"samples/{prompt}", text, step)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


class Wandb:
    """A run named after the folder, in the project "handful" unless WANDB_PROJECT says otherwise."""

    def __init__(self, params: Train, folder: Path, run: str, step: int) -> None:
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            disable_git=True,
            disable_code=True,
            console="off",  # the terminal's text may name paths
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
            silent=True,
        )
        try:
            self.run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name=os.environ.get("WANDB_NAME", folder.name),
                id=run,
                resume="allow",
                dir=folder,
                config=shown(params),
                settings=settings,
            )
        except wandb.Error as error:
            raise DataError(
                f'train.track = ["wandb"]: {error} To keep the run on this machine, set WANDB_MODE=offline'
            ) from error
        if not self.run.offline:
            print(f"  watch it at {self.run.url}", file=sys.stderr, flush=True)
        self.table = wandb.Table
        # Our step is an axis of its own: theirs never goes back, and a training that goes on takes some steps again.
        self.run.define_metric("step")
        self.run.define_metric("*", step_metric="step")

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        self.run.log({**numbers, "step": step})

    def texts(self, step: int, texts: Mapping[str, str]) -> None:
        if texts:
            rows = [[step, prompt, text] for prompt, text in texts.items()]
            self.run.log({"samples": self.table(["step", "prompt", "text"], rows), "step": step})

    def close(self) -> None:
        self.run.finish()


KINDS: dict[str, Callable[[Train, Path, str, int], Tracker]] = {"tensorboard": TensorBoard, "wandb": Wandb}


def shown(params: Train) -> dict[str, Any]:
    """The settings as trackers may show them."""
    return {**asdict(params), "model": model_name(params), "track": list(params.track)}


def model_name(params: Train) -> str:
    """The model's name; of a folder only its own, since where it lies is nobody's business."""
    return Path(params.model).expanduser().resolve().name if params.model.is_folder else str(params.model)
