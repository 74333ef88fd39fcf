"""Refuse to test an arm on what it was trained on. Looked for when all data are made and before anything is trained.

The same first turn is refused always; so is one that shares `clean.overlap_words` words in a row (13) with an example,
unless that rule is off. It is the rule of `clean`, which drops such examples itself where an arm's recipe has the test
prompts for a source: this is for test prompts that stand in [evaluation] alone. Not covered: a prompt in other words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from handful.clean.overlap import TestPrompts
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.text import prompt_key
from handful.core.types import Example, Prompt
from handful.generate.prompts import first_asked
from handful.recipe.schema import Recipe


def asked_prompts(recipe: Recipe, dataset: Path) -> list[Prompt]:
    """The prompts that the evaluation asks, as `generate` takes them."""
    generate = recipe.generate
    path = dataset / f"{generate.split}.jsonl"
    if generate.split == "dev":
        found = [example.prompt() for example in jsonl.read(path, Example)]
    else:
        found = list(jsonl.read(path, Prompt))
    return first_asked(found, generate.first)


def refuse_leaks(prompts: Sequence[Prompt], datasets: Mapping[str, Path], width: int) -> None:
    """Raise DataError where an arm trains on a test prompt.

    Args:
        datasets: arm -> its folder `dataset`.
        width: `clean.overlap_words`; 0 refuses equal prompts alone.
    """
    same = {prompt_key(prompt.turns[0].text): prompt.id for prompt in prompts}
    near = TestPrompts(prompts, width) if width else None
    for arm, folder in datasets.items():
        found: list[tuple[str, str]] = []
        for example in jsonl.read(folder / "train.jsonl", Example):
            if other := same.get(prompt_key(example.turns[0].text)):
                found.append((example.id, f"is the test prompt {other!r}"))
            elif near and (what := near.shared(example)):
                found.append((example.id, what))
        if found:
            raise DataError(told(arm, found))


def told(arm: str, found: Sequence[tuple[str, str]]) -> str:
    id, what = found[0]
    more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
    return (
        f"arm {arm}: trains on what it is to be tested on: example {id!r} {what}{more}; its grades would mean nothing. "
        "Put the source of the test prompts into [all] as well: then `clean` drops such examples from every arm"
    )
