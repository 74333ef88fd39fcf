"""Draw the sides and the order of the comparisons, and seal which system stands where.

The paper does not say how its answers were ordered. Ours: for each pair of systems the subject is on the left
in half of the comparisons; then all comparisons are shuffled together.

What this cannot hide: what a response says of its author (`design.gives_away` counts it), or a style that is
easily recognised.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from msgspec.structs import replace

from handful.core.jsonl import dumps
from handful.core.rng import rng_for
from handful.core.types import Comparison, Seal
from handful.study.design import Pairing

Sealed = tuple[Comparison, Seal]


def blind(groups: Iterable[Sequence[Pairing]], seed: int) -> list[Sealed]:
    """Every pairing as a comparison and its seal, in shuffled order.

    Args:
        groups: the pairings of each pair of systems, in an order that depends on no file's.
    """
    named = with_ids([sealed for group in groups for sealed in with_sides(group, seed)])
    rng_for(seed, "study", "order").shuffle(named)
    return named


def with_sides(pairings: Sequence[Pairing], seed: int) -> list[Sealed]:
    """The pairings of one pair of systems, each with its sides drawn. The comparisons have no id yet.

    The draw is the pair's own: adding a third system leaves it as it is.
    """
    if not pairings:
        return []
    names = pairings[0].subject.system, pairings[0].baseline.system
    sides = half_left(len(pairings), rng_for(seed, "study", "sides", *names))
    return [conceal(pairing, left) for pairing, left in zip(pairings, sides, strict=True)]


def half_left(count: int, rng: Random) -> list[bool]:
    """`count` booleans in random order, half of them true; where `count` is odd, the odd one is drawn."""
    sides = [number % 2 == 0 for number in range(count - count % 2)]
    sides += [rng.random() < 0.5] * (count % 2)
    rng.shuffle(sides)
    return sides


def conceal(pairing: Pairing, subject_left: bool) -> Sealed:
    left, right = pairing.subject, pairing.baseline
    if not subject_left:
        left, right = right, left
    prompt = pairing.prompt
    comparison = Comparison("", prompt.id, prompt.turns, left.text, right.text)
    return comparison, Seal("", prompt.id, left.system, right.system, left.sample)


def with_ids(drawn: Iterable[Sealed]) -> list[Sealed]:
    """Each comparison and its seal under an id made of what a judge sees, and so of nothing else.

    The same comparison has the same id in every study: a stored verdict can never be read as one on another
    pair of texts. Where two comparisons show the same texts, the second ends in "-2".
    """
    seen: Counter[str] = Counter()
    named = []
    for comparison, seal in drawn:
        digest = hashlib.sha256(dumps(comparison)).hexdigest()[:12]
        seen[digest] += 1
        id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        named.append((replace(comparison, id=id), replace(seal, comparison_id=id)))
    return named
