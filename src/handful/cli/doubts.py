"""What `plan` doubts about a training: settings that cannot be meant, and a model that is not there.

Each doubt is one line. A setting that cannot work at all is refused when the recipe is read, and is none of these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from handful.recipe.training import Train

if TYPE_CHECKING:
    from handful.run.execute import Step

HIGHEST_RATE = 1e-2
FEWEST_TOKENS = 32
MOST_EPOCHS = 200
MOST_DROPOUT = 0.5

DOUBTS: dict[str, tuple[Callable[[Train], bool], str]] = {
    "learning_rate": (
        lambda p: p.learning_rate > HIGHEST_RATE,
        f"above {HIGHEST_RATE:g} no language model learns; the paper's is 1e-5",
    ),
    "final_learning_rate": (
        lambda p: p.final_learning_rate > p.learning_rate,
        "above train.learning_rate, so the rate would rise; the paper's falls to a tenth",
    ),
    "max_tokens": (
        lambda p: p.max_tokens < FEWEST_TOKENS,
        f"below {FEWEST_TOKENS} little is left of an example; the paper's is 2,048",
    ),
    "epochs": (lambda p: p.epochs > MOST_EPOCHS, "the paper's is 15"),
    "residual_dropout": (
        lambda p: p.residual_dropout > MOST_DROPOUT,
        "more is dropped in the last layer than is kept; the paper's is 0.3",
    ),
}
"""Setting -> whether it is doubted, and why."""


def doubts(step: Step, examples: int | None) -> list[str]:
    """Of a train step that is yet to run.

    Args:
        examples: to train on; None where that is not known yet.
    """
    if step.done:
        return []
    from handful.train.known import absent

    params: Train = step.params
    found = [
        f"train.{name} = {getattr(params, name):,}: {why}"
        for name, (doubted, why) in DOUBTS.items()
        if doubted(params)
    ]
    if examples and params.batch_size > examples:
        found.append(
            f"train.batch_size = {params.batch_size:,}: there are {examples:,} examples, so an epoch is a single step"
        )
    if missing := absent(params.model):
        found.append(f"train.model: {missing}")
    return found
