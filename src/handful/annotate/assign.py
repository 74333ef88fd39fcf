"""Who is asked what next, and how the two texts stand: the design of a study by people. Pure.

Ours, since the paper says little of it: every item by `people` different people; the shared ones by everybody, first
and in one order, so that also those who stop early have them in common (Section 4.2 has 50); then what has the fewest
answers, in each person's own order; sides balanced within a person, an item and the study.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from handful.annotate.ledger import Order
from handful.core.rng import rng_for

GAP = 10
"""Items that lie between an answer and its repetition, at least, where there are so many."""
MAX_LEAN = 2
"""How far forward and swapped may differ for one person while an item's own balance asks for it."""
SIGN: Mapping[str, int] = {"forward": 1, "swapped": -1, "": 0}


def shared_items(seed: int, task: str, keys: Iterable[str], count: int) -> list[str]:
    """The items of a task that everybody is given, in the order in which everybody gets them."""
    drawn = sorted(keys)
    rng_for(seed, "annotate", "shared", task).shuffle(drawn)
    return drawn[:count]


def own_order(seed: int, person: str, keys: Iterable[str]) -> dict[str, float]:
    """Key -> its place in a person's own order of all items, whatever the order of `keys`."""
    rng = rng_for(seed, "annotate", "items", person)
    return {key: rng.random() for key in sorted(keys)}


def side(person: int, item: int, study: int, drawn: Order) -> Order:
    """How a pair stands for one person.

    The item's balance comes first, unless that would lean the person's by more than MAX_LEAN; then the person's, then
    the study's; where all are even, `drawn`.

    Args:
        person, item, study: how many more were shown forward than swapped, those on screens included.
    """
    wanted = -1 if item > 0 else 1 if item < 0 else 0
    if wanted and abs(person + wanted) > MAX_LEAN:
        wanted = -wanted
    lean = wanted or -person or -study
    if lean == 0:
        return drawn
    return "forward" if lean > 0 else "swapped"


def drawn_side(seed: int, person: str, key: str) -> Order:
    return rng_for(seed, "annotate", "sides", person, key).choice(("forward", "swapped"))


def other(order: str) -> Order:
    return "forward" if order == "swapped" else "swapped"


def check_due(answered: int, left: int, done: int, checks: int) -> bool:
    """Whether a check comes now: they are spread evenly among `answered` + `left` items, the last ones before the end.

    Args:
        answered, left: items without checks.
        done, checks: checks answered so far, of so many.
    """
    return done < checks and answered * (checks + 1) >= (done + 1) * (answered + left)


def to_repeat(seed: int, person: str, answered: Sequence[str], again: Sequence[str], count: int) -> list[str]:
    """What a person is asked again at the end: `count` items less those asked again already, oldest answer first.

    Args:
        answered: what the person answered, in that order.
        again: what they were asked again.
    """
    old = answered[: max(len(answered) - GAP, min(count, len(answered)))]
    ranks = own_order(seed, f"{person}/repeats", old)
    repeated = set(again)
    fresh = sorted((key for key in old if key not in repeated), key=ranks.__getitem__)
    chosen = set(fresh[: max(0, count - len(repeated))])
    return [key for key in old if key in chosen]


def fair_share(wanted: int, people: int, most: int) -> int:
    """How many of the answers that are still wanted will fall to one of `people`, who has `most` items open."""
    return min(most, math.ceil(wanted / max(people, 1)))


class Pool:
    """The items of one task that people share out, each with its level: answers that count, and screens it is on.

    An item is open below `people`. What falls is remembered, so that each person's queue learns of it in O(log n).
    """

    def __init__(self, keys: Iterable[str], people: int) -> None:
        self.people = people
        self.levels = dict.fromkeys(keys, 0)
        self.fallen: list[str] = []

    def add(self, key: str) -> None:
        self.levels[key] = 0
        self.fallen.append(key)

    def rise(self, key: str) -> None:
        self.levels[key] += 1

    def fall(self, key: str, settled: bool = False) -> None:
        """`settled`: it rose just before, so nobody needs to know."""
        self.levels[key] -= 1
        if not settled:
            self.fallen.append(key)


class Queue:
    """One person's way through a pool: the item with the lowest level first, in their own order."""

    def __init__(self, pool: Pool, ranks: Mapping[str, float]) -> None:
        self.pool = pool
        self.ranks = dict(ranks)
        self.heap = [
            (level, self.ranks[key], key) for key, level in pool.levels.items() if level < pool.people
        ]
        heapq.heapify(self.heap)
        self.seen = len(pool.fallen)

    def next(self, closed: Callable[[str], bool]) -> str | None:
        """The item to ask now, or None. `closed`: those that the person has answered, passed over or holds."""
        levels, people = self.pool.levels, self.pool.people
        for key in self.pool.fallen[self.seen :]:
            rank = self.ranks.setdefault(key, len(self.ranks))
            heapq.heappush(self.heap, (levels[key], rank, key))
        self.seen = len(self.pool.fallen)
        while self.heap:
            level, rank, key = self.heap[0]
            if closed(key) or levels[key] >= people:
                heapq.heappop(self.heap)  # comes back when it falls
            elif levels[key] > level:
                heapq.heapreplace(self.heap, (levels[key], rank, key))
            else:
                return key
        return None
