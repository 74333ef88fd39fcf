"""What people are shown, and what their answers say of a study's comparisons.

Pure: no disk, no clock. A pair is named by the sha256 of what is on the page, whatever the sides, so the same
question in another study, or twice in one, is the same pair and is asked once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handful.annotate.ledger import Entry, Order, hash_of
from handful.core.types import Choice, Comparison, Verdict

TASK = "preference 1"
"""Part of a pair's name: raise it when the page asks something else."""

LETTERS = {"first": "A", "second": "B", "neither": "neither"}
READ: dict[tuple[str, Order], Choice] = {
    ("first", "forward"): "left",
    ("second", "forward"): "right",
    ("neither", "forward"): "tie",
    ("first", "swapped"): "right",
    ("second", "swapped"): "left",
    ("neither", "swapped"): "tie",
}


@dataclass(frozen=True, slots=True)
class Study:
    """The part of a study's folder that people may see."""

    comparisons: tuple[Comparison, ...]
    instructions: str


def shown_hash(comparison: Comparison, instructions: str) -> str:
    """The name of a pair: 64 hex digits that depend on all that is shown, and not on the sides."""
    turns = [(turn.role, turn.text) for turn in comparison.turns]
    facts = [TASK, instructions, turns, sorted([comparison.left, comparison.right])]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def pairs_of(study: Study) -> dict[str, Comparison]:
    """Name -> comparison, in the study's order; of several that look the same, the first."""
    pairs: dict[str, Comparison] = {}
    for comparison in study.comparisons:
        pairs.setdefault(shown_hash(comparison, study.instructions), comparison)
    return pairs


def arranged(comparison: Comparison, order: Order) -> Comparison:
    """The comparison as it stands on the page: `left` is answer A."""
    return comparison if order == "forward" else comparison.swapped()


def order_seen(comparison: Comparison, entry: Entry) -> Order:
    """In which order the person saw `comparison`, even if another study asked, with its sides the other way round."""
    if comparison.left == comparison.right:
        return entry.order
    return "forward" if hash_of(comparison.left) == entry.first else "swapped"


def answers_by_pair(entries: Iterable[Entry], pairs: Iterable[str]) -> dict[str, list[Entry]]:
    """The answers that stand, for each of `pairs`."""
    found: dict[str, list[Entry]] = {pair: [] for pair in pairs}
    for entry in entries:
        if entry.choice is not None and entry.shown in found:
            found[entry.shown].append(entry)
    return found


def verdicts_of(study: Study, entries: Sequence[Entry]) -> list[Verdict]:
    """Every answer that stands, said of the study's own comparisons, in their order and then by person."""
    names = [shown_hash(comparison, study.instructions) for comparison in study.comparisons]
    answers = answers_by_pair(entries, names)
    return [
        verdict(comparison, entry)
        for name, comparison in zip(names, study.comparisons, strict=True)
        for entry in sorted(answers[name], key=lambda entry: entry.person)
    ]


def verdict(comparison: Comparison, entry: Entry) -> Verdict:
    assert entry.choice is not None
    order = order_seen(comparison, entry)
    choice = READ[entry.choice, order]
    return Verdict(comparison.id, entry.person, choice, order, raw=LETTERS[entry.choice])


def given_of_wanted(study: Study, entries: Sequence[Entry], people: int) -> tuple[int, int]:
    """How many verdicts are given and how many are wanted: `people` for every comparison, each from another person.

    What goes beyond that on one comparison does not make up for another.
    """
    names = [shown_hash(comparison, study.instructions) for comparison in study.comparisons]
    answers: Mapping[str, list[Entry]] = answers_by_pair(entries, names)
    given = sum(min(people, len(answers[name])) for name in names)
    return given, people * len(names)
