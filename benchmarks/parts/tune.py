"""One side of the training benchmarks in a process of its own: a few optimizer steps over the rows of a file.

    python -m parts.tune SIDE rows.jsonl [--batch N] [--micro N] [--steps N] [--device cpu] [--profile]

SIDE is `ours`, `trl`, `trl_best`, `hf` or `hf_best`. The first step warms up and is not counted. All sides see the same
rows in the same order, with the same optimizer, rate and clipping; only TRL's packing puts them in an order of its own.
The last line is JSON: seconds, tokens and losses of each step.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from handful.models.load import cpu_has_bfloat16, fast_float32, load_model, load_tokenizer, quietly
from handful.recipe.training import Train
from parts import lima_rows
from parts.arithmetic import clock, model_flops, product_rate

RATES = (1e-5, 1e-6)


@dataclass(slots=True)
class Course:
    """What a side did after its warm-up."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of the processor."""
    tokens: list[int] = field(default_factory=list)
    """Not padding."""
    losses: list[float] = field(default_factory=list)
    """From the first step on."""
    flops: float = 0.0
    """Of the counted steps."""
    product_flops: float = 0.0
    """What the machine gives a second, measured here, in the type computed in."""
    device_mb: float = 0.0
    """The most that was in use on the GPU; 0 without one."""
    settings: str = ""


def ours(options: argparse.Namespace, rows: list[dict[str, Any]]) -> Course:
    """Our loop: float32 master weights, packs inside each batch. Under torchrun, all its processes together."""
    from handful.train.distributed import ALONE, met

    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return our_steps(options, rows, ALONE)
    with met(options.device, int(os.environ["RANK"]), size, int(os.environ["LOCAL_RANK"])) as together:
        return our_steps(options, rows, together)


def our_steps(options: argparse.Namespace, rows: list[dict[str, Any]], together: Any) -> Course:
    from handful.train.course import prepare
    from handful.train.loop import steps
    from handful.train.masking import Document
    from handful.train.schedule import Batch, learning_rate

    params = Train(
        model=options.model,
        batch_size=options.batch,
        pack_tokens=options.pack,
        precision=options.precision,
        residual_dropout=options.dropout,
        device=options.device,
    )
    model = load_model(options.model, options.device if together.size == 1 else "cpu", torch.float32)
    trainee = prepare(params, model, model.config.eos_token_id, None, together)
    documents = [
        Document(str(place), "bench", tuple(row["ids"]), targets(row), sum(row["spoken"]))
        for place, row in enumerate(rows)
    ]
    total, size = options.steps + 1, options.batch
    plan = [
        Batch(n + 1, 1, tuple(range(n * size, (n + 1) * size)), learning_rate(n + 1, total, *RATES), False)
        for n in range(total)
    ]
    course = Course(settings=f"packs of {options.pack}, {trainee.dtype}, dropout {options.dropout}")
    watch = Watch(course, options.device)
    with profiled(options):
        for record in steps(trainee, documents, plan, params):
            watch.step(record.tokens, record.loss)
    return finish(course, model, rows, options, trainee.dtype)


def targets(row: dict[str, Any]) -> tuple[int, ...]:
    """Shifted by one, as Document wants them."""
    following = zip(row["ids"][1:], row["spoken"][1:], strict=True)
    return (*(token if spoken else -1 for token, spoken in following), -1)


@dataclass(slots=True)
class Watch:
    """Stops the time after each step; the first gives the start."""

    course: Course
    device: str
    wall: float = -1.0
    cpu: float = 0.0

    def step(self, tokens: int, loss: float | None = None) -> None:
        wall, cpu = clock(self.device), time.process_time()
        if self.wall >= 0:
            self.course.seconds.append(wall - self.wall)
            self.course.cpu.append(cpu - self.cpu)
            self.course.tokens.append(tokens)
        if loss is not None:
            self.course.losses.append(loss)
        self.wall, self.cpu = wall, cpu


def peer(options: argparse.Namespace, rows: list[dict[str, Any]]) -> Course:
    """The Trainer of transformers, or TRL's, at its defaults or at its best here."""
    from datasets import Dataset

    best = options.side.endswith("_best")
    if best and options.device == "cpu":
        fast_float32()
    tokenizer, model = load_tokenizer(options.model), load_model(options.model, options.device, torch.float32)
    if options.side.startswith("trl"):
        columns = {
            "input_ids": [row["ids"] for row in rows],
            "completion_mask": [list(map(int, row["spoken"])) for row in rows],
        }
        build = trl_trainer
    else:
        labels = [[i if s else -100 for i, s in zip(row["ids"], row["spoken"], strict=True)] for row in rows]
        columns = {"input_ids": [row["ids"] for row in rows], "labels": labels}
        build = hf_trainer
    course = Course()
    with tempfile.TemporaryDirectory() as folder, quietly():
        trainer = build(options, best, model, tokenizer, Dataset.from_dict(columns), folder)
        watch(trainer, course, options.device)
        with profiled(options):
            trainer.train()
    course.losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    args = trainer.args
    course.settings = (
        f"bf16 {args.bf16}, gradient checkpointing {args.gradient_checkpointing}, "
        f"{args.per_device_train_batch_size} rows a pass, "
        f"{args.gradient_accumulation_steps} passes a step, "
        f"{model.config._attn_implementation}, {torch.get_float32_matmul_precision()}"
    )
    return finish(course, model, rows, options, torch.bfloat16 if args.bf16 else torch.float32)


def common(options: argparse.Namespace, folder: str) -> dict[str, Any]:
    """What all trainers are told, so that they do the same work. None of it costs or saves them time."""
    return {
        "output_dir": folder,
        "max_steps": options.steps + 1,
        "per_device_train_batch_size": options.micro,
        "gradient_accumulation_steps": options.batch // options.micro,
        "learning_rate": RATES[0],
        "lr_scheduler_type": "polynomial",
        "lr_scheduler_kwargs": {"lr_end": RATES[1], "power": 1.0},
        "adam_beta2": 0.95,
        "weight_decay": 0.1,
        "max_grad_norm": 1.0,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": options.device == "cpu",
    }


def multiplies_bfloat16(device: str) -> bool:
    """Whether bfloat16 is the faster: an older CPU only imitates it."""
    return device != "cpu" or cpu_has_bfloat16()


def hf_trainer(
    options: argparse.Namespace, best: bool, model: Any, tokenizer: Any, data: Any, folder: str
) -> Any:
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    faster = {"bf16": multiplies_bfloat16(options.device)} if best else {}
    return Trainer(
        model,
        TrainingArguments(**common(options, folder), **faster),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        train_dataset=data,
    )


def trl_trainer(
    options: argparse.Namespace, best: bool, model: Any, tokenizer: Any, data: Any, folder: str
) -> Any:
    """At its best: packs (best fit decreasing) of 2,048 tokens, as many a step as hold one batch's tokens."""
    from trl import SFTConfig, SFTTrainer

    settings = common(options, folder) | {"max_length": options.max_tokens, "completion_only_loss": True}
    if best:
        tokens = sum(map(len, data["input_ids"]))
        packs = math.ceil(tokens / options.max_tokens / (options.steps + 1))
        settings |= {
            "packing": True,
            "bf16": multiplies_bfloat16(options.device),
            "gradient_checkpointing": False,
            "per_device_train_batch_size": 1,
            "gradient_accumulation_steps": packs,
        }
        if options.attention:
            model.set_attn_implementation(options.attention)
    return SFTTrainer(model, args=SFTConfig(**settings), train_dataset=data, processing_class=tokenizer)


def watch(trainer: Any, course: Course, device: str) -> None:
    """Count the tokens that go through the trainer, and the time of each step."""
    from transformers import TrainerCallback

    watch, seen, train = Watch(course, device), [0], trainer.training_step

    def training_step(model: Any, inputs: dict[str, Any], *others: Any) -> Any:
        mask = inputs.get("attention_mask")
        seen[0] += inputs["input_ids"].numel() if mask is None else int(mask.sum())
        return train(model, inputs, *others)

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *args: Any, **others: Any) -> None:
            watch.step(seen[0])
            seen[0] = 0

    trainer.training_step = training_step
    trainer.add_callback(Clock)


def finish(
    course: Course, model: Any, rows: list[dict[str, Any]], options: argparse.Namespace, dtype: torch.dtype
) -> Course:
    """Add the floating-point operations: packs of TRL's may hold other rows, so by the mean of all."""
    lengths = [len(row["ids"]) for row in rows[options.batch :]]
    course.flops = model_flops(model, lengths) * sum(course.tokens) / sum(lengths)
    if options.device != "cpu":
        course.device_mb = torch.cuda.max_memory_allocated() / 1e6
    course.product_flops = product_rate(options.device, dtype)
    return course


class profiled:
    """Prints where the time goes, with --profile: the operations by their own time."""

    def __init__(self, options: argparse.Namespace) -> None:
        activities = [torch.profiler.ProfilerActivity.CPU]
        if options.device != "cpu":
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        self.key = "self_cpu_time_total" if options.device == "cpu" else "self_device_time_total"
        self.profile = torch.profiler.profile(activities=activities) if options.profile else None

    def __enter__(self) -> None:
        if self.profile:
            self.profile.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self.profile:
            self.profile.__exit__(*error)
            print(self.profile.key_averages().table(sort_by=self.key, row_limit=25, max_name_column_width=40))


SIDES: dict[str, Callable[[argparse.Namespace, list[dict[str, Any]]], Course]] = {
    "ours": ours,
    "trl": peer,
    "trl_best": peer,
    "hf": peer,
    "hf_best": peer,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("side", choices=SIDES)
    arguments.add_argument("rows", type=Path)
    arguments.add_argument("--model", default="smollm2-135m-instruct")
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--threads", type=int, default=0, help="0: torch's default")
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--micro", type=int, default=4, help="rows a pass of the peers that do not pack")
    arguments.add_argument("--pack", type=int, default=2048, help="tokens a pass of ours")
    arguments.add_argument("--max-tokens", type=int, default=2048)
    arguments.add_argument("--steps", type=int, default=2, help="counted, after one to warm up")
    arguments.add_argument("--precision", default="auto")
    arguments.add_argument("--dropout", type=float, default=0.0, help="of ours")
    arguments.add_argument("--attention", default="", help="of TRL at its best, as transformers names it")
    arguments.add_argument("--profile", action="store_true")
    options = arguments.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    course = SIDES[options.side](options, lima_rows.read(options.rows))
    if os.environ.get("RANK", "0") == "0":
        print(json.dumps(asdict(course)))


if __name__ == "__main__":
    main()
