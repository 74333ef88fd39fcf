"""The splits: no prompt stands in two places. Test wins over dev, and dev over train.

Two dialogues have the same prompt where their first turns have the same `prompt_key`. The test set is never cut:
prompts that are in it twice are the choice of whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.core.text import prompt_key
from handful.core.types import Dropped, Example, Prompt
from handful.recipe.curation import Dataset

RULES = ("also_in_test", "also_in_dev", "duplicate")


@dataclass(frozen=True, slots=True)
class Splits:
    train: list[Example]
    dev: list[Example]
    test: list[Prompt]
    dropped: list[Dropped]


def split(
    train: Iterable[Example], dev: Iterable[Example], test: Iterable[Prompt], params: Dataset
) -> Splits:
    """Take prompts that stand elsewhere out of dev and train, and give dev its examples where it has none.

    Order is kept within each split. Of two equal prompts in one split, the first stays.

    Raises:
        DataError: `params.dev` would leave nothing to train on.
    """
    kept_test, given_dev = list(test), list(dev)
    stays: dict[str, tuple[str, str]] = {}
    for prompt in kept_test:
        stays.setdefault(prompt_key(prompt.turns[0].text), ("also_in_test", prompt.id))
    dropped: list[Dropped] = []
    kept_dev = first_of_each(given_dev, stays, "also_in_dev", dropped)
    kept_train = first_of_each(train, stays, "duplicate", dropped)
    if not given_dev and params.dev:
        kept_train, kept_dev = move_to_dev(kept_train, params)
    return Splits(kept_train, kept_dev, kept_test, dropped)


def first_of_each(
    examples: Iterable[Example], stays: dict[str, tuple[str, str]], mark: str, dropped: list[Dropped]
) -> list[Example]:
    """The examples whose prompt is not in `stays` yet. They are added there under `mark`, the others to `dropped`."""
    kept = []
    for example in examples:
        key = prompt_key(example.turns[0].text)
        if key in stays:
            rule, other = stays[key]
            rule = "duplicate" if rule == mark else rule
            dropped.append(Dropped(example.id, rule, f"same prompt as {other}"))
        else:
            stays[key] = (mark, example.id)
            kept.append(example)
    return kept


def move_to_dev(train: list[Example], params: Dataset) -> tuple[list[Example], list[Example]]:
    """Train without a seeded sample, and the sample, both in order."""
    if params.dev >= len(train):
        raise DataError(
            f"dataset.dev: asked for {params.dev:,}, but only {len(train):,} examples are left to train on; "
            "lower dataset.dev, or raise select.quota"
        )
    chosen = set(rng_for(params.seed, "dataset", "dev").sample(range(len(train)), params.dev))
    return (
        [example for place, example in enumerate(train) if place not in chosen],
        [example for place, example in enumerate(train) if place in chosen],
    )
