"""What the choice is made from, and what it comes to: the records that `train` left, and those of `choose`.

`train`'s own types are not imported: stages meet in their files alone (docs/artifacts.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Example, Finish, Interval, Noun

CHOICE = "choice.json"
CONTROL = 0
"""The epoch of grades of answers to other prompts."""
GRADES = "grades.jsonl"
PAGE = "page.html"


class Loss(msgspec.Struct, frozen=True):
    """Of a line of `epochs.jsonl`, what is read here. Epoch 0 is the model before training."""

    epoch: int
    step: int
    dev_loss: float | None


class Sample(msgspec.Struct, frozen=True):
    """Of a line of `dev_samples.jsonl`, what is read here: one answer to one dev prompt."""

    epoch: int
    prompt_id: str
    text: str
    finish: Finish


class Grade(Noun, frozen=True):
    """A line of `grades.jsonl`: how helpful a judge found one answer."""

    epoch: int
    """CONTROL for the first candidate's answer to another prompt."""
    prompt_id: str
    grade: float | None
    """1 to 6; None where the judge's words could not be read, or it could not be asked."""
    raw: str
    """Its words, or what it found likely."""


class Row(Noun, frozen=True):
    """An epoch, as the table of the page has it. None stands where there is nothing to measure."""

    epoch: int
    step: int
    candidate: bool
    dev_loss: float | None
    """Nats a labelled token of the dev set."""
    perplexity: float | None
    """exp(dev_loss). It decides nothing: in the paper it rose while answers got better (Appendix B)."""
    answers: int
    """To dev prompts."""
    eot_rate: float | None
    """Share of the answers that the model ended with its end-of-turn token, within `train.dev_sample_tokens`."""
    mean_words: float | None
    repeated_4grams: float | None
    """Share of an answer's runs of four words that stand in it before; the mean over answers that have one."""
    grade: Interval | None = None
    unreadable: int = 0
    """Answers that the judge gave no grade that can be read."""
    share: Interval | None = None
    """Of the people's votes, each prompt counting the same."""


class Agreement(Noun, frozen=True):
    """How much two people's picks for one prompt overlap, over all pairs of people who saw the same prompt."""

    overlap: Interval
    """Answers that both marked, as a share of the longer of the two lists; each prompt counts the same."""
    by_chance: float
    """What lists as long as theirs would overlap if they were drawn blindly."""
    pairs: int


class Choice(Noun, frozen=True):
    """`choice.json`."""

    epoch: int
    by: Literal["last", "hand", "people", "judge"]
    candidates: list[int]
    judge: str
    """Which model graded; empty where none did."""
    again: float | None
    """Share of resamples of the prompts in which the judge's grades, or the people's votes, choose the same epoch."""
    control: Interval | None
    """How much higher the first candidate's answers are graded to their own prompts than to others."""
    notes: list[str]
    epochs: list[Row]
    people: int = 0
    """How many people picked."""
    agreement: Agreement | None = None
    untold: tuple[int, ...] = ()
    """The candidates that the grades, or the votes, do not tell from the chosen one."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the folders of `train` and `dataset` hold."""

    there: Sequence[int]
    """Epochs whose checkpoint is there, in order."""
    losses: Mapping[int, Loss]
    samples: Sequence[Sample]
    prompts: Mapping[str, Example]
    """Dev examples by id, those that were answered, in their order."""

    def answers(self, epoch: int) -> list[Sample]:
        return [sample for sample in self.samples if sample.epoch == epoch]

    @property
    def sampled(self) -> list[int]:
        """Epochs whose answers are there, in order; epoch 0 is no epoch of training."""
        return sorted({sample.epoch for sample in self.samples} - {0})


def read(train: Path, dataset: Path) -> Given:
    """Raises DataError where there is no checkpoint, or a file that cannot be read."""
    names = [folder.name.removeprefix("epoch-") for folder in train.glob("epoch-*")]
    there = sorted(int(name) for name in names if name.isdecimal())
    if not there:
        raise DataError(f"{train}: holds no checkpoint to choose; run the stage `train` again")
    losses = {loss.epoch: loss for loss in jsonl.read(train / "epochs.jsonl", Loss)}
    samples = list(jsonl.read(train / "dev_samples.jsonl", Sample))
    answered = {sample.prompt_id for sample in samples}
    dev = jsonl.read(dataset / "dev.jsonl", Example)
    return Given(there, losses, samples, {e.id: e for e in dev if e.id in answered})
