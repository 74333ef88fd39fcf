"""What a researcher may know of a running study: how people work, what takes long, how far they agree.

Figures only, from the ledger's answers and the board's counts. It knows items by their hash and never which system
wrote what, so whoever reads these figures while a study runs stays as blind as the people in it. Rates of systems are
for `stats`, once it is over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from handful.annotate.items import PAIRS, SKIP, Item
from handful.core.types import Choice, Task, Verdict

if TYPE_CHECKING:
    from handful.annotate.board import ItemProgress, PersonProgress
    from handful.annotate.ledger import Ledger

TOO_FAST_SECONDS = 3.0
"""A median below this is nobody's reading of two answers (ours)."""
LEAST_FOR_SPEED = 5
LEAST_FOR_SIDE = 10
UNLIKELY = 0.001
"""A side is "always" chosen where a fair coin would be as uneven less often than this (ours)."""
LEAST_SHARED = 10
"""Below this many items that two people answered, agreement is not told: it would say nothing."""
DRAWS = 1_000
"""Of the bootstrap: the report takes more, these figures change while one reads them."""


class Word(NamedTuple):
    """What stands of one answer."""

    person: str
    item: str
    task: str
    choice: str | None
    reason: str
    ms: int | None


class Words:
    """The last word on every item, read on from where the last look ended: the admin page asks again and again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._standing: dict[int, Word] = {}
        self._seen = 0
        self._lock = Lock()

    def standing(self) -> list[Word]:
        """Answers and skips that nobody took back, by people who count."""
        dropped = {person.name for person in self._ledger.people() if person.state == "dropped"}
        with self._lock:
            for row in self._ledger.rows("answers", after=self._seen):
                self._seen = row.id
                self._standing.pop(row.supersedes, None)
                if row.choice is not None:
                    self._standing[row.id] = Word(
                        row.person, row.item, row.task, row.choice, row.reason, row.ms
                    )
            return [word for word in self._standing.values() if word.person not in dropped]


@dataclass(frozen=True, slots=True)
class Agreed:
    """How far people agree on one task. `score` is tie-discounted accuracy where two texts are shown (Section 4.2),
    and the share of equal grades elsewhere; None while fewer than LEAST_SHARED items have two answers."""

    task: Task
    items: int
    score: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    always_tie: float | None = None


@dataclass(frozen=True, slots=True)
class PromptRow:
    """How far one prompt is, over all tasks."""

    prompt_id: str
    item: Item
    """Its first, for the words that it begins with."""
    items: int
    given: int
    wanted: int
    skips: int
    seconds: float | None

    @property
    def missing(self) -> int:
        return self.wanted - self.given


def flags(row: PersonProgress) -> tuple[str, ...]:
    """What a researcher should look at. A flag is a question to ask, not a verdict on the person."""
    found = []
    if row.seconds is not None and row.seconds < TOO_FAST_SECONDS and row.answered >= LEAST_FOR_SPEED:
        found.append(f"fast: half of the answers took under {max(row.seconds, 0.1):.1f} s")
    first, sided = row.first
    most = max(first, sided - first)
    if sided >= LEAST_FOR_SIDE and coin(most, sided) < UNLIKELY:
        found.append(f"one side: answer {'A' if first == most else 'B'} in {most} of {sided}")
    passed, asked = row.checks
    if asked >= 2 and passed * 2 < asked + 1:
        found.append(f"failed {asked - passed} of {asked} checks")
    return tuple(found)


def coin(most: int, n: int) -> float:
    """How often a fair coin, thrown `n` times, is at least as uneven as `most` on one side (two-sided)."""
    return min(1.0, 2 * sum(comb(n, k) for k in range(most, n + 1)) / float(1 << n))


def seconds_by(words: Iterable[Word], what: str) -> dict[str, float]:
    """Median seconds of answers by "item" or "task"; skips, which nobody has to read through, are left out."""
    times: dict[str, list[int]] = defaultdict(list)
    for word in words:
        if word.choice != SKIP and word.ms is not None:
            times[getattr(word, what)].append(word.ms)
    return {name: median(found) / 1000 for name, found in times.items()}


def skip_reasons(words: Iterable[Word], items: Mapping[str, Item]) -> list[tuple[str, int]]:
    """Why items of this study were skipped, the commonest reason first."""
    return Counter(
        w.reason or "no reason" for w in words if w.choice == SKIP and w.item in items
    ).most_common()


def agreed_on_pairs(task: Task, verdicts: Iterable[Verdict], prompts: Mapping[str, str]) -> Agreed:
    """Every two people on every comparison that both judged, by the functions that write the report.

    Args:
        prompts: comparison id -> prompt id; one that is not there (of live dialogues) is its own prompt.
    """
    by_pair: dict[str, list[Choice]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.choice is not None:
            by_pair[verdict.comparison_id].append(verdict.choice)
    shared = {id: choices for id, choices in by_pair.items() if len(choices) > 1}
    if len(shared) < LEAST_SHARED:
        return Agreed(task, len(shared))
    from handful.stats.agreement import agreement, both_ways
    from handful.stats.bootstrap import Bootstrap

    rows = [
        (prompts.get(id, id), a, b) for id, choices in shared.items() for a, b in combinations(choices, 2)
    ]
    found = agreement("people", "people", both_ways(rows), Bootstrap(draws=DRAWS))
    score = found.tie_discounted
    return Agreed(task, len(shared), score.estimate, score.low, score.high, found.chance, found.always_tie)


def agreed_on_grades(task: Task, items: Iterable[ItemProgress]) -> Agreed:
    """The share of every two grades of one item that are equal, and what people would reach who grade at random, each
    grade as often as all did together."""
    shared = [item.counts for item in items if item.task == task and sum(item.counts.values()) > 1]
    if len(shared) < LEAST_SHARED:
        return Agreed(task, len(shared))
    equal = sum(comb(n, 2) for counts in shared for n in counts.values())
    pairs = sum(comb(sum(counts.values()), 2) for counts in shared)
    totals: Counter[str] = Counter()
    for counts in shared:
        totals.update(counts)
    chance = sum((n / totals.total()) ** 2 for n in totals.values())
    return Agreed(task, len(shared), equal / pairs, chance=chance)


def agreed(
    tasks: Sequence[Task],
    verdicts: Mapping[Task, list[Verdict]],
    items: Sequence[ItemProgress],
    prompts: Mapping[str, str],
) -> list[Agreed]:
    """Each task on which any item has two answers."""
    found = [
        agreed_on_pairs(task, verdicts.get(task, []), prompts)
        if task in PAIRS
        else agreed_on_grades(task, items)
        for task in tasks
    ]
    return [one for one in found if one.items]


def by_prompt(
    items: Iterable[ItemProgress], known: Mapping[str, Item], seconds: Mapping[str, float]
) -> list[PromptRow]:
    """The items' progress gathered by prompt, in the study's order. `seconds` is by item."""
    groups: dict[str, list[ItemProgress]] = defaultdict(list)
    for item in items:
        if item.key in known:  # live dialogues are on no page of the study's prompts
            groups[known[item.key].prompt_id].append(item)
    rows = []
    for prompt_id, group in groups.items():
        times = [seconds[item.key] for item in group if item.key in seconds]
        rows.append(
            PromptRow(
                prompt_id,
                known[group[0].key],
                len(group),
                sum(min(item.answers, item.wanted) for item in group),
                sum(item.wanted for item in group),
                sum(item.skipped for item in group),
                median(times) if times else None,
            )
        )
    return rows
