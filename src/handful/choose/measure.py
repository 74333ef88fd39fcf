"""What can be counted of an epoch's answers, and which epochs there are to choose from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from handful.choose.records import Given, Row
from handful.recipe.schema import Recipe
from handful.recipe.sources import Authored, Source

GRAM = 4
FEWEST_ANSWERS = 10
"""Of fewer an epoch, no interval of grades or votes shows anything (docs/statistics.md)."""


def few_answers(recipe: Recipe) -> str:
    """What `plan` doubts about a choice by a judge or by people, as a line; empty where it doubts nothing.

    How many dev examples a source's own split will have, nobody knows before `dataset` is done.
    """
    train, choose = recipe.train, recipe.choose
    if train is None or choose.by not in ("judge", "people"):
        return ""
    given = any(gives_dev(source) for source in recipe.sources.values())
    held = train.dev_samples if given else min(train.dev_samples, recipe.dataset.dev)
    if held >= FEWEST_ANSWERS:
        return ""
    short = "train.dev_samples" if held == train.dev_samples else "dataset.dev"
    who = "a judge is" if choose.by == "judge" else "people are"
    return (
        f"{short} = {held}: {who} to choose among epochs from answers to so many prompts; fewer than "
        f"{FEWEST_ANSWERS} show nothing, and the paper's authors read 50 (train.dev_samples, dataset.dev)"
    )


def gives_dev(source: Source) -> bool:
    """Whether a source may bring dev examples of its own."""
    if isinstance(source, Authored):
        return not source.splits or "dev" in source.splits
    return getattr(source, "split", "train") == "dev"


def candidates(there: Sequence[int], first: int, last: int) -> list[int]:
    """The epochs from `first` to `last` whose checkpoints are there; where there are none, all that are there."""
    return [epoch for epoch in there if first <= epoch <= last] or list(there)


def rows(given: Given, candidates: Sequence[int]) -> list[Row]:
    """The table, without grades: a row an epoch of training that left a checkpoint or answers."""
    return [row(given, epoch, epoch in candidates) for epoch in sorted({*given.there, *given.sampled})]


def row(given: Given, epoch: int, candidate: bool) -> Row:
    answers = given.answers(epoch)
    loss = given.losses.get(epoch)
    dev_loss = loss.dev_loss if loss else None
    texts = [sample.text for sample in answers]
    return Row(
        epoch=epoch,
        step=loss.step if loss else 0,
        candidate=candidate,
        dev_loss=dev_loss,
        perplexity=perplexity(dev_loss),
        answers=len(answers),
        eot_rate=mean(float(sample.finish == "eot") for sample in answers),
        mean_words=mean(float(len(text.split())) for text in texts),
        repeated_4grams=mean(share for text in texts if (share := repeated(text)) is not None),
    )


def mean(values: Iterable[float]) -> float | None:
    """None where there are no values."""
    found = list(values)
    return round(fmean(found), 4) if found else None


def perplexity(loss: float | None) -> float | None:
    """exp(loss); None where there is no loss, or none that a float can hold."""
    return math.exp(loss) if loss is not None and loss < math.log(1e300) else None


def repeated(text: str) -> float | None:
    """The share of a text's runs of four words that stand in it before; None where it has no such run."""
    words = text.split()
    grams = [tuple(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else None
