"""Everything that the page is made from, as plain values that `work` has read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from handful.core.tags import original_of
from handful.core.types import (
    Comparison,
    Dialogue,
    Dropped,
    Example,
    Interval,
    Prompt,
    Response,
    Seal,
    Submission,
    Task,
    Verdict,
)
from handful.recipe.judging import FakeJudge
from handful.recipe.schema import Recipe
from handful.recipe.systems import ResponsesSystem

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


class Said(msgspec.Struct, frozen=True):
    """What a judge or a person finally said of one comparison: what is read here of a line of readings.jsonl."""

    comparison_id: str
    prompt_id: str
    judge: str
    kind: Literal["model", "person", "panel"]
    subject: str
    baseline: str
    status: str
    outcome: Literal["win", "tie", "loss"] | None
    task: Task = "preference"


class Near(msgspec.Struct, frozen=True):
    """A test prompt and the training example of its form that is most like it: a line of neighbours.jsonl."""

    id: str
    form: str
    nearest: str
    similarity: float
    ood: bool


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade with its seal broken: whose submission it is of. `grade` is None where it could not be read."""

    judge: str
    task: Task
    system: str
    prompt_id: str
    sample: int
    turn: int
    grade: str | None
    raw: str = ""


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
    neighbours: Sequence[Near] = ()
    """Of each test prompt that is no variant, where `dataset.out_of_distribution` asks for it."""
    table: Sequence[Mapping[str, Any]] = ()
    """table.json: a row a split and source, with the paper's figures beside it."""
    losses: Sequence[Mapping[str, Any]] = ()
    """A row an optimizer step: step, loss, learning_rate …"""
    epochs: Sequence[Mapping[str, Any]] = ()
    """A row an epoch: epoch, step, dev_loss; epoch 0 is before training."""
    dev_samples: Sequence[Mapping[str, Any]] = ()
    choice: Mapping[str, Any] = field(default_factory=dict)
    """choice.json, with an Interval wherever it has one."""
    responses: Mapping[str, Sequence[Response]] = field(default_factory=dict)
    dialogues: Mapping[str, Sequence[Dialogue]] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    seals: Mapping[str, Seal] = field(default_factory=dict)
    submissions: Mapping[str, Submission] = field(default_factory=dict)
    flags: Sequence[Dropped] = ()
    """What `study` would have somebody read before its verdicts are believed: of a prompt's answer, or of a system."""
    verdicts: Sequence[Verdict] = ()
    """As given, of every judge and then of every person."""
    said: Sequence[Said] = ()
    """As read by `stats`: one a judge or person and comparison."""
    grades: Sequence[Graded] = ()

    def counts(self, label: str) -> Mapping[str, Any]:
        step = self.steps.get(label)
        return step.counts if step else {}

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """A list of stats.json, empty where there is none. A dot leads into a block: "grades.turns"."""
        block, _, name = table.rpartition(".")
        home = self.stats.get(block) or {} if block else self.stats
        found: Sequence[Mapping[str, Any]] = home.get(name) or ()
        return found

    def is_fake(self, judge: str) -> bool:
        return isinstance(self.recipe.judge.judges.get(judge), FakeJudge)

    def mode(self, judge: str) -> str:
        """How a model judge is asked; of a panel, as its first member."""
        names = self.recipe.judge.panels.get(judge, (judge,))
        return getattr(self.recipe.judge.judges.get(names[0]), "mode", "robust")

    def trains(self) -> bool:
        """Whether there is anything to say of training and its data."""
        return self.recipe.train is not None or bool(self.train)

    def elsewhere(self, system: str) -> bool:
        """Whether its answers were made elsewhere and read from a file."""
        return isinstance(self.recipe.generate.systems.get(system), ResponsesSystem)

    def knows_endings(self, system: str) -> bool:
        """Whether it is known why its answers ended: of a file, only where it says so of one at least.

        `generate` writes "eos" where a file says nothing, and "error" where it has no answer.
        """
        if not self.elsewhere(system):
            return True
        return any(r.finish not in ("eos", "error") for r in self.responses.get(system, ()))

    def knows_tokens(self, system: str) -> bool:
        """Whether its tokens were counted: a file has only words."""
        return not self.elsewhere(system) or any(r.tokens for r in self.responses.get(system, ()))

    def trust_of(self, judge: str) -> Mapping[str, Any] | None:
        return next((row for row in self.rows("trust") if row["judge"] == judge), None)

    def variants(self) -> set[str]:
        """Ids of the test prompts that are others' asked in another way."""
        return {p.id for p in self.test if original_of(p.tags)}

    def tested(self) -> list[Prompt]:
        """The test prompts without variants: one asked in three ways is one prompt."""
        variants = self.variants()
        return [prompt for prompt in self.test if prompt.id not in variants]

    def asked(self, variants: bool = True) -> list[Example | Prompt]:
        """The prompts that a system answered, in the data set's order.

        Args:
            variants: whether those too that are others' asked in another way.
        """
        prompts: Sequence[Example | Prompt] = self.dev if self.recipe.generate.split == "dev" else self.test
        answered = {r.prompt_id for responses in self.responses.values() for r in responses}
        answered |= {d.prompt_id for dialogues in self.dialogues.values() for d in dialogues}
        answered -= set() if variants else self.variants()
        return [prompt for prompt in prompts if prompt.id in answered]


def with_intervals(value: Any) -> Any:
    """The same JSON value with every object that has the fields of an Interval made one."""
    if isinstance(value, dict):
        if value.keys() == INTERVAL:
            return Interval(**value)
        return {name: with_intervals(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_intervals(item) for item in value]
    return value
