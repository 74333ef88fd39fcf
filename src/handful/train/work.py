"""The stage's work: train on a dataset's folder. What it does is in course; here only the libraries are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.core.optional import need
from handful.recipe.training import Train
from handful.train.trackers import check


def work(params: Train, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill `out` with a checkpoint an epoch and the records of the training; see docs/artifacts.md.

    Raises:
        DataError: nothing to train on, a model that cannot be trained here, a loss that is not finite, a full disk,
            too little memory.
        HandfulError: one of several processes was lost.
        MissingModel: `params.model` is not on this machine.
    """
    for library in ("torch", "transformers"):
        need(library, "training")
    if params.lora_rank > 0:
        need("peft", "train.lora_rank")
    check(params.track)
    from handful.run import torchrun
    from handful.train import launch

    if torchrun.size() > 1:
        return launch.run_as_told(params, inputs["dataset"], out)
    size = launch.processes(params)
    if size > 1:
        return launch.run_many(params, inputs["dataset"], out, size)
    from handful.train.course import run

    return run(params, inputs["dataset"], out)
