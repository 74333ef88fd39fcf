"""All candidates of a recipe, indexed so that a page of them is quick to show, whatever there are.

The texts stay in the stages' files and are read by their place in them; in memory is what lists, filters and counts
need of each. First stands what `select` drew, in its order; then the rest, the best of each community in turn.

Read once, when the desk opens: the folders of finished stages do not change. Decisions are not known here.
"""

from __future__ import annotations

import mmap
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from handful.core import jsonl
from handful.core.types import Candidate, Example, Prompt
from handful.desk.facts import Facts, facts_of
from handful.recipe.curation import Select
from handful.select.compose import compose
from handful.select.reviews import text_hash

FILES: tuple[tuple[str, type[Candidate] | type[Example]], ...] = (
    ("candidates.jsonl", Candidate),
    ("examples.jsonl", Example),
)
KEY = rb"(?![a-z_]*\":)"
"""Behind a match: the name of a JSON field is no text. Inside a text the quotation mark would be escaped."""
SEARCHED = 8
"""Words of a search that are looked for; more narrow nothing down."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is held of one text."""

    id: str
    source: str
    community: str
    title: str
    tags: tuple[str, ...]
    score: int | None
    drawn: int | None
    """Its place among what `select` drew; None where it was not."""
    facts: Facts
    file: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Opened:
    """One text, read whole: as `clean` has it, and as the example that `select` makes of it."""

    text: Candidate | Example
    example: Example
    hash: str


class Shelf:
    """The texts of a recipe's finished folders `clean` and `select`.

    Safe for several threads: the files are only read.
    """

    def __init__(self, clean: Path, select: Path, params: Select) -> None:
        self.params = params
        self._files = [mapped(clean / name) for name, _ in FILES]
        self._lock = threading.Lock()
        drawn = {id: place for place, id in enumerate(ids_of(select / "train.jsonl"))}
        cards = [card for number in range(len(FILES)) for card in self._cards(number, drawn)]
        self.cards: list[Card] = in_turn(cards)
        self.by_id: Mapping[str, int] = {card.id: place for place, card in enumerate(self.cards)}
        self._by_start = sorted(range(len(cards)), key=lambda n: (self.cards[n].file, self.cards[n].start))
        self.test = tuple(jsonl.read(clean / "test.jsonl", Prompt))
        self.search = lru_cache(maxsize=64)(self._search)

    def _cards(self, number: int, drawn: Mapping[str, int]) -> Iterator[Card]:
        content, kind = self._files[number], FILES[number][1]
        decoder: msgspec.json.Decoder[Candidate | Example] = msgspec.json.Decoder(kind)
        start = 0
        while start < len(content):
            end = content.find(b"\n", start)
            end = len(content) if end < 0 else end
            text = decoder.decode(content[start:end])
            example = compose(text, self.params) if isinstance(text, Candidate) else text
            score = text.question_score if isinstance(text, Candidate) else text.score
            yield Card(
                text.id,
                text.origin.source,
                text.origin.community,
                title_of(text),
                text.tags,
                score,
                drawn.get(text.id),
                facts_of(example.turns),
                number,
                start,
                end,
            )
            start = end + 1

    def open(self, card: Card) -> Opened:
        content, kind = self._files[card.file], FILES[card.file][1]
        text: Candidate | Example = msgspec.json.decode(content[card.start : card.end], type=kind)
        example = compose(text, self.params) if isinstance(text, Candidate) else text
        return Opened(text, example, text_hash(text))

    def _search(self, words: str) -> frozenset[int]:
        """Places of the cards whose record has every one of the words, wherever in it; in capitals or not, as far as
        they are ASCII."""
        found = self._by_start
        for word in words.split()[:SEARCHED]:
            found = self._with(msgspec.json.encode(word)[1:-1].lower(), found)
        return frozenset(found)

    def _with(self, word: bytes, places: Sequence[int]) -> list[int]:
        """Those of `places` whose record has the word. Few have it at all, and only those are looked at closely."""
        pattern = re.compile(re.escape(word) + KEY)
        found = []
        for place in places:
            card = self.cards[place]
            record = self._files[card.file][card.start : card.end].lower()
            if word in record and pattern.search(record):
                found.append(place)
        return found


def mapped(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


class Named(msgspec.Struct):
    id: str


def ids_of(path: Path) -> Iterator[str]:
    return (record.id for record in jsonl.read(path, Named))


def title_of(text: Candidate | Example) -> str:
    if isinstance(text, Candidate):
        return text.title or text.body
    return text.turns[0].text


def in_turn(cards: Sequence[Card]) -> list[Card]:
    """What is drawn, in drawn order; then of every community its best, its second best, and so on."""
    drawn = sorted((card for card in cards if card.drawn is not None), key=lambda card: card.drawn or 0)
    shelves: dict[tuple[str, str], list[Card]] = {}
    for card in cards:
        if card.drawn is None:
            shelves.setdefault((card.source, card.community), []).append(card)
    ranked = []
    for shelf in shelves.values():
        shelf.sort(key=lambda card: -(card.score or 0))
        ranked += [(rank, -(card.score or 0), card.id, card) for rank, card in enumerate(shelf)]
    return [*drawn, *(card for *_, card in sorted(ranked, key=lambda row: row[:3]))]
