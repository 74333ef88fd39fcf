"""What a reviewer goes through: which texts, in which order, narrowed by what they ask for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from handful.desk.standing import Standing

if TYPE_CHECKING:
    from handful.desk.desk import Desk

PAGE = 50
WHICH = {
    "": "all",
    "mine": "not reviewed by me",
    "drawn": "drawn, and not reviewed by me",
    "kept": "kept",
    "rejected": "rejected",
    "edited": "edited",
    "written": "written",
    "disputed": "in dispute",
}
"""What of the queue is shown: the value in the address, and its words."""
BLIND = frozenset({"kept", "rejected", "edited"})
"""Of these a reviewer is shown only what they may know: their own decisions, and what is known to them of others'."""


@dataclass(frozen=True, slots=True)
class Filters:
    """As they stand in an address."""

    source: str = ""
    community: str = ""
    tag: str = ""
    q: str = ""
    which: str = ""

    def query(self, **more: str) -> str:
        return urlencode({name: value for name, value in {**asdict(self), **more}.items() if value})


def queue(desk: Desk, filters: Filters, person: str) -> list[str]:
    """Ids in the order of the queue: what was written first, since it waits for a second reader; then the shelf."""
    standings = desk.standings()
    matches = desk.shelf.search(filters.q) if filters.q.strip() else None
    found = []
    for own in desk.written():
        if written_fits(desk, own, filters, person):
            found.append(own.candidate)
    for place, card in enumerate(desk.shelf.cards):
        if matches is not None and place not in matches:
            continue
        if filters.source not in ("", card.source) or filters.community not in ("", card.community):
            continue
        own_or_none = standings.get(card.id)
        if filters.tag and filters.tag not in card.tags and filters.tag not in tags_of(own_or_none, person):
            continue
        if wanted(filters.which, own_or_none, person, card.drawn is not None):
            found.append(card.id)
    return found


def written_fits(desk: Desk, own: Standing, filters: Filters, person: str) -> bool:
    example = desk.original(own)
    text = " ".join(turn.text for turn in example.turns).casefold()
    return (
        filters.source in ("", example.origin.source)
        and filters.community in ("", example.origin.community)
        and (not filters.tag or filters.tag in tags_of(own, person))
        and all(word in text for word in filters.q.casefold().split())
        and wanted(filters.which, own, person, drawn=True)
    )


def tags_of(own: Standing | None, person: str) -> set[str]:
    """The tags that `person` gave, and those of others where they may be seen."""
    if own is None:
        return set()
    shown = own.shown_to(person)
    return {tag for review in own.reviews.values() if shown or review.person == person for tag in review.tags}


def wanted(which: str, own: Standing | None, person: str, drawn: bool) -> bool:
    reviewed = own is not None and person in own.reviews
    if which == "mine":
        return not reviewed and not (own and own.locked())
    if which == "drawn":
        return drawn and not reviewed and not (own and own.locked())
    if which == "written":
        return own is not None and any(r.decision == "write" for r in own.reviews.values())
    if which == "disputed":
        return own is not None and own.state == "disputed"
    if which in BLIND:
        return own is not None and decision_known(own, person) in MEANS[which]
    return True


MEANS = {"kept": ("accept", "edit", "write"), "rejected": ("reject",), "edited": ("edit",)}


def decision_known(own: Standing, person: str) -> str:
    """What `person` may know to be decided: the outcome where they may see it, else their own decision."""
    if own.shown_to(person):
        return own.decision or ""
    review = own.reviews.get(person)
    return (review.decision or "") if review else ""
