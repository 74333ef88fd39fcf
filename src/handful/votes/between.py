"""How far every two annotators agree, and each with all the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from handful.votes.agree import Agreement, agreement, per_item
from handful.votes.readings import Readings
from handful.votes.resample import Resampler
from handful.votes.table import Floats, Ints, Votes

MAX_PAIRS = 3_000_000
"""Of verdicts on one item, held at once for the pairs of annotators."""


def annotators_agree(
    votes: Votes, found: Readings, resampler: Resampler, limit: int
) -> tuple[list[Agreement], int]:
    """Every two annotators who share an item, those with the most first; and how many annotators were left out.

    Only the `limit` annotators with the most readings are paired, or fewer, so that MAX_PAIRS pairs of verdicts
    are enough.
    """
    kept = busiest(found, limit)
    chosen = np.isin(found.rater, kept)
    item, rater, choice = found.item[chosen], found.rater[chosen], found.said[chosen]
    prompt = found.prompt[chosen]
    names = rater_names(votes, found)
    rank = np.argsort(np.argsort(np.array(names, dtype=object), kind="stable"))
    first, second, where, tables = [], [], [], []
    for a, b in joined(item):
        other = rater[a] != rater[b]
        a, b = a[other], b[other]
        turned = rank[rater[a]] > rank[rater[b]]
        a, b = np.where(turned, b, a), np.where(turned, a, b)
        first.append(rater[a])
        second.append(rater[b])
        where.append(np.column_stack([prompt[a], item[a]]))
        tables.append(choice[a] * 3 + choice[b])
    if not first or not sum(map(len, first)):
        return [], len(found.raters) - len(kept)
    pair = np.concatenate(first) * len(found.raters) + np.concatenate(second)
    place, cell = np.concatenate(where), np.concatenate(tables)
    order = np.argsort(pair, kind="stable")
    keys, starts = np.unique(pair[order], return_index=True)
    slices = np.split(order, starts[1:])
    resampler = resampler.sparing(len(keys))
    by_size = sorted(
        zip(keys, slices, strict=True), key=lambda pair: len(pair[1])
    )  # these share their resamples
    rows = [
        one_pair(names, int(key), len(found.raters), place[here], cell[here], resampler)
        for key, here in by_size
    ]
    rows.sort(key=lambda row: (-row.exact.pairs, row.first, row.second))
    return rows, len(found.raters) - len(kept)


def one_pair(
    names: Sequence[str], key: int, raters: int, place: Ints, cell: Ints, resampler: Resampler
) -> Agreement:
    """Two annotators; `place` has the prompt and the item of each pair of their verdicts, `cell` 3 a + b."""
    items, at = np.unique(place[:, 1], return_inverse=True)
    both = np.bincount(at * 9 + cell, minlength=9 * len(items)).reshape(-1, 3, 3).astype(np.float64)
    prompt = np.zeros(len(items), dtype=np.int64)
    prompt[at] = place[:, 0]
    coincidences = both + both.transpose(0, 2, 1)
    return agreement((names[key // raters], names[key % raters]), prompt, both, coincidences, resampler)


def each_with_the_rest(
    found: Readings, rater: int, name: str, rest: Floats, resampler: Resampler
) -> Agreement:
    """One annotator against everybody else, whatever their group: leave-one-out.

    Args:
        rest: of each reading, how often all others made each choice on its item, (readings, 3).
    """
    own = np.flatnonzero(found.rater == rater)
    both = np.eye(3)[found.said[own]][:, :, None] * rest[own][:, None, :]
    return agreement((name, "all others"), found.prompt[own], both, both + both.transpose(0, 2, 1), resampler)


def the_rest(found: Readings) -> Floats:
    """Of each reading, how often annotators other than its own made each choice on its item: (readings, 3)."""
    everyone = per_item(found, np.ones(len(found.item), dtype=bool))[found.item]
    changes = (np.diff(found.item) != 0) | (np.diff(found.rater) != 0)  # readings are sorted by both
    mine = np.r_[0, np.cumsum(changes)][: len(found.item)]
    own = np.bincount(mine * 3 + found.said, minlength=3 * (int(mine.max(initial=-1)) + 1)).reshape(-1, 3)
    return np.asarray(everyone - own[mine], dtype=np.float64)


def joined(item: Ints) -> Iterator[tuple[Ints, Ints]]:
    """All pairs of rows with the same item, where `item` is sorted: rows one apart, then two apart, and so on."""
    for apart in range(1, len(item)):
        rows = np.flatnonzero(item[apart:] == item[:-apart])
        if not len(rows):
            return
        yield rows, rows + apart


def busiest(found: Readings, limit: int) -> Ints:
    """The raters with the most readings: at most `limit`, and few enough to be paired within MAX_PAIRS."""
    order = np.argsort(-np.bincount(found.rater, minlength=len(found.raters)), kind="stable")
    count = min(limit, len(order))
    while count > 1:
        sizes = np.bincount(found.item[np.isin(found.rater, order[:count])])
        if (sizes * (sizes - 1) // 2).sum() <= MAX_PAIRS:
            return order[:count]
        count = count * 3 // 4
    return order[: 0 if count < len(order) else count]


def rater_names(votes: Votes, found: Readings) -> list[str]:
    """A name for each rater, with the group where one name stands in several."""
    seen: dict[int, int] = {}
    for annotator, _ in found.raters:
        seen[annotator] = seen.get(annotator, 0) + 1
    return [
        f"{votes.annotators[a]} ({votes.groups[g] or 'no group'})" if seen[a] > 1 else votes.annotators[a]
        for a, g in found.raters
    ]
