"""From grades to an epoch: the highest mean, and how far the grades can tell it from the others.

Epochs are compared on the same prompts: one that any candidate's grade is missing of counts for none. Intervals are
those of `intervals` (ours: the paper chose by hand, and gives none).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handful.choose.ask import LEVELS
from handful.choose.intervals import LEVEL, MIN_PROMPTS, interval, resampled_means, tells
from handful.choose.records import CONTROL, Grade
from handful.core.errors import DataError
from handful.core.types import Interval

LEAST, MOST = LEVELS[0], LEVELS[-1]
FEW_PROMPTS = 20
"""Fewer tell only large differences."""


@dataclass(frozen=True, slots=True)
class Best:
    """What the grades say."""

    epoch: int
    grades: Mapping[int, Interval]
    """Candidate -> its mean grade."""
    untold: Sequence[int]
    """The candidates that the grades do not tell from it."""
    unreadable: Mapping[int, int]
    again: float
    """Share of resamples in which the same epoch is the best."""
    control: Interval | None
    """How much higher the first candidate's answers are graded to their own prompts than to others."""
    notes: Sequence[str]


def best(grades: Sequence[Grade], candidates: Sequence[int]) -> Best:
    """The candidate with the highest mean grade; of equals the earlier.

    Raises:
        DataError: no prompt has a grade for every candidate.
    """
    table = {(grade.epoch, grade.prompt_id): grade.grade for grade in grades}
    prompts = list(dict.fromkeys(grade.prompt_id for grade in grades))
    control = against_control(table, prompts, candidates[0])
    lines = [[table.get((epoch, prompt)) for epoch in candidates] for prompt in prompts]
    whole = [[value for value in line if value is not None] for line in lines]
    values = np.array([line for line in whole if len(line) == len(candidates)], dtype=np.float64)
    unreadable = {
        epoch: sum(grade.grade is None for grade in grades if grade.epoch == epoch) for epoch in candidates
    }
    if not len(values):
        lost, all_told = sum(unreadable.values()), len(candidates) * len(prompts)
        raise DataError(
            f"choose.judge: {lost} of {all_told} grades cannot be read, and no prompt has one for every epoch; use "
            "another judge, or choose by hand"
        )
    means = values.mean(axis=0)
    place = first_highest(means[None])[0]
    drawn = resampled_means(values)
    again = float((first_highest(drawn) == place).mean())
    untold = [
        epoch
        for k, epoch in enumerate(candidates)
        if k != place
        and not tells(values[:, place] - values[:, k], drawn[:, place] - drawn[:, k], MOST - LEAST)
    ]
    return Best(
        epoch=candidates[place],
        grades={e: interval(values[:, k], drawn[:, k], LEAST, MOST) for k, e in enumerate(candidates)},
        untold=untold,
        unreadable=unreadable,
        again=round(again, 4),
        control=control,
        notes=[*notes(candidates[place], untold, again, len(values), len(prompts)), *said_of(control)],
    )


def against_control(
    table: Mapping[tuple[int, str], float | None], prompts: Sequence[str], first: int
) -> Interval | None:
    """The first candidate's grades less those of the same answers to other prompts; None where there are none."""
    pairs = [(table.get((first, prompt)), table.get((CONTROL, prompt))) for prompt in prompts]
    found = [own - other for own, other in pairs if own is not None and other is not None]
    if not found:
        return None
    values = np.array(found, dtype=np.float64)
    return interval(values, resampled_means(values[:, None])[:, 0], LEAST - MOST, MOST - LEAST)


def said_of(control: Interval | None) -> list[str]:
    """A warning where the judge cannot be seen to tell an answer from one to another question."""
    if control is None or (control.low is not None and control.low > 0):
        return []
    span = "" if control.low is None else f" ({control.low:.2f} to {control.high:.2f})"
    return [
        f"The judge grades answers to their own prompts {control.estimate:+.2f}{span} against the same answers to "
        f"other prompts, {control.n} of each: it cannot be seen to tell them apart, so its grades say little. Use a "
        "stronger judge, or choose by hand."
    ]


def first_highest(means: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each row of (m, k) means the place of the highest. Equal but for rounding counts as equal: the first."""
    found: NDArray[np.intp] = np.argmax(means >= means.max(axis=1, keepdims=True) - 1e-9, axis=1)
    return found


def notes(epoch: int, untold: Sequence[int], again: float, n: int, asked: int) -> list[str]:
    """In words, what the intervals mean for the choice."""
    found = []
    if untold:
        one = len(untold) == 1
        listed = ", ".join(map(str, untold))
        found.append(
            f"The grades do not tell epoch {epoch} from epoch{'' if one else 's'} {listed}: the "
            f"{LEVEL:.0%} interval{'' if one else 's'} of the difference include{'s' if one else ''} 0, so the choice "
            f"among them is hardly better than chance. Of resamples of these {n} prompts, {again:.0%} choose the same "
            "epoch."
        )
    if n < asked:
        found.append(
            f"{asked - n} of {asked} prompts are left out: not every candidate's answer to them has a grade that can "
            "be read."
        )
    if n < FEW_PROMPTS:
        found.append(
            f"Only {n} prompt{'' if n == 1 else 's'} graded (`train.dev_samples`): {said_of_few(n)} The paper read "
            "answers to 50."
        )
    return found


def said_of_few(n: int) -> str:
    if n < MIN_PROMPTS:
        return "so few show nothing; read no finding into it."
    return "so few tell only large differences."
