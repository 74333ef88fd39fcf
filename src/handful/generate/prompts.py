"""Which prompts of a data set are asked: all of its split, or the first few with their variants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.tags import original_of
from handful.core.types import Example, Prompt
from handful.recipe.systems import Generate


def read_prompts(params: Generate, dataset: Path) -> list[Prompt]:
    """The prompts of the split that are asked.

    Raises:
        DataError: there are none.
    """
    path = dataset / f"{params.split}.jsonl"
    if params.split == "dev":
        prompts = [example.prompt() for example in jsonl.read(path, Example)]
    else:
        prompts = list(jsonl.read(path, Prompt))
    if not prompts:
        remedy = 'add a source with split = "test", or set generate.split = "dev"'
        raise DataError(f"{path}: holds no prompts to answer; {remedy}")
    return first_asked(prompts, params.first)


def first_asked(prompts: Sequence[Prompt], first: int) -> list[Prompt]:
    """The first so many originals and all variants of them, in the order of the file; 0 takes every prompt.

    Variants stand behind all originals: counted as prompts they would be the first to go, and the loss that they are
    there to measure with them. One whose original is not among the prompts counts as an original.
    """
    if not first:
        return list(prompts)
    known = {prompt.id for prompt in prompts}
    asks_for = {prompt.id: original_of(prompt.tags) for prompt in prompts}
    originals = [id for id, original in asks_for.items() if original not in known]
    chosen = set(originals[:first])
    return [prompt for prompt in prompts if chosen & {prompt.id, asks_for[prompt.id]}]
