"""Who can answer a prompt: a table from a system's kind to the function that asks it.

A system yields its responses in groups, as it finishes them, and skips what an earlier, interrupted run has already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handful.core.optional import need
from handful.core.types import Dropped, Example, Prompt, Response
from handful.recipe.evaluation import Generate, System


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer wanted."""

    prompt: Prompt
    sample: int
    seed: int

    @property
    def key(self) -> tuple[str, int]:
        return self.prompt.id, self.sample


@dataclass(frozen=True, slots=True)
class Given:
    """What a system starts from."""

    name: str
    system: System
    params: Generate
    asks: Sequence[Ask]
    done: Collection[tuple[str, int]]
    """Keys of the asks that were answered before."""
    examples: Sequence[Example] = ()
    """The training set: few-shot systems show some of it."""
    train: Path | None = None
    """The folder of `train`, with its checkpoints."""
    chosen: int = 0
    """The epoch that `choose` settled on; 0 where it was not asked: then the last."""
    heartbeat: Callable[[str], None] = lambda note: None
    """To be told now and then how far a group has come."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a system gives back."""

    groups: Iterator[list[Response]]
    """Responses as they are finished. Nothing is computed before it is asked for."""
    truncated: Sequence[Dropped] = ()
    """Prompts that the system cannot read whole."""
    errors: Sequence[Dropped] = ()
    """Prompts that it failed on, with the reason. Grows while `groups` is read."""
    notes: dict[str, str] = field(default_factory=dict)
    """File name -> text to keep beside the responses."""
    not_applied: tuple[str, ...] = ()
    """Sampling settings of the recipe that the system has no means to follow."""


def local(given: Given) -> Answers:
    """A model on this machine: the checkpoint, the base model, or the base model with a few examples."""
    need("torch", "generating with a local model")
    need("transformers", "generating with a local model")
    from handful.generate.local import answers

    return answers(given)


def endpoint(given: Given) -> Answers:
    """A server that speaks the OpenAI chat protocol."""
    need("openai", "asking an endpoint")
    from handful.generate.remote import answers

    return answers(given)


def fake(given: Given) -> Answers:
    """A fixed text."""
    from handful.generate.fake import answers

    return answers(given)


SYSTEMS: dict[str, Callable[[Given], Answers]] = {
    "checkpoint": local,
    "base": local,
    "few_shot": local,
    "endpoint": endpoint,
    "fake": fake,
}
