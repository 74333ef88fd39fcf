"""What `plan` says about the train step: the estimate in words, or as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from handful.core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.run.execute import Step
    from handful.train.devices import Device
    from handful.train.estimate import Estimate, Model
    from handful.train.workload import Workload

Forecast = dict[str, Any]


def forecast(
    steps: Sequence[Step], recipe: Any, asked: Sequence[str], parameters: str, measure: bool
) -> tuple[Forecast, list[str]] | None:
    """The estimate of the plan's train step as JSON and as lines; None where the plan has none.

    Args:
        asked: devices, as "8xH200"; none means this machine.
        parameters: of a model that is not on this machine; "" where that is not needed.
        measure: count tokens with the model's tokenizer, and measure this machine's rate. Imports torch.

    Raises:
        RecipeError: a device or a number that cannot be read.
    """
    step = next((step for step in steps if step.stage.name == "train"), None)
    if step is None:
        return None
    from handful.cli.doubts import doubts

    told, lines, examples = estimated(step, steps, recipe, asked, parameters, measure)
    warnings = [*doubts(step, examples), *in_the_choice(steps, recipe)]
    return {**told, "doubts": warnings}, lines + [f"warning: {line}" for line in warnings]


def in_the_choice(steps: Sequence[Step], recipe: Any) -> list[str]:
    """What is doubted about how the epoch will be chosen."""
    from handful.choose.measure import few_answers

    to_do = any(step.stage.name == "choose" and not step.done for step in steps)
    return [few] if to_do and (few := few_answers(recipe)) else []


def check_comparisons(steps: Sequence[Step], recipe: Any) -> None:
    """Settle whom the study compares before anything runs, not when hours of training are over.

    Raises:
        DataError: as `design.pairs`.
    """
    from handful.study.design import PAIRS, pairs

    asked = recipe.study
    if any(step.stage.name == "study" for step in steps) and any(task in PAIRS for task in asked.tasks):
        pairs(list(recipe.generate.systems), asked.subject, asked.against)


def estimated(
    step: Step, steps: Sequence[Step], recipe: Any, asked: Sequence[str], parameters: str, measure: bool
) -> tuple[Forecast, list[str], int | None]:
    """The estimate as JSON and as lines, and how many examples there are, where that is known."""
    from handful.train import devices, estimate

    machines = [devices.parse(text) for text in asked] or [devices.this_machine(step.params.device)]
    given = estimate.number(parameters) if parameters else 0
    workload = workload_of(steps, step, recipe, measure)
    examples = len(workload.lengths) if workload else 0
    try:
        model = estimate.model_of(step.params.model, given)
    except DataError as error:
        return *unknown(step, str(error)), examples
    if measure:
        machines = [(count, measured(device, step.params.precision)) for count, device in machines]
    if model is None:
        why = f"{step.params.model}: not on this machine, and of unknown size: give --parameters"
        return *unknown(step, why), examples
    if workload is None:
        return *unknown(step, "its dataset has no examples"), None
    if not workload.lengths:
        return *unknown(step, "the recipe has no quotas, so nothing is known before `dataset` is done"), None
    found = [estimate.estimate(step.params, model.shape, workload, n, device) for n, device in machines]
    return as_json(step, model, workload, found), in_words(step, model, workload, found), examples


def workload_of(steps: Sequence[Step], step: Step, recipe: Any, measure: bool) -> Workload | None:
    """Counted, or estimated from the dataset where that is done, or from the recipe."""
    from handful.train import workload

    dataset = next((other for other in steps if other.stage.name == "dataset"), None)
    if dataset is None or not dataset.done:
        return workload.planned(step.params, recipe.select, recipe.sources)
    if measure:
        from handful.models.load import load_tokenizer

        return workload.counted(step.params, dataset.folder, load_tokenizer(step.params.model))
    return workload.drawn(step.params, dataset.folder)


def measured(device: Device, precision: str) -> Device:
    """The device with this machine's rate, where it is this machine's CPU."""
    if device.kind != "cpu":
        return device
    from dataclasses import replace

    import torch

    from handful.models.load import compute_dtype, fast_float32
    from handful.train.rate import matrix_rate

    cores = int(device.name.partition(":")[2])
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    fast_float32()
    rate = matrix_rate("cpu", compute_dtype(precision, "cpu"))
    torch.set_num_threads(before)
    return replace(device, rate=rate, measured=True)


def unknown(step: Step, why: str) -> tuple[Forecast, list[str]]:
    return {"model": step.params.model, "unknown": why}, ["", f"{step.label}: cannot be estimated: {why}"]


def as_json(step: Step, model: Model, workload: Workload, found: Sequence[Estimate]) -> Forecast:
    return {
        "model": step.params.model,
        "parameters": model.shape.parameters,
        "model_known_by": model.how,
        "examples": len(workload.lengths),
        "tokens_an_epoch": workload.tokens,
        "tokens_exact": workload.exact,
        "tokens_known_by": workload.how,
        "machines": [
            {
                **asdict(one),
                "memory_bytes": one.memory_bytes,
                "fits": one.fits,
                "mfu_assumed": one.device.kind == "cuda",
            }
            for one in found
        ],
    }


HELD = "more is held from step to step while the machine has it to spare: up to 1.6 times as much was seen"
"""Where texts have many lengths (train/heap.py)."""


def in_words(step: Step, model: Model, workload: Workload, found: Sequence[Estimate]) -> list[str]:
    params, any_one = step.params, found[0]
    batches = -(-len(workload.lengths) // params.batch_size)
    lines = [
        "",
        f"{step.label}, estimated (every term: --json):",
        row("model", f"{params.model}: {model.shape.parameters:,} parameters, by {model.how}"),
        row("examples", f"{len(workload.lengths):,} of {workload.tokens:,} tokens, {workload.how}"),
        row(
            "steps",
            f"{any_one.steps:,}, {batches:,} an epoch, {any_one.epochs:.3g} epochs; {any_one.tokens:,} tokens",
        ),
        row("compute", f"{any_one.flops:.3g} model FLOPs"),
        row("disk", f"{size(any_one.disk_bytes)}: {any_one.disk}"),
    ]
    for one in found:
        lines += on_machine(one, params.gradient_checkpointing)
    return lines


def on_machine(one: Estimate, checkpointing: bool) -> list[str]:
    name = f"{one.devices}x{one.device.name}" if one.device.kind == "cuda" else one.device.name
    how = (
        "measured now"
        if one.device.measured
        else "the maker's figure"
        if one.device.kind == "cuda"
        else "default"
    )
    share = f"MFU {one.mfu:.0%}, {'assumed' if one.device.kind == 'cuda' else 'as measured on CPUs'}"
    busy = f", devices busy {one.busy:.0%} of it" if one.busy < 0.995 else ""
    wait = (
        f", of it {duration(one.communication_seconds)} waiting for weights"
        if one.communication_seconds
        else ""
    )
    has = f" of {size(one.device.memory)}" if one.device.memory else ""
    parts = sorted(
        (term for term in one.terms if abs(term.bytes) >= 0.01 * one.memory_bytes), key=lambda t: -t.bytes
    )
    lines = [
        f"  on {name}",
        row(
            "  time",
            f"{duration(one.seconds)} of steps; loading, evaluating and saving come on top "
            f"({one.device.rate / 1e12:,.4g} TFLOP/s each, {how}; {share}{busy}{wait})",
        ),
        row("  memory", f"{size(one.memory_bytes)}{has} a device: {'fits' if one.fits else 'DOES NOT FIT'}"),
        row("", ", ".join(f"{term.name} {size(term.bytes)}" for term in parts)),
    ]
    if one.device.kind == "cpu" and not checkpointing:
        lines.append(row("", HELD))
    if one.host_bytes:
        lines.append(
            row("", f"the first machine's own memory, to load the base model: {size(one.host_bytes)}")
        )
    lines += [row("  instead" if not place else "", text) for place, text in enumerate(one.advice)]
    return lines


def row(name: str, text: str) -> str:
    return f"  {name:<10} {text}"


def size(count: float) -> str:
    return f"{count / 1e9:,.0f} GB" if abs(count) >= 1e11 else f"{count / 1e9:,.1f} GB"


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60:02d} min"
