"""The course of a training in the terminal: a line an epoch, and how long it took where that is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from handful.cli.readable import columns, plain
from handful.core.errors import DataError
from handful.recipe.training import Train

HEAD = ("epoch", "step", "train loss", "grad norm", "dev loss", "perplexity", "ends by itself")
DROPOUT = ("dropout_loss", "dropout_plain", "dropout_spread", "dropout_draws", "dropout_tokens")
METRICS = "metrics"
"""The folder beside the stages' own where `train` tells how fast it was."""

Record = Mapping[str, Any]


def course_lines(folder: Path, params: Record, indent: int = 2) -> list[str]:
    """What `steps.jsonl`, `epochs.jsonl` and `dev_samples.jsonl` tell, as a table, with the settings and the speed."""
    table = course(folder)
    rows = [(*(shown(row[name], form) for name, form in FORMS.items()), answers(row)) for row in table]
    lines = columns([HEAD, *rows], indent)
    lines += [f"{' ' * indent}{with_dropout(row)}" for row in table if row["dropout_loss"] is not None]
    return [
        f"{' ' * indent}{own_settings(params)}",
        *lines,
        *(f"{' ' * indent}{line}" for line in speed(folder)),
    ]


def with_dropout(row: Record) -> str:
    """What residual dropout did to the untrained model's loss; older trainings took it once."""
    text = f"before training, with residual dropout on: loss {row['dropout_loss']:.3f}"
    if not row["dropout_draws"]:
        return text
    return (
        f"{text} (mean of {row['dropout_draws']} draws, standard deviation {row['dropout_spread']:.3f}), "
        f"without {row['dropout_plain']:.3f}, over the same {row['dropout_tokens']:,} tokens"
    )


FORMS = {
    "epoch": "d",
    "step": ",d",
    "train_loss": ".3f",
    "grad_norm": ".2f",
    "dev_loss": ".3f",
    "perplexity": ",.2f",
}


def own_settings(params: Record) -> str:
    """The settings of [train] that are not the defaults: what two trainings of one work folder differ in."""
    default = {field.name: field.default for field in fields(Train)}
    differing = {name: value for name, value in params.items() if name in default and value != default[name]}
    model = differing.get("model", "")
    name = model["input"] if isinstance(model, Mapping) else model
    return ", ".join(f"{key} {plain(value)}" for key, value in {**differing, "model": name}.items())


def course(folder: Path) -> list[dict[str, Any]]:
    """A record an epoch, 0 being the model before training.

    `train_loss` and `grad_norm` are means over the epoch's steps, taken with dropout on while the weights moved: the
    loss may lie above the dev loss for that alone.
    """
    steps, samples = list(read(folder / "steps.jsonl")), list(read(folder / "dev_samples.jsonl"))
    table = []
    for epoch in read(folder / "epochs.jsonl"):
        number, dev_loss = epoch["epoch"], epoch["dev_loss"]
        own = [step for step in steps if step["epoch"] == number]
        said = [sample["finish"] == "eot" for sample in samples if sample["epoch"] == number]
        table.append(
            {
                "epoch": number,
                "step": epoch["step"],
                "train_loss": mean([step["loss"] for step in own]),
                "grad_norm": mean([step["grad_norm"] for step in own]),
                "dev_loss": dev_loss,
                "perplexity": None if dev_loss is None else math.exp(min(dev_loss, 700.0)),
                "samples": len(said),
                "eot": sum(said),
                **{name: epoch.get(name) for name in DROPOUT},
            }
        )
    return table


def speed(folder: Path) -> list[str]:
    """How long it took and how fast, from the metrics beside the folder; nothing where they are gone or unreadable."""
    file = folder.absolute().parent / METRICS / f"{folder.absolute().name}.jsonl"
    try:
        steps = [line for line in read(file) if line["kind"] == "step"]
        seconds = sum(step["seconds"] for step in steps)
        tokens = sum(step["tokens"] for step in steps)
        mfu = sum(step["mfu"] * step["seconds"] for step in steps) / seconds
        peak = max(step["peak_memory"] for step in steps) / 1e9
        took = timedelta(seconds=round(steps[-1]["elapsed"]))
    except (OSError, DataError, KeyError, ValueError, ZeroDivisionError):
        return []
    return [
        f"{took} on {steps[-1]['device']}: {tokens:,} tokens, {tokens / seconds:,.0f} tok/s, MFU {mfu:.0%}, "
        f"peak memory {peak:,.1f} GB"
    ]


def answers(row: Record) -> str:
    return f"{row['eot']} of {row['samples']}" if row["samples"] else ""


def shown(value: Any, form: str) -> str:
    return "" if value is None else format(value, form)


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def read(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file as plain values. Raises DataError, with the line, where one cannot be read."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise DataError(f"{file}:{number}: {error}") from error
