"""Which examples each step sees, and at what rate it learns (Section 3: linear decay, no warm-up)."""

from __future__ import annotations

from dataclasses import dataclass

from handful.core.rng import rng_for
from handful.recipe.training import Train


@dataclass(frozen=True, slots=True)
class Batch:
    """One optimizer step: its number and epoch (both from 1), and the places of its examples in the training set."""

    step: int
    epoch: int
    places: tuple[int, ...]
    learning_rate: float
    ends_epoch: bool
    """True also of the very last step, where `max_steps` cuts an epoch short."""


def batches(examples: int, params: Train) -> list[Batch]:
    """Every step of the training, in order. The last batch of an epoch holds what is left over."""
    cut = [
        (epoch, order[start : start + params.batch_size])
        for epoch in range(1, params.epochs + 1)
        for order in [shuffled(examples, params.seed, epoch)]
        for start in range(0, examples, params.batch_size)
    ]
    cut = cut[: params.max_steps or None]
    return [
        Batch(
            step=number,
            epoch=epoch,
            places=places,
            learning_rate=learning_rate(number, len(cut), params.learning_rate, params.final_learning_rate),
            ends_epoch=number == len(cut) or cut[number][0] > epoch,
        )
        for number, (epoch, places) in enumerate(cut, start=1)
    ]


def shuffled(examples: int, seed: int, epoch: int) -> tuple[int, ...]:
    """The order of an epoch, which depends on the seed and the epoch alone."""
    order = list(range(examples))
    rng_for(seed, "train", "order", str(epoch)).shuffle(order)
    return tuple(order)


def learning_rate(step: int, steps: int, first: float, last: float) -> float:
    """The rate of a step, from 1: `first` at step 1, `last` at step `steps`, linear between."""
    share = (step - 1) / (steps - 1) if steps > 1 else 0.0
    return first + (last - first) * share
