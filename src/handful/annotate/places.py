"""What a page is told: where a person stands, what is before them, and how the practice went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handful.annotate.items import Item
from handful.annotate.ledger import Answer, Order

Sides = Order | Literal[""]
Where = Literal["consent", "practice", "item", "finished", "paused", "over"]


def sides(shown: str) -> Sides:
    """The order that a row of the ledger has."""
    return "forward" if shown == "forward" else "swapped" if shown == "swapped" else ""


class NotOffered(ValueError):
    """An answer to what the person is not asked, or one that is no choice of its task. Nothing was stored."""


class PartOver(NotOffered):
    """The person takes no part any more. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An item on a person's screen."""

    item: Item
    round: int
    """0; 1 where the person is asked again. For the form, not for the eye."""
    order: Sides
    """Empty where one text is graded. `item.load(order)` has the texts as they stand."""
    before: Answer | None = field(default=None, compare=False)
    """What the person said of it and took back."""


@dataclass(frozen=True, slots=True)
class Place:
    """What to show a person now."""

    where: Where
    """"paused": the study or this person is paused; "over": the person is revoked or dropped."""
    offer: Offer | None = None
    """Of "practice" and "item"."""
    following: Offer | None = None
    """The one after it, kept for this person too: what a page may fetch ahead. None in practice."""
    answered: int = 0
    """Items, with checks and repeats; without practice and what was passed over."""
    left: int = 0
    """Of the person's share, as it was told them first or less: `answered` and `left` never come to more than before.
    0 with an offer: the share is done, or it grew since others were taken out, and more is open."""
    seconds: float | None = None
    """This person's median an item; None while they have few."""
    last: int | None = None
    """Id of the answer that `undo` would take back."""
    practised: int = 0
    practice: int = 0
    """Practice pairs done, of so many."""
    waiting: bool = False
    """Finished for now: others hold the last items, which may open again."""

    @property
    def seconds_left(self) -> float | None:
        return None if self.seconds is None else self.seconds * self.left


@dataclass(frozen=True, slots=True)
class Feedback:
    """After a practice answer."""

    right: bool
    better: Literal["first", "second", "neither"]
    """As the pair stood on the page."""
    explanation: str
