"""The curation desk without its pages: candidates, what people decided of them, and the set that follows.

Holds no state of its own but what it can make again from the folders and the ledger.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handful.annotate.reviews import Review, Reviews
from handful.clean.overlap import TestPrompts
from handful.core.types import Candidate, Example, Turn
from handful.desk.coverage import Coverage, Member, coverage
from handful.desk.facts import Facts, facts_of
from handful.desk.neighbours import Neighbours, overlap
from handful.desk.queue import Filters, queue
from handful.desk.shelf import Card, Shelf
from handful.desk.standing import SETTLED, Standing, agreed, decided, standing
from handful.recipe.curation import Clean, Select
from handful.select.reviews import Decided, example_of, text_hash

NEIGHBOURS = 5
INDEXED = 5_000
"""Texts of the set that neighbours are looked for among; a set of the paper's size has a fifth."""


@dataclass(frozen=True, slots=True)
class Item:
    """A text under review, as it came: a candidate, or what somebody wrote."""

    id: str
    example: Example
    hash: str
    card: Card | None
    """None for what was written."""
    text: Candidate | Example
    standing: Standing

    @property
    def facts(self) -> Facts:
        return self.card.facts if self.card else facts_of(self.example.turns)


@dataclass(frozen=True, slots=True)
class Neighbour:
    id: str
    title: str
    similarity: float
    """TF-IDF."""
    overlap: float
    """Jaccard, of runs of five words."""


class Desk:
    """Everything that a page shows or changes. Safe for several threads."""

    def __init__(self, shelf: Shelf, reviews: Reviews, clean: Clean, quota: Mapping[str, int]) -> None:
        self.shelf = shelf
        self.reviews = reviews
        self.clean = clean
        self.quota = quota
        self.lock = threading.RLock()
        self._hashes: dict[str, str] = {}
        self._standings: tuple[int, dict[str, Standing]] = (-1, {})
        self._members: tuple[int, dict[str, Member]] = (-1, {})
        self._coverage: tuple[int, Coverage] = (-1, coverage(()))
        self._queue: tuple[object, list[str]] = (None, [])
        self._choices: dict[str, list[str]] = {}
        self.test = TestPrompts(shelf.test, clean.overlap_words) if clean.overlap_words else None
        drawn = [card for card in shelf.cards if card.drawn is not None][:INDEXED]
        self._neighbours = Neighbours((card.id, said(shelf.open(card).example.turns)) for card in drawn)

    def standings(self) -> dict[str, Standing]:
        """Id -> what stands, for every text that anybody reviewed and that is there."""
        with self.lock:
            count, found = self._standings
            if count != self.reviews.count:
                count, found = self.reviews.count, {}
                for id in self.reviews.candidates():
                    if not id.startswith(SETTLED) and (each := self.standing_of(id)) and each.reviews:
                        found[id] = each
                self._standings = (count, found)
            return found

    def standing_of(self, id: str) -> Standing | None:
        place = self.shelf.by_id.get(id)
        if place is None:
            found = standing(self.reviews, id)
            return found if any(r.decision == "write" for r in found.reviews.values()) else None
        if id not in self._hashes:
            self._hashes[id] = self.shelf.open(self.shelf.cards[place]).hash
        return standing(self.reviews, id, self._hashes[id])

    def item(self, id: str) -> Item | None:
        place = self.shelf.by_id.get(id)
        if place is not None:
            card = self.shelf.cards[place]
            opened = self.shelf.open(card)
            found = standing(self.reviews, id, opened.hash)
            return Item(id, opened.example, opened.hash, card, opened.text, found)
        written = self.standings().get(id)
        if written is None:
            return None
        example = self.original(written)
        return Item(id, example, text_hash(example), None, example, written)

    def original(self, written: Standing) -> Example:
        """What was written, as its author wrote it."""
        review = next(r for r in written.reviews.values() if r.decision == "write")
        assert review.text is not None
        own = review.text
        return example_of(
            Decided(
                written.candidate,
                "write",
                (review.person,),
                turns=own.turns,
                author=own.author,
                license=own.license,
            )
        )

    def written(self) -> list[Standing]:
        return [found for id, found in self.standings().items() if id not in self.shelf.by_id]

    def members(self) -> dict[str, Member]:
        """The set as it stands: what is drawn and not rejected, and whatever else people keep."""
        with self.lock:
            if self._members[0] != self.reviews.count:
                found = self.standings()
                self._members = (self.reviews.count, {m.id: m for m in self._each_member(found)})
                self._index(found)
            return self._members[1]

    def _each_member(self, found: Mapping[str, Standing]) -> Iterator[Member]:
        for card in self.shelf.cards:
            own = found.get(card.id)
            if own.kept if own and own.decision else card.drawn is not None:
                facts = facts_of(own.text.turns) if own and own.text else card.facts
                yield Member(card.id, card.source, card.community, facts, own is not None)
        for own in self.written():
            if own.kept and own.text:
                example = self.original(own)
                origin = example.origin
                yield Member(own.candidate, origin.source, origin.community, facts_of(own.text.turns), True)

    def _index(self, found: Mapping[str, Standing]) -> None:
        """What people keep, edit or write is a neighbour from now on."""
        for id, own in found.items():
            if own.kept and (own.text or id not in self._neighbours):
                text = (
                    own.text.turns
                    if own.text
                    else self.shelf.open(self.shelf.cards[self.shelf.by_id[id]]).example.turns
                )
                self._neighbours.add(id, said(text))

    def coverage(self) -> Coverage:
        with self.lock:
            members = self.members()
            if self._coverage[0] != self.reviews.count:
                self._coverage = (self.reviews.count, coverage(members.values()))
            return self._coverage[1]

    def queue(self, asked: Filters, person: str) -> list[str]:
        """Ids of what fits, in the order of the queue."""
        with self.lock:
            key = (asked, person, self.reviews.count)
            if self._queue[0] != key:
                self._queue = (key, queue(self, asked, person))
            return self._queue[1]

    def around(self, id: str, asked: Filters, person: str) -> tuple[str, str, int, int]:
        """What comes before and after a text in a queue ("" where nothing does), its place from 1, and of how many.

        A text that is not in it (any more) has the place 0, and the queue's first text after it.
        """
        ids = self.queue(asked, person)
        if id not in ids:
            return "", ids[0] if ids else "", 0, len(ids)
        place = ids.index(id)
        return (
            ids[place - 1] if place else "",
            ids[place + 1] if place + 1 < len(ids) else "",
            place + 1,
            len(ids),
        )

    def choices(self) -> dict[str, list[str]]:
        """What the queue can be narrowed by: sources and communities."""
        if not self._choices:
            cards = self.shelf.cards
            self._choices = {
                "source": sorted({card.source for card in cards}),
                "community": sorted({card.community for card in cards}),
            }
        return self._choices

    def nearest(self, turns: tuple[Turn, ...], but: str = "", count: int = NEIGHBOURS) -> list[Neighbour]:
        """What in the set is most like a dialogue, `but` itself left out."""
        with self.lock:
            members = self.members()
            found = self._neighbours.nearest(said(turns), count, lambda id: id != but and id in members)
        near = []
        for id, similarity in found:
            text = self.text_now(id)
            near.append(Neighbour(id, text[0].text, similarity, overlap(said(text), said(turns))))
        return near

    def text_now(self, id: str) -> tuple[Turn, ...]:
        """The turns of a text of the set as they are now."""
        own = self.standings().get(id)
        if own and own.text:
            return own.text.turns
        item = self.item(id)
        return item.example.turns if item else ()

    def decisions(self) -> list[Decided]:
        """What stands, a line each, by id."""
        lines = (decided(found) for found in self.standings().values())
        return sorted((line for line in lines if line), key=lambda line: line.id)

    def disputed(self) -> list[Standing]:
        return [found for found in self.standings().values() if found.state == "disputed"]

    def agreement(self) -> dict[str, object]:
        return agreed(self.standings().values())

    def stale(self) -> list[Review]:
        """Decisions about texts that have changed since, or are not there any more."""
        held = self.standings()
        return [
            review
            for id in self.reviews.candidates()
            if not id.startswith(SETTLED)
            for person, review in self.reviews.of(id).items()
            if id not in held or person not in held[id].reviews
        ]


def said(turns: tuple[Turn, ...]) -> str:
    return "\n\n".join(turn.text for turn in turns)


def open_desk(clean: Path, select: Path, reviews: Reviews, rules: Clean, params: Select) -> Desk:
    """The desk over two finished folders."""
    return Desk(Shelf(clean, select, params), reviews, rules, params.quota)
