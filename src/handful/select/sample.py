"""Draw evenly over communities, and the best of each first (Section 2.1).

The paper says "temperature 3" and no formula; ours is the usual one, p(community) proportional to
size ** (1 / temperature). A draw depends on the seed and on what there is, never on the order it comes in.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What must be known of a text to draw it."""

    id: str
    source: str
    community: str
    score: int | None
    """The question's score, or None for a ready-made example: those have no order of merit."""
    place: int
    """Where it stands among all that is available, counted from 0."""


def community_weights(sizes: Mapping[str, int], temperature: float) -> dict[str, float]:
    """Chance of drawing each community, evened out by a temperature.

    Args:
        sizes: community -> how much it has, each at least 1.
        temperature: above 0; 1 draws in proportion to size; the larger, the more evenly.

    Returns:
        community -> probability; they sum to 1.
    """
    # Divided by the largest first: a temperature near 0 would otherwise leave the range of numbers.
    largest = max(sizes.values())
    raised = {name: (size / largest) ** (1 / temperature) for name, size in sizes.items()}
    total = sum(raised.values())
    return {name: weight / total for name, weight in raised.items()}


def sample(entries: Iterable[Entry], count: int, temperature: float, rng: random.Random) -> list[Entry]:
    """Draw `count` entries, each time a community by its weight, then its best one not yet taken.

    A community that is used up is out of the draw. Ready-made examples have no best: theirs are shuffled, and a
    sample of nothing else comes back in the order they had.

    Raises:
        ValueError: there are fewer than `count` entries.
    """
    shelves: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        shelves.setdefault(entry.community, []).append(entry)
    available = sum(map(len, shelves.values()))
    if available < count:
        raise ValueError(f"asked for {count}, but there are {available}")
    if not count:
        return []
    for name in sorted(shelves):
        arrange(shelves[name], rng)
    weights = community_weights({name: len(shelf) for name, shelf in shelves.items()}, temperature)
    stocked = sorted(shelves)
    drawn: list[Entry] = []
    while len(drawn) < count:
        name = draw_name(stocked, weights, rng)
        drawn.append(shelves[name].pop())
        if not shelves[name]:
            stocked.remove(name)
    return drawn if any(entry.score is not None for entry in drawn) else sorted(drawn, key=lambda e: e.place)


def arrange(shelf: list[Entry], rng: random.Random) -> None:
    """Put what is to be drawn first last: ready-made examples, shuffled; then the best question, by id where equal."""
    shelf.reverse()
    if any(entry.score is None for entry in shelf):
        rng.shuffle(shelf)
    shelf.sort(key=lambda entry: float("inf") if entry.score is None else entry.score)


def draw_name(stocked: list[str], weights: Mapping[str, float], rng: random.Random) -> str:
    """One of the communities that are left. Where all their weights have vanished, each is as likely."""
    left = [weights[name] for name in stocked]
    return rng.choices(stocked, left if sum(left) > 0 else None)[0]
