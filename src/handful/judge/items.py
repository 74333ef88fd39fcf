"""What a judge is asked about, whatever the task: texts with an id, and the orders in which they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from handful.core.rng import rng_for
from handful.core.types import Choice, Comparison, Grade, Noun, Submission, Task, Turn, Verdict

Mode = Literal["robust", "lima"]
Order = Literal["forward", "swapped"]
ORDERS: tuple[Order, ...] = ("forward", "swapped")
FAILED = "error: "
"""How `raw` begins where the judge could not be asked: no verdict at all, unlike one that could not be read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A comparison (two texts) or a submission (one), and each order that it is shown in."""

    id: str
    task: Task
    turns: tuple[Turn, ...]
    texts: tuple[str, ...]
    orders: tuple[Order, ...] = ("forward",)

    def shown(self, order: Order) -> tuple[str, ...]:
        """The texts as the judge sees them: the first is Answer A."""
        return self.texts if order == "forward" else self.texts[::-1]

    def cut(self, texts: Sequence[str]) -> Item:
        return replace(self, texts=tuple(texts))


Question = tuple[Item, Order]


class Said(Noun, frozen=True, omit_defaults=True):
    """One answer of a judge, said of the texts as they were shown. `scores` is each option's log-likelihood."""

    id: str
    order: Order
    choice: str | None
    raw: str = ""
    scores: dict[str, float] | None = None
    passing: bool = False
    """It failed, but might not another day."""

    @property
    def key(self) -> tuple[str, Order]:
        return self.id, self.order

    @property
    def failed(self) -> bool:
        return self.choice is None and self.raw.startswith(FAILED)


def comparisons_as_items(comparisons: Iterable[Comparison], mode: Mode) -> list[Item]:
    """In both orders, or in "lima" mode in one that is drawn by the comparison's id (ours: the paper does not say)."""
    return [
        Item(c.id, c.task, c.turns, (c.left, c.right), ORDERS if mode == "robust" else (drawn_order(c.id),))
        for c in comparisons
    ]


def drawn_order(id: str) -> Order:
    return rng_for(0, "judge", "order", id).choice(ORDERS)


def submissions_as_items(submissions: Iterable[Submission]) -> list[Item]:
    return [Item(s.id, s.task, s.turns, (s.text,)) for s in submissions]


def sides(item: Item) -> tuple[str, ...]:
    """What the texts are called where a cut is told."""
    return ("left", "right") if len(item.texts) == 2 else ("text",)


def questions_of(items: Iterable[Item]) -> list[Question]:
    return [(item, order) for item in items for order in item.orders]


def as_verdict(said: Said, judge: str) -> Verdict:
    """The judge's choice, made of what it was shown, said of the comparison as it is stored."""
    return verdict(said.id, judge, said.order, said.choice, said.raw)  # type: ignore[arg-type]


def verdict(comparison_id: str, judge: str, order: Order, choice: Choice | None, raw: str) -> Verdict:
    shown = Verdict(comparison_id, judge, choice, "forward", raw)
    return shown if order == "forward" else shown.swapped()


def as_grade(said: Said, judge: str) -> Grade:
    return Grade(said.id, judge, said.choice, said.raw)
