"""The stage's work: train on a dataset's folder. What it does is in course; here only the libraries are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.optional import need
from handful.core.types import Dropped, Example
from handful.recipe.training import Train
from handful.train.trackers import check

TAIL = "too_many_tokens"
"""The rule of `truncated.jsonl` that an example lost its tail by; others were left out."""


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
    counted = trained(params, inputs["dataset"], out)
    return counted | tails(inputs["dataset"], out) if counted else {}


def trained(params: Train, dataset: Path, out: Path) -> dict[str, Any]:
    """Train in this process or in several; nothing is counted by those that only help."""
    from handful.run import torchrun
    from handful.train import launch

    if torchrun.size() > 1:
        return launch.run_as_told(params, dataset, out)
    size = launch.processes(params)
    if size > 1:
        return launch.run_many(params, dataset, out, size)
    from handful.train.course import run

    return run(params, dataset, out)


def tails(dataset: Path, out: Path) -> dict[str, int]:
    """How many examples lost their tail, of train and of dev: only the first were trained on."""
    dev = {example.id for example in jsonl.read(dataset / "dev.jsonl", Example)}
    cut = [line.id in dev for line in jsonl.read(out / "truncated.jsonl", Dropped) if line.rule == TAIL]
    return {"truncated_train": cut.count(False), "truncated_dev": cut.count(True)}
