"""[quantity] of an ablation's file: arms of growing size, whose sources keep their proportions (Section 5, Figure 6).

    [all.select.quota]            # how the sources share an arm: here half each
    stem = 1
    other = 1

    [quantity]
    sizes = [50, 100, 200]        # or "double": up to what there is, from the smallest on
    from = 50                     # of "double": the smallest
    of = ["stem", "other"]        # what grows; empty means every source with a quota
    name = "se"                   # arms are se-50, se-100 ...

A smaller arm's examples are in every larger one of the same seed: `select` draws one by one, and where a smaller draw
ends a larger one goes on. (`dataset.dev` above 0 takes examples away from each arm by lot, and breaks that.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import Any, Literal

from handful.core.errors import DataError
from handful.experiments.keys import QUANTITY, stated
from handful.recipe.schema import Recipe
from handful.select.quota import too_few

MOST_ARMS = 20
"""Of "double": 50 doubled twenty times is more than any dump has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """The table [quantity], as its file has it."""

    sizes: Sequence[int] | Literal["double"]
    start: int
    of: Sequence[str]
    name: str


def read_quantity(table: Mapping[str, Any]) -> Quantity:
    """The table as a value.

    Raises:
        ValueError: it does not fit; says which key and why.
    """
    known = [key.name for key in QUANTITY]
    for key in table:
        if key not in known:
            raise ValueError(f"quantity.{key}: is no setting; there are {', '.join(known)}")
    sizes, start, of, name = (stated(table, QUANTITY, key) for key in known)
    fits = isinstance(sizes, list) and sizes and all(type(n) is int and n > 0 for n in sizes)
    if sizes != "double" and not fits:
        raise ValueError(f'quantity.sizes: expected whole numbers above 0, or "double", found {sizes!r}')
    if fits and list(sizes) != sorted(set(sizes)):
        raise ValueError(f"quantity.sizes: expected each size once, the smallest first, found {sizes!r}")
    if type(start) is not int or start < 1:
        raise ValueError(f"quantity.from: expected a whole number above 0, found {start!r}")
    if not isinstance(of, list) or not all(isinstance(source, str) for source in of):
        raise ValueError(f"quantity.of: expected names of sources, found {of!r}")
    if not isinstance(name, str) or not name or name[-1].isdigit():
        raise ValueError(f"quantity.name: expected a word that ends in no digit, found {name!r}")
    return Quantity(sizes=sizes, start=start, of=tuple(of), name=name)


def too_large(
    arm: str, quota: Mapping[str, int], cleaned: Mapping[str, Any], grows: Collection[str]
) -> list[str]:
    """A line for each source of which an arm asks for more than the rules left.

    Args:
        cleaned: source -> its counts in the manifest of `clean`.
        grows: the sources whose quota follows from quantity.sizes; empty for an arm that the file states itself.
    """
    found = []
    for name, asked in quota.items():
        if name in cleaned and asked > (left := int(cleaned[name]["kept"])):
            said = f"arm {arm}: {too_few(name, asked, left, cleaned[name])}"
            found.append(said.replace("lower the quota", "lower quantity.sizes") if name in grows else said)
    return found


def shares(quantity: Quantity, recipe: Recipe) -> dict[str, int]:
    """Source -> its quota, of the sources that grow: their proportions.

    Raises:
        ValueError: no source grows, one is unknown, or one is taken whole whatever the size.
    """
    for name in quantity.of:
        if name not in recipe.sources:
            raise ValueError(f"quantity.of: {name!r} is no source; there are {', '.join(recipe.sources)}")
    stated = recipe.select.quota
    for name, source in recipe.sources.items():
        if name not in stated and getattr(source, "split", "train") == "train":
            raise ValueError(
                f"quantity: source {name!r} has no quota, so every arm would take all of it; give it one in "
                "[all.select.quota], 0 to leave it out"
            )
    grows = quantity.of or [name for name, count in stated.items() if count and name in recipe.sources]
    found = {name: stated[name] for name in grows if stated.get(name, 0) > 0}
    if not found or len(found) < len(quantity.of):
        lacking = ", ".join(name for name in quantity.of if name not in found)
        who = f".of: {lacking} has no" if lacking else ": no source has a"
        raise ValueError(
            f"quantity{who} quota above 0: how sources share an arm is said in [all.select.quota]"
        )
    return found


def arms_of(quantity: Quantity, proportions: Mapping[str, int], sizes: Sequence[int]) -> dict[str, Any]:
    """Arm -> the tables that it lays over the rest."""
    return {f"{quantity.name}-{size}": {"select": {"quota": scaled(proportions, size)}} for size in sizes}


def scaled(proportions: Mapping[str, int], total: int) -> dict[str, int]:
    """`total` shared out as proportions say, as nearly as whole numbers allow.

    By Webster's method, one at a time: unlike the largest remainder it never takes from a source what a smaller total
    gave it, so that a smaller arm is part of a larger one.
    """
    given = dict.fromkeys(proportions, 0)
    waiting = [(1 / count, place, name) for place, (name, count) in enumerate(proportions.items())]
    heapify(waiting)
    for _ in range(total):
        _, place, name = waiting[0]
        given[name] += 1
        heapreplace(waiting, ((2 * given[name] + 1) / proportions[name], place, name))
    return given


def doubled(quantity: Quantity, proportions: Mapping[str, int], available: Mapping[str, int]) -> list[int]:
    """The sizes from the smallest on, doubling as long as every source has enough.

    Raises:
        DataError: that makes fewer than two.
    """
    sizes: list[int] = []
    size = quantity.start
    while len(sizes) < MOST_ARMS and fits(scaled(proportions, size), available):
        sizes.append(size)
        size *= 2
    if len(sizes) < 2:
        there = ", ".join(f"{name} {available.get(name, 0):,}" for name in proportions)
        raise DataError(
            f"quantity: doubling from {quantity.start:,} makes {len(sizes)} of the two arms or more that a comparison "
            f"needs; the rules left {there}; lower quantity.from, add sources or relax clean"
        )
    return sizes


def fits(wanted: Mapping[str, int], available: Mapping[str, int]) -> bool:
    return all(count <= available.get(name, 0) for name, count in wanted.items())
