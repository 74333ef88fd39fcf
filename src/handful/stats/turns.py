"""Conversations, turn by turn (Section 6, Figure 7): Fail, Pass or Excellent, and when the first failure comes.

The turns of a dialogue are not independent, so the dialogue is the unit of every interval: 42 turns of 10 dialogues are
10, and such intervals are wide. Shares are of turns, as in the paper.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from handful.core.types import Interval, Noun
from handful.stats.bootstrap import Bootstrap, Floats
from handful.stats.grades import Grader, Mark, count, rates, tally

WITHIN = 3
"""Of the paper's "fails to follow the prompt within 3 interactions"."""


class TurnFailures(Noun, frozen=True):
    turn: int
    """Counted from 1."""
    graded: int
    fail: Interval


class Turns(Noun, frozen=True):
    """One system's turns, by one judge."""

    judge: str
    kind: str
    mode: str
    system: str
    dialogues: int
    responses: int
    """Turns of the system."""
    graded: int
    unreadable: int
    missing: int
    counts: dict[str, int]
    shares: dict[str, Interval]
    analytic: dict[str, Interval]
    by_turn: tuple[TurnFailures, ...]
    failed_within_3: Interval
    """Share of dialogues with a "fail" among the first three turns, of those whose first three could be read or hold
    one."""
    failed_dialogues: int
    """How many those are."""


class TurnDifference(Noun, frozen=True):
    """Two systems' shares of turns, on the same dialogues' prompts: `first` less `second`."""

    judge: str
    mode: str
    first: str
    second: str
    excellent: Interval
    fail: Interval


def turns(grader: Grader, bootstrap: Bootstrap) -> list[Turns]:
    by_dialogue = replace(bootstrap, unit="dialogues")
    return [of_system(grader, system, by_dialogue) for system in grader.systems()]


def of_system(grader: Grader, system: str, bootstrap: Bootstrap) -> Turns:
    marks = grader.of(system)
    shares, formula, _ = rates(marks, "turns", bootstrap)
    early = failed_early(marks)
    prompts = [prompt for prompt, _ in early]
    return Turns(
        judge=grader.name,
        kind=grader.kind,
        mode=grader.mode,
        system=system,
        dialogues=len({(mark.prompt_id, mark.sample) for mark in marks}),
        **tally(marks),
        counts=count(marks, "turns"),
        shares=shares,
        analytic=formula,
        by_turn=tuple(failures(marks, bootstrap)),
        failed_within_3=bootstrap.mean(prompts, [float(f) for _, f in early]),
        failed_dialogues=sum(failed for _, failed in early),
    )


def failures(marks: Sequence[Mark], bootstrap: Bootstrap) -> Iterable[TurnFailures]:
    for turn in sorted({mark.turn for mark in marks}):
        read = [mark for mark in marks if mark.turn == turn and mark.grade is not None]
        values = [float(mark.grade == "fail") for mark in read]
        fail = bootstrap.mean([m.prompt_id for m in read], values)
        yield TurnFailures(turn + 1, len(read), fail)


def failed_early(marks: Iterable[Mark]) -> list[tuple[str, bool]]:
    """(prompt, whether it failed within three turns) of each dialogue; without those of which that is not known."""
    dialogues: dict[tuple[str, int], list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.turn < WITHIN:
            dialogues[mark.prompt_id, mark.sample].append(mark)
    found = []
    for (prompt, _), first in dialogues.items():
        failed = any(mark.grade == "fail" for mark in first)
        if failed or all(mark.grade is not None for mark in first):
            found.append((prompt, failed))
    return found


def turn_differences(grader: Grader, bootstrap: Bootstrap) -> list[TurnDifference]:
    by_dialogue = replace(bootstrap, unit="dialogues")
    return [
        TurnDifference(
            judge=grader.name,
            mode=grader.mode,
            first=first,
            second=second,
            excellent=difference(grader, first, second, "excellent", by_dialogue),
            fail=difference(grader, first, second, "fail", by_dialogue),
        )
        for first, second in combinations(grader.systems(), 2)
    ]


def difference(grader: Grader, first: str, second: str, grade: str, bootstrap: Bootstrap) -> Interval:
    """The share of the first system's turns with a grade less the second's, both of the same resampled dialogues."""
    one = [mark for mark in grader.of(first) if mark.grade is not None]
    two = [mark for mark in grader.of(second) if mark.grade is not None]
    both = {mark.prompt_id for mark in one} & {mark.prompt_id for mark in two}
    rows = [[float(m.grade == grade), 1.0, 0.0, 0.0] for m in one if m.prompt_id in both]
    rows += [[0.0, 0.0, float(m.grade == grade), 1.0] for m in two if m.prompt_id in both]
    prompts = [mark.prompt_id for mark in (*one, *two) if mark.prompt_id in both]
    return bootstrap.of(prompts, rows, of_rates)


def of_rates(sums: Floats) -> Floats:
    found: Floats = sums[:, 0] / np.maximum(sums[:, 1], 1) - sums[:, 2] / np.maximum(sums[:, 3], 1)
    return found
