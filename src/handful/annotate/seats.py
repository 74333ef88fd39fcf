"""What stands in a served study, in memory: a seat for each person, a tally for each item. It knows no design."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from handful.annotate.items import SKIP
from handful.annotate.ledger import Answer
from handful.annotate.places import Offer, Sides

Asked = tuple[str, int]
"""Key of an item, and the round."""


@dataclass(slots=True)
class Hold:
    """An offer that nobody else gets until it lapses."""

    offer: Offer
    opened: float
    """Seconds of the monotonic clock."""
    until: float


@dataclass(slots=True)
class Tally:
    """What was said of one item by people who count."""

    number: int
    pooled: bool = True
    """Whether people share it out, and not everybody gets it."""
    answers: int = 0
    skipped: int = 0
    held: int = 0
    lean: int = 0
    """How many more saw it forward than swapped, screens included."""
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Seat:
    """One person."""

    name: str
    group: str = ""
    state: str = "active"
    reason: str = ""
    known: bool = False
    """Whether the ledger has them as a person, beyond answers under their name."""
    consented: bool = False
    practised: bool = False
    answers: dict[Asked, Answer] = field(default_factory=dict)
    """What stands, skips and practice included, oldest first."""
    undone: set[int] = field(default_factory=set)
    sides: dict[Asked, Sides] = field(default_factory=dict)
    """How what was taken back stood: it comes back the same."""
    taken_back: dict[Asked, Answer] = field(default_factory=dict)
    """Answers that the person took back and has not given again."""
    share: int | None = None
    """The smallest fair share of the whole study since the person began, in items."""
    goal: int | None = None
    """The smallest number of items that the person was told they will have dealt with at the end."""
    holds: dict[Asked, Hold] = field(default_factory=dict)
    """On the screen first, then what is fetched ahead."""
    lean: int = 0
    given: int = 0
    """Answers to items, checks and repeats."""
    skipped: int = 0
    done: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """(Task, pooled) -> items answered or passed over, in round 0."""
    shown_from: float = 0.0
    """When the last answer was there: what was fetched ahead is not on the screen before that."""
    milliseconds: list[int] = field(default_factory=list)
    """Sorted."""
    own: dict[str, list[str]] = field(default_factory=dict)
    """Task -> items that are kept for this person alone, or until they pass them over."""

    @property
    def counts(self) -> bool:
        return self.state != "dropped"

    @property
    def active(self) -> bool:
        return self.state == "active"

    def closed(self, key: str) -> bool:
        """Whether the person has dealt with an item, or holds it."""
        return (key, 0) in self.answers or (key, 0) in self.holds

    def answered(self, round: int) -> Iterator[str]:
        """Keys answered, without what was passed over, oldest first."""
        return (key for (key, r), said in self.answers.items() if r == round and said.choice != SKIP)

    def on_screen(self, asked: Asked, now: float) -> int | None:
        """Milliseconds since an item was offered, or since the answer before it where it was fetched ahead."""
        hold = self.holds.get(asked)
        return round((now - max(hold.opened, self.shown_from)) * 1000) if hold else None

    def last(self, practice: Container[str]) -> int | None:
        """Id of the answer or skip that was given last, practice aside."""
        said = (answer.id for (key, _), answer in reversed(self.answers.items()) if key not in practice)
        return next(said, None)

    def name_of_judge(self) -> str:
        """As verdicts name this person: statistics group people by what stands before the colon."""
        return judge_name(self.name, self.group)


def judge_name(name: str, group: str) -> str:
    return f"{group}:{name}" if group else name


def took(sorted_ms: list[int], ms: int | None) -> None:
    if ms is not None:
        insort(sorted_ms, ms)


def took_back(sorted_ms: list[int], ms: int | None) -> None:
    if ms is not None:
        del sorted_ms[bisect_left(sorted_ms, ms)]


def median_seconds(sorted_ms: list[int]) -> float | None:
    """The middle, or the mean of the two in the middle."""
    if not sorted_ms:
        return None
    half = len(sorted_ms) // 2
    middle = sorted_ms[half] if len(sorted_ms) % 2 else (sorted_ms[half - 1] + sorted_ms[half]) / 2
    return middle / 1000
