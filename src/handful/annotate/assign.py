"""Which pair a person gets next, and in which order its two answers stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handful.annotate.ledger import Entry, Order
from handful.annotate.pairs import answers_by_pair
from handful.core.rng import rng_for


@dataclass(frozen=True, slots=True)
class Place:
    """How far one person is: pairs still open to them, the next one first, and the answer given last."""

    answered: int
    open: tuple[str, ...]
    last: Entry | None

    @property
    def total(self) -> int:
        return self.answered + len(self.open)


def deal(seed: int, person: str, pairs: Iterable[str]) -> dict[str, Order]:
    """A person's own order of all pairs, and the order of the two answers in each.

    Of every two pairs in a row one is swapped and which one is drawn, so wherever a person stops in this order,
    forward and swapped differ by one at most.
    """
    dealt = sorted(pairs)
    rng_for(seed, "annotate", "pairs", person).shuffle(dealt)
    sides = rng_for(seed, "annotate", "sides", person)
    orders: list[Order] = []
    while len(orders) < len(dealt):
        orders += sides.choice((("forward", "swapped"), ("swapped", "forward")))
    return dict(zip(dealt, orders, strict=False))


def place_of(person: str, dealt: Mapping[str, Order], entries: Sequence[Entry], people: int) -> Place:
    """Where `person` stands.

    Pairs with `people` answers need no more and are not open. What the person took back comes first, the latest
    first; then the pairs with the fewest answers, in the person's own order.
    """
    answers = answers_by_pair(entries, dealt)
    mine = [entry for found in answers.values() for entry in found if entry.person == person]
    done = {entry.shown for entry in mine}
    taken_back = {
        entry.shown: -entry.id
        for entry in entries
        if entry.person == person and entry.choice is None and entry.shown in dealt
    }
    own = {pair: number for number, pair in enumerate(dealt)}
    wanting = [
        pair for pair in dealt if pair not in done and (len(answers[pair]) < people or pair in taken_back)
    ]
    wanting.sort(key=lambda pair: (taken_back.get(pair, 1), len(answers[pair]), own[pair]))
    return Place(len(mine), tuple(wanting), max(mine, key=lambda entry: entry.id, default=None))
