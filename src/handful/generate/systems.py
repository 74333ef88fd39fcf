"""Who can answer a prompt: a table from a system's kind to the function that asks it.

A system yields its responses in groups, as it finishes them, and skips what an earlier, interrupted run has already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handful.core.optional import need
from handful.core.types import Dropped, Example, Prompt, Response
from handful.recipe.systems import Generate, System

Key = tuple[str, int]
"""Prompt id, sample."""
Group = list[Response]


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer wanted."""

    prompt: Prompt
    """What is asked now: of a dialogue that is played, up to one of the user's turns."""
    sample: int
    seed: int
    played: int = 0
    """How many turns the user has in a dialogue that is played; 0 where the prompt is asked as it stands."""

    @property
    def key(self) -> Key:
        return self.prompt.id, self.sample

    @property
    def turn(self) -> int:
        """Which of the user's turns is asked, from 0."""
        return len(self.prompt.turns) // 2


@dataclass(frozen=True, slots=True)
class Given:
    """What a system starts from."""

    name: str
    system: System
    params: Generate
    prompts: Sequence[Prompt] = ()
    """All that will be asked, whole."""
    examples: Sequence[Example] = ()
    """The training set: few-shot systems show some of it."""
    train: Path | None = None
    """The folder of `train`, with its checkpoints."""
    chosen: int = 0
    """The epoch that `choose` settled on; 0 where it was not asked: then the last."""
    heartbeat: Callable[[str], None] = lambda note: None
    """To be told now and then how far a group has come."""


Groups = Callable[[Sequence[Ask], Collection[Key]], Iterator[Group]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a system gives back."""

    groups: Groups
    """Asks, and the keys of those that were answered before, to responses as they are finished. Called once for each
    turn of the dialogues; nothing is computed before it is asked for."""
    truncated: Sequence[Dropped] = ()
    """Prompts that the system cannot read whole. Grows with each call."""
    errors: Sequence[Dropped] = ()
    """What it failed on, with the reason. Grows while responses are read."""
    passing: Collection[Key] = ()
    """Keys of the asks that failed for the time being, and may pass when asked again. Grows likewise."""
    models: Collection[str] = ()
    """As the server names what answered: often more exact than what was asked for. Grows likewise."""
    unused: Sequence[Dropped] | None = None
    """Rows of a file of responses that answer nothing here; None where there is no file."""
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
    """A model behind a server."""
    from handful.generate.remote import answers

    return answers(given)


def responses(given: Given) -> Answers:
    """A file of answers that were made elsewhere."""
    from handful.generate.recorded import answers

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
    "responses": responses,
    "fake": fake,
}
