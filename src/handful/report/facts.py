"""Everything that the page is made from, as plain values that `work` has read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handful.core.types import Example, Interval, Prompt, Response
from handful.recipe.evaluation import FakeJudge
from handful.recipe.schema import Recipe

INTERVAL = {"estimate", "low", "high", "n", "unit", "note"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one rule took in one folder: how many, and the first of them."""

    count: int
    example: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What a step's manifest says."""

    key: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    recipe: Recipe
    steps: Mapping[str, StepFacts] = field(default_factory=dict)
    """Label of a step ("sources/stem", "clean" …) -> its manifest."""
    stats: Mapping[str, Any] = field(default_factory=dict)
    """stats.json, with an Interval wherever it has one."""
    train: Sequence[Example] = ()
    dev: Sequence[Example] = ()
    test: Sequence[Prompt] = ()
    taken: Mapping[str, Mapping[str, Taken]] = field(default_factory=dict)
    """Label of a step -> rule -> what it took."""
    table: Sequence[Mapping[str, Any]] = ()
    """table.json: a row a split and source, with the paper's figures beside it."""
    losses: Sequence[Mapping[str, Any]] = ()
    """A row an optimizer step: step, loss, learning_rate …"""
    epochs: Sequence[Mapping[str, Any]] = ()
    """A row an epoch: epoch, step, dev_loss; epoch 0 is before training."""
    dev_samples: Sequence[Mapping[str, Any]] = ()
    responses: Mapping[str, Sequence[Response]] = field(default_factory=dict)

    def counts(self, label: str) -> Mapping[str, Any]:
        step = self.steps.get(label)
        return step.counts if step else {}

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """A list of stats.json, empty where there is none."""
        found: Sequence[Mapping[str, Any]] = self.stats.get(table, ())
        return found

    def is_fake(self, judge: str) -> bool:
        return isinstance(self.recipe.judge.judges.get(judge), FakeJudge)

    def trust_of(self, judge: str) -> Mapping[str, Any] | None:
        return next((row for row in self.rows("trust") if row["judge"] == judge), None)


def with_intervals(value: Any) -> Any:
    """The same JSON value with every object that has the fields of an Interval made one."""
    if isinstance(value, dict):
        if value.keys() == INTERVAL:
            return Interval(**value)
        return {name: with_intervals(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_intervals(item) for item in value]
    return value
