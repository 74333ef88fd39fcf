"""What a training did and how fast: `work/metrics/train-KEY.jsonl`, a line a step and a line an evaluation.

Beside the stage's folder and not in it, since a folder holds nothing that tells the time. The lines that decide
anything are the folder's own `steps.jsonl` and `epochs.jsonl`; these are for watching, and no stage reads them.
Only the first of several processes keeps them. TensorBoard and Weights & Biases see the same: see trackers.
"""

from __future__ import annotations

import math
import resource
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import torch

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.recipe.training import Train
from handful.run.store import PARTIAL
from handful.train.dev import DevSample, Epoch
from handful.train.loop import Step
from handful.train.rate import flops_per_token, peak_rate
from handful.train.trackers import Tracker, model_name, open_trackers

METRICS = "metrics"


class Start(msgspec.Struct, frozen=True, tag="start", tag_field="kind"):
    """Where a process began: the training, or what another process had left of it."""

    run: str
    """Eight hex digits, made at random where a training starts and kept by what goes on with it."""
    step: int
    """Steps taken before."""
    model: str
    device: str
    """The GPU's name, or "cpu"."""
    processes: int
    threads: int
    precision: str
    """Of the arithmetic."""
    flops_per_token: float
    """Of forward and backward, at the mean length of the examples."""
    peak_rate: float
    """FLOP/s of one process at best, what MFU divides by: a known GPU's data sheet, or measured now."""


class StepLine(msgspec.Struct, frozen=True, tag="step", tag_field="kind"):
    step: int
    epoch: int
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: int
    """Of the examples, all processes together: nothing is padded."""
    seconds: float
    """Of this step."""
    tokens_per_second: float
    mfu: float
    """Model FLOP/s over the peak rate. The head counts as if it ran on every token, as is usual; it runs on the
    labelled ones."""
    peak_memory: int
    """Bytes, of this process so far: allocated on the GPU, or resident where there is none."""
    device: str
    elapsed: float
    """Seconds since the training began, with saving and evaluating, in all the processes that had a part in it."""


class Evaluation(msgspec.Struct, frozen=True, tag="evaluation", tag_field="kind"):
    epoch: int
    step: int
    dev_loss: float | None
    perplexity: float | None
    """exp(dev_loss). The paper found that it rises while answers get better (Appendix B)."""
    dropout_loss: float | None
    """Of epoch 0: see epochs.jsonl."""
    eot_rate: float | None
    """Share of the dev samples that end by themselves; None where none were asked for."""
    elapsed: float


Line = Start | StepLine | Evaluation


@dataclass(slots=True)
class Watch:
    """Takes what a training tells, writes it down, and passes it on to the trackers."""

    file: Path
    start: Start
    before: float
    """Seconds that earlier processes took."""
    trackers: Sequence[Tracker] = ()
    began: float = field(default_factory=time.perf_counter)

    @property
    def elapsed(self) -> float:
        return self.before + time.perf_counter() - self.began

    def step(self, record: Step, seconds: float) -> str:
        """Write a step down. Returns a note of it for the progress line."""
        speed = record.tokens / seconds
        mfu = speed * self.start.flops_per_token / (self.start.peak_rate * self.start.processes)
        line = StepLine(
            **msgspec.structs.asdict(record),
            seconds=round(seconds, 4),
            tokens_per_second=round(speed, 1),
            mfu=round(mfu, 4),
            peak_memory=peak_memory(),
            device=self.start.device,
            elapsed=round(self.elapsed, 2),
        )
        append(self.file, line)
        for tracker in self.trackers:
            tracker.log(record.step, numbers(line))
        return f"loss {record.loss:.2f}, {speed:,.0f} tok/s, MFU {mfu:.0%}"

    def evaluation(self, record: Epoch, samples: Sequence[DevSample]) -> None:
        """Write down how the model does after an epoch; 0 is before the first."""
        loss = record.dev_loss
        line = Evaluation(
            epoch=record.epoch,
            step=record.step,
            dev_loss=loss,
            perplexity=None if loss is None else math.exp(min(loss, 700.0)),
            dropout_loss=record.dropout_loss,
            eot_rate=sum(s.finish == "eot" for s in samples) / len(samples) if samples else None,
            elapsed=round(self.elapsed, 2),
        )
        append(self.file, line)
        for tracker in self.trackers:
            tracker.log(record.step, numbers(line))
            tracker.texts(record.step, {sample.prompt_id: sample.text for sample in samples})

    def summary(self) -> str:
        """The whole training in a line, whatever number of processes it took."""
        steps = [line for line in recovered(self.file) if isinstance(line, StepLine)]
        if not steps:
            return "trained; its metrics are gone"
        seconds = sum(line.seconds for line in steps)
        tokens = sum(line.tokens for line in steps)
        mfu = sum(line.mfu * line.seconds for line in steps) / seconds
        peak = max(line.peak_memory for line in steps) / 1e9
        rate = self.start.peak_rate / 1e9
        return (
            f"trained on {tokens:,} tokens in {timedelta(seconds=round(self.elapsed))}: {tokens / seconds:,.0f} tok/s, "
            f"MFU {mfu:.0%} of {rate:,.0f} GFLOP/s, peak memory {peak:,.1f} GB"
        )


@contextmanager
def watching(
    params: Train,
    model: Any,
    dtype: torch.dtype,
    lengths: Sequence[int],
    out: Path,
    step: int,
    epochs_done: int,
    processes: int = 1,
) -> Iterator[Watch]:
    """A watch over a training that starts at `step`; what was written down after it is forgotten.

    Args:
        lengths: of the training examples, in tokens.
        step: taken before, 0 at the start of a training.
        epochs_done: with their evaluation.
        processes: that share each step.
    """
    file = metrics_file(out)
    earlier = cut_back(file, step, epochs_done) if step else []
    device = next(model.parameters()).device
    start = Start(
        run=next((line.run for line in earlier if isinstance(line, Start)), secrets.token_hex(4)),
        step=step,
        model=model_name(params),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        processes=processes,
        threads=torch.get_num_threads(),
        precision=str(dtype).removeprefix("torch."),
        flops_per_token=flops_per_token(model, lengths),
        peak_rate=peak_rate(device.type, dtype),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, b"".join(map(jsonl.dumps, [*earlier, start])))
    before = next((line.elapsed for line in reversed(earlier) if not isinstance(line, Start)), 0.0)
    with ExitStack() as closing:
        watch = Watch(file, start, before, open_trackers(params, file, start.run, step, closing))
        yield watch
    print(f"  {watch.summary()}", file=sys.stderr, flush=True)


def metrics_file(out: Path) -> Path:
    """Where the metrics of a stage's folder lie, whether it has its final name yet or not."""
    return out.parent / METRICS / f"{out.name.removesuffix(PARTIAL)}.jsonl"


def cut_back(file: Path, step: int, epochs_done: int) -> list[Line]:
    """What was written down up to `step`. What cannot be read is given up, and said so: nothing depends on it."""
    try:
        lines = recovered(file)
    except DataError as error:
        print(f"  {error}; the metrics begin anew", file=sys.stderr, flush=True)
        return []
    return [line for line in lines if is_before(line, step, epochs_done)]


def is_before(line: Line, step: int, epochs_done: int) -> bool:
    return line.epoch <= epochs_done if isinstance(line, Evaluation) else line.step <= step


def recovered(file: Path) -> list[Line]:
    kind: Any = Line
    return list(jsonl.recover(file, kind))


def append(file: Path, line: Line) -> None:
    """Add a line, without waiting for the disk: after a power cut the last few may be missing."""
    file.parent.mkdir(parents=True, exist_ok=True)  # whoever tidies up there does not stop a training
    with file.open("ab") as handle:
        handle.write(jsonl.dumps(line))


def numbers(line: StepLine | Evaluation) -> dict[str, float]:
    """What a tracker draws: "train/loss", "dev/perplexity" and so on."""
    group = "train" if isinstance(line, StepLine) else "dev"
    return {
        f"{group}/{name}": float(value)
        for name, value in msgspec.structs.asdict(line).items()
        if isinstance(value, int | float) and name not in ("step", "elapsed")
    }


def peak_memory() -> int:
    """Bytes, since this process began."""
    if torch.cuda.is_available() and torch.cuda.memory_reserved():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
