"""What `plan` says about the study: how small a difference its number of prompts can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handful.run.store import read_manifest

if TYPE_CHECKING:
    from handful.run.execute import Step

PAPER = 300
"""Test prompts of the paper: taken where the recipe's own are not counted yet."""


NOT_MADE = "the dataset is not made yet"


def sight(
    steps: Sequence[Step], recipe: Any, not_made: str = NOT_MADE
) -> tuple[dict[str, Any], list[str]] | None:
    """What the plan's study can show, as JSON and as lines; None where it has no statistics to come.

    Args:
        not_made: what to say of a number that no data set has settled yet.
    """
    step = next((step for step in steps if step.stage.name == "stats" and not step.done), None)
    if step is None:
        return None
    from handful.stats import power

    prompts, source = prompts_asked(steps, recipe, not_made)
    if prompts < 1:
        return None
    tasks, level = recipe.study.tasks, recipe.stats.level
    told = power.forecast(prompts, tasks, level) | {"prompts_known_by": source}
    lines = power.in_words(prompts, tasks, level)
    return told, ["", f"{step.label}, what it can show ({source}):", *(f"  {line}" for line in lines)]


def prompts_asked(steps: Sequence[Step], recipe: Any, not_made: str) -> tuple[int, str]:
    """(prompts, how that is known): counted in the dataset, or as the recipe limits them, or the paper's number."""
    generate = recipe.generate
    dataset = next((step for step in steps if step.stage.name == "dataset" and step.done), None)
    if dataset is not None:
        counts = read_manifest(dataset.folder).counts
        counted = int(counts.get(generate.split, 0))
        if generate.split == "test":
            counted -= sum(counts.get("variants", {}).values())  # the same prompts in other words
        return min(counted, generate.first or counted), f"prompts of the {generate.split} set, counted"
    if generate.first:
        return generate.first, f"generate.first; {not_made}"
    return PAPER, f"the paper's number; {not_made}"
