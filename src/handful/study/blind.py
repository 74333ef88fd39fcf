"""Draw the sides and the order of what is judged, and seal which system stands where.

The paper does not say how its answers were ordered. Ours: for each pair of systems the subject is on the left
in half of the comparisons; then all comparisons are shuffled together, and so are the submissions of a task.

What this cannot hide: what a response says of its author (`design.gives_away` counts it), or a style that is
easily recognised.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from handful.core.jsonl import dumps
from handful.core.rng import rng_for
from handful.core.types import Comparison, Seal, Signature, Submission, Task
from handful.study.design import Pairing

Sealed = tuple[Comparison, Seal]
Signed = tuple[Submission, Signature]
Shown = TypeVar("Shown", Comparison, Submission)
Hidden = TypeVar("Hidden", Seal, Signature)


def blind(groups: Iterable[Sequence[Pairing]], seed: int, task: Task = "preference") -> list[Sealed]:
    """Every pairing as a comparison and its seal, in shuffled order.

    Args:
        groups: the pairings of each pair of systems, in an order that depends on no file's.
    """
    sealed = [sealed for group in groups for sealed in with_sides(group, seed, task)]
    named = with_ids(sealed, "comparison_id")
    rng_for(seed, "study", *of(task, "order")).shuffle(named)
    return named


def blind_submissions(signed: Iterable[Signed], seed: int, task: Task) -> list[Signed]:
    """The submissions of one task with their signatures, named and shuffled."""
    named = with_ids(signed, "submission_id")
    rng_for(seed, "study", *of(task, "order")).shuffle(named)
    return named


def of(task: Task, *purpose: str) -> tuple[str, ...]:
    """The purpose of a draw: each task has its own, and the first has the plain name."""
    return purpose if task == "preference" else (task, *purpose)


def with_sides(pairings: Sequence[Pairing], seed: int, task: Task = "preference") -> list[Sealed]:
    """The pairings of one pair of systems, each with its sides drawn. The comparisons have no id yet.

    The draw is the pair's own: adding a third system leaves it as it is.
    """
    if not pairings:
        return []
    names = pairings[0].subject.system, pairings[0].baseline.system
    sides = half_left(len(pairings), rng_for(seed, "study", *of(task, "sides"), *names))
    return [conceal(pairing, left, task) for pairing, left in zip(pairings, sides, strict=True)]


def half_left(count: int, rng: Random) -> list[bool]:
    """`count` booleans in random order, half of them true; where `count` is odd, the odd one is drawn."""
    sides = [number % 2 == 0 for number in range(count - count % 2)]
    sides += [rng.random() < 0.5] * (count % 2)
    rng.shuffle(sides)
    return sides


def conceal(pairing: Pairing, subject_left: bool, task: Task) -> Sealed:
    left, right = pairing.subject, pairing.baseline
    if not subject_left:
        left, right = right, left
    prompt = pairing.prompt
    comparison = Comparison("", prompt.id, prompt.turns, left.text, right.text, task)
    return comparison, Seal("", prompt.id, left.system, right.system, left.sample, task)


def with_ids(drawn: Iterable[tuple[Shown, Hidden]], field: str) -> list[tuple[Shown, Hidden]]:
    """Each record and its sealed partner under an id made of what a judge sees, and so of nothing else.

    The same texts have the same id in every study: a stored verdict can never be read as one on others. Where two
    records show the same texts, the second ends in "-2".

    Args:
        field: of the sealed record, what refers to the id.
    """
    seen: Counter[str] = Counter()
    named = []
    for shown, hidden in drawn:
        digest = hashlib.sha256(dumps(shown)).hexdigest()[:12]
        seen[digest] += 1
        id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        named.append((replace(shown, id=id), replace(hidden, **{field: id})))
    return named
