"""What a training will take, before anything runs: steps, tokens, time, memory and disk, on this machine or another.

Arithmetic on the recipe, the model's `config.json` and the dataset's lengths; imports no torch, and needs neither the
model's weights nor the dataset. Every number that rests on an assumption says so.

Not counted: loading, evaluation after each epoch, saving. Memory is the most of one device, term by term: see memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from handful.core.errors import RecipeError
from handful.recipe.training import Train
from handful.train.devices import A_MACHINE, NETWORK, Device
from handful.train.flops import Shape, shape_of, training_flops, with_parameters
from handful.train.known import KNOWN, config_of
from handful.train.memory import Pass, Term, peak, total, trained_parameters
from handful.train.workload import Workload, batch_lengths, passes, rounds

MFU = {"cpu": 0.40, "cuda": 0.40}
"""Of the rate of large products. CPU: 36 to 48% measured, SmolLM2-135M on one and two cores. GPU: assumed."""

AGAIN = 4 / 3
"""Work with gradient checkpointing over work without: the forward pass is done twice."""
FROZEN = 2 / 3
"""Work with LoRA over work without: no gradients of the base's weights."""
MOST_DEVICES = 4096


@dataclass(frozen=True, slots=True)
class Model:
    shape: Shape
    how: str
    """How the shape is known, in words."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One training on one kind of machine. Bytes, seconds, FLOPs and tokens."""

    devices: int
    device: Device
    steps: int
    epochs: float
    tokens: int
    """Trained on, over all steps."""
    flops: float
    """Model FLOPs: what is computed twice counts once."""
    seconds: float
    mfu: float
    """Of a device that has work."""
    busy: float
    """Share of the time that a device has work: packs differ in length, and there may be fewer than devices."""
    communication_seconds: float
    """Of `seconds`, what moving weights and gradients adds to computing."""
    terms: list[Term]
    """Of the memory of one device."""
    host_bytes: float
    """Of the first machine's own memory, on GPUs: its first process loads the base model whole."""
    disk_bytes: float
    disk: str
    """What the disk holds, in words."""
    advice: list[str] = field(default_factory=list)
    """What to change where it does not fit."""

    @property
    def memory_bytes(self) -> float:
        return total(self.terms)

    @property
    def fits(self) -> bool:
        return not self.device.memory or self.memory_bytes <= self.device.memory


def model_of(name: str, parameters: int = 0) -> Model | None:
    """The shape of a model by reference; of an unknown one that has `parameters`, that of a like one; else None."""
    found = config_of(name)
    if found is not None:
        return Model(shape_of(found[0]), found[1])
    if parameters <= 0:
        return None
    near = min(KNOWN, key=lambda known: distance(known, parameters))
    return Model(
        with_parameters(shape_of(KNOWN[near]), parameters), f"shape assumed to be about that of {near}"
    )


def distance(known: str, parameters: int) -> float:
    size = shape_of(KNOWN[known]).parameters
    return max(size, parameters) / min(size, parameters)


def number(text: str) -> int:
    """ "65B", "135M" or "134515008" as a number. Raises RecipeError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmbt]?)", text.strip().replace(",", "").replace("_", ""), re.I)
    value = (
        float(found[1]) * {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}[found[2].lower()] if found else 0
    )
    if value < 1:
        raise RecipeError(f"--parameters {text}: is no number of parameters; write 7B, or 134515008")
    return round(value)


def estimate(params: Train, shape: Shape, workload: Workload, devices: int, device: Device) -> Estimate:
    """All figures of one training, and what to change where a device has too little memory."""
    found = unadvised(params, shape, workload, devices, device)
    return found if found.fits else replace(found, advice=advice(params, shape, workload, found))


def unadvised(params: Train, shape: Shape, workload: Workload, devices: int, device: Device) -> Estimate:
    batches = batch_lengths(workload, params)
    steps = min(len(batches) * params.epochs, params.max_steps or len(batches) * params.epochs)
    epochs = steps / len(batches)
    busy = workload.tokens / (devices * sum(passes(batch, params, devices) for batch in batches))
    flops = epochs * training_flops(shape, workload.lengths)
    extra = (AGAIN if params.gradient_checkpointing else 1) * (FROZEN if params.lora_rank else 1)
    computing = flops * extra / (devices * busy * device.rate * MFU[device.kind])
    moved = (
        epochs
        * sum(rounds(batch, params, devices) for batch in batches)
        * moving(shape, params, devices, device)
    )
    disk_bytes, disk = disk_of(shape, params, epochs)
    return Estimate(
        devices=devices,
        device=device,
        steps=steps,
        epochs=epochs,
        tokens=round(epochs * workload.tokens),
        flops=flops,
        seconds=max(computing, moved),
        mfu=MFU[device.kind],
        busy=busy,
        communication_seconds=max(0.0, moved - computing),
        terms=memory_of(params, shape, workload, devices, device),
        host_bytes=4.0 * shape.parameters if device.kind == "cuda" else 0.0,
        disk_bytes=disk_bytes,
        disk=disk,
    )


def memory_of(params: Train, shape: Shape, workload: Workload, devices: int, device: Device) -> list[Term]:
    bfloat16 = params.precision == "bfloat16" or (params.precision == "auto" and device.bfloat16)
    return peak(shape, params, largest_pass(workload, params, devices), device.kind, devices, bfloat16)


def largest_pass(workload: Workload, params: Train, devices: int) -> Pass:
    """The fullest pack that a device may get. All of its tokens may be labelled: a short prompt, a long response."""
    share = -(-max(sum(batch) for batch in batch_lengths(workload, params)) // devices)
    tokens = max(workload.longest(params), min(params.pack_tokens, share))
    lengths = [workload.longest(params), *sorted(workload.lengths, reverse=True)[1:]]
    return Pass(tokens, tokens, tuple(filled(lengths, tokens)))


def filled(longest: Sequence[int], tokens: int) -> Iterator[int]:
    """The longest examples first, until `tokens` are there; the last one in part."""
    for length in longest:
        if tokens <= 0:
            return
        yield min(length, tokens)
        tokens -= length


def moving(shape: Shape, params: Train, devices: int, device: Device) -> float:
    """Seconds that a round's weights and gradients take: put together twice, and gradients summed once, in float32.

    Overlaps with computing, so the longer of the two counts.
    """
    if devices == 1 or device.kind == "cpu":
        return 0.0
    sent = 4 * shape.parameters * 2 + 4 * trained_parameters(shape, params)
    return (
        sent * (devices - 1) / devices / (device.link if devices <= A_MACHINE else min(device.link, NETWORK))
    )


def disk_of(shape: Shape, params: Train, epochs: float) -> tuple[float, str]:
    """Bytes at the fullest, and in words."""
    size = 4.0 * shape.parameters
    trained = 4.0 * trained_parameters(shape, params)
    whole = max(1, -(-round(epochs * 1000) // 1000))
    count = whole if params.keep == "all" else min(whole, 2)
    resume = 2 * (3 * trained if params.lora_rank else size + 2 * trained)
    words = f"{count} checkpoints of {gigabytes(size)}, {gigabytes(resume)} to resume from while it runs"
    return count * size + resume, words


def advice(params: Train, shape: Shape, workload: Workload, found: Estimate) -> list[str]:
    """The changes, one by one and then together, that would make it fit; each with what it would take then."""

    def fitting(devices: int = found.devices, **changes: Any) -> float:
        """Bytes that it would take; 0 where they are not there."""
        size = total(memory_of(replace(params, **changes), shape, workload, devices, found.device))
        return size if size <= found.device.memory else 0.0

    checkpointing: dict[str, Any] = {"gradient_checkpointing": True}
    shorter = {"pack_tokens": min(params.pack_tokens, max(256, workload.longest(params)))}
    options: Sequence[Mapping[str, Any]] = [
        checkpointing,
        shorter,
        {**checkpointing, **shorter},
        {"lora_rank": 16},
        {"lora_rank": 16, **checkpointing},
    ]
    changed = {replace(params, **change): dict(change) for change in reversed(options)}
    changed.pop(params, None)
    told = [said(change, size) for change in reversed(changed.values()) if (size := fitting(**change))]
    if found.device.kind == "cuda":
        told += more_devices(params, found.devices, fitting)
    return told or ["no setting here makes it fit: take a smaller model, or a machine with more memory"]


def more_devices(params: Train, devices: int, fitting: Callable[..., float]) -> list[str]:
    """The smallest power of two of devices that would do, as things are set and with gradient checkpointing."""
    told = []
    settings: list[dict[str, Any]] = (
        [{}] if params.gradient_checkpointing else [{}, {"gradient_checkpointing": True}]
    )
    for change in settings:
        if change and fitting(**change):  # said already
            continue
        count = 1
        while count <= MOST_DEVICES and (count <= devices or not fitting(count, **change)):
            count *= 2
        if count <= MOST_DEVICES and (size := fitting(count, **change)):
            told.append(f"{count} devices" + (f", {said(change, size)}" if change else taking(size)))
    return told


def said(change: Mapping[str, Any], size: float) -> str:
    words = [f"train.{name} = {str(value).lower()}" for name, value in change.items()]
    return " and ".join(words) + taking(size)


def taking(size: float) -> str:
    return f" ({gigabytes(size)} a device)"


def gigabytes(size: float) -> str:
    return f"{size / 1e9:,.0f} GB" if size >= 1e11 else f"{size / 1e9:,.1f} GB"
