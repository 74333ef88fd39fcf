"""From verdicts to readings: what each annotator, model or person, finally said of each comparison.

A model judge is asked in both orders. Where the two verdicts agree, that is its reading; where they do not,
the reading is a tie by rule, counted as flipped; where either cannot be read, there is no reading (ours: the
paper does not say whether sides were swapped).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from handful.core.types import Choice, Seal, Verdict

Status = Literal["read", "flipped", "split", "unreadable", "missing"]
Mode = Literal["robust", "lima", ""]
"""How a model was asked: `robust` in both orders, `lima` as people are, once. Empty where that is not known."""
Outcome = Literal["win", "tie", "loss"]


@dataclass(frozen=True, slots=True)
class Reading:
    """`choice` is a side of the comparison as `study` wrote it; None where unreadable or missing."""

    choice: Choice | None
    status: Status


@dataclass(frozen=True, slots=True)
class Annotator:
    """A judge or a person: every verdict, by comparison and order, and one reading a comparison."""

    name: str
    kind: Literal["model", "person", "panel"]
    verdicts: Mapping[str, Mapping[str, Choice | None]]
    """Comparison id -> order shown -> choice."""
    readings: Mapping[str, Reading]
    mode: Mode = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """The subject of the study and one baseline, with the comparisons between them."""

    subject: str
    baseline: str
    seals: Sequence[Seal]


def annotator(
    name: str,
    kind: Literal["model", "person"],
    verdicts: Iterable[Verdict],
    comparisons: Sequence[str],
    mode: Mode = "",
) -> Annotator:
    """Gather one annotator's verdicts. The last counts where a person changed their mind.

    Args:
        comparisons: the ids to read. A person's are only those that they saw: people share the work. Verdicts on
            others are passed over.
        mode: how a model was asked.
    """
    by_order: dict[str, dict[str, Choice | None]] = defaultdict(dict)
    wanted = set(comparisons)
    for verdict in (v for v in verdicts if v.comparison_id in wanted):
        by_order[verdict.comparison_id][verdict.order] = verdict.choice
    asked = {order for orders in by_order.values() for order in orders} if kind == "model" else set()
    if mode == "lima":  # one order, drawn for each comparison: the other is not owed
        asked = set()
    seen = [id for id in comparisons if id in by_order or kind == "model"]
    readings = {id: reading(by_order.get(id, {}), asked) for id in seen}
    return Annotator(name, kind, dict(by_order), readings, mode)


def reading(orders: Mapping[str, Choice | None], asked: Iterable[str] = ()) -> Reading:
    """One reading of the verdicts on one comparison.

    Args:
        orders: order shown -> choice.
        asked: the orders that this annotator was asked in; where one has no verdict, the reading is missing.
    """
    if not orders or any(order not in orders for order in asked):
        return Reading(None, "missing")
    choices = set(orders.values())
    if None in choices:
        return Reading(None, "unreadable")
    if len(choices) > 1:
        return Reading("tie", "flipped")
    return Reading(choices.pop(), "read")


def outcome(choice: Choice, seal: Seal, subject: str) -> Outcome:
    """What the choice means for the subject."""
    if choice == "tie":
        return "tie"
    return "win" if getattr(seal, choice) == subject else "loss"


def pairs_of(seals: Iterable[Seal], named: Iterable[tuple[str, str]] = ()) -> list[Pair]:
    """The comparisons by pair of systems.

    Args:
        named: (subject, baseline) as the study names them, in its order. A pair that it does not name has for
            its subject the system that is in every pair, or the first by name.
    """
    groups: dict[frozenset[str], list[Seal]] = defaultdict(list)
    for seal in seals:
        groups[frozenset((seal.left, seal.right))].append(seal)
    ordered = {frozenset(pair): pair for pair in named if frozenset(pair) in groups}
    shared = frozenset.intersection(*groups) if groups else frozenset()
    for systems in sorted(groups, key=sorted):
        subject = min(shared or systems)
        ordered.setdefault(systems, (subject, next(iter(sorted(systems - {subject})), subject)))
    return [Pair(subject, baseline, groups[systems]) for systems, (subject, baseline) in ordered.items()]
