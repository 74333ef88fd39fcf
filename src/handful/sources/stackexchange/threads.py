"""Which answers have a conversation between asker and answerer under them, and where its rows are.

Two passes: over Posts.xml for the questions and the answers with enough comments, over Comments.xml for the comments
under those. What stays in memory is three or four whole numbers for each (about 30 bytes a row, not objects); the
rows stay on a shelf, which is the file itself or a temporary one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from handful.core.types import Dropped
from handful.sources.stackexchange.comments import glance as glance_comment
from handful.sources.stackexchange.comments import person, value
from handful.sources.stackexchange.rows import QUESTION, Fault, glance
from handful.sources.stackexchange.scan import check_broken

Rows = Iterable[tuple[int, bytes]]

CHECK_EVERY = 100_000
NONE = -1


class Shelf(Protocol):
    def keep(self, position: int, record: bytes) -> int: ...
    def fetch(self, place: int) -> bytes: ...


class Table:
    """Rows of whole numbers, found by their first, which is unique. Cheap where they come in its order."""

    def __init__(self, width: int) -> None:
        self.columns = [array("q") for _ in range(width)]
        self.in_order = True

    def __len__(self) -> int:
        return len(self.columns[0])

    def add(self, *row: int) -> None:
        if self.columns[0] and row[0] <= self.columns[0][-1]:
            self.in_order = False
        for column, number in zip(self.columns, row, strict=True):
            column.append(number)

    def settle(self) -> None:
        """Put rows into order, and drop those whose first number has been there before. Then they can be found."""
        if self.in_order:
            return
        ids = self.columns[0]
        order = sorted(range(len(ids)), key=ids.__getitem__)
        kept = [
            at
            for before, at in zip([NONE, *order[:-1]], order, strict=True)
            if before < 0 or ids[before] != ids[at]
        ]
        self.columns = [array("q", (column[at] for at in kept)) for column in self.columns]
        self.in_order = True

    def find(self, id: int) -> int:
        """The number of the row, or NONE."""
        ids = self.columns[0]
        at = bisect_left(ids, id)
        return at if at < len(ids) and ids[at] == id else NONE


@dataclass(slots=True)
class Seen:
    """What the passes over one site found."""

    posts: int = 0
    comments: int = 0
    broken: int = 0
    questions: Table = field(default_factory=lambda: Table(3))
    """Id, asker, place."""
    answers: Table = field(default_factory=lambda: Table(5))
    """Id, question, answerer, place, its last comment's number in `under` or NONE."""
    under: tuple[array[int], array[int], array[int]] = field(
        default_factory=lambda: (array("q"), array("q"), array("q"))
    )
    """Of each comment: the number of the one before it under the same answer or NONE, person, place."""


@dataclass(frozen=True, slots=True)
class Thread:
    """An answer with comments, as numbers: people, and places on the shelves."""

    question: int
    answer: int
    asker: int
    answerer: int
    asked: int
    """Place of the question's row; NONE where the file has none."""
    answered: int
    speakers: tuple[int, ...]
    places: tuple[int, ...]
    """Of the comments, each by the person of the same number in `speakers`, in no particular order."""


def scan_posts(site: str, rows: Rows, shelf: Shelf, min_comments: int, seen: Seen) -> Iterator[Dropped]:
    """Read every question and each answer with `min_comments` into `seen`; yield rows that could not be used.

    Raises:
        DataError: too many rows are broken.
    """
    for position, record in rows:
        seen.posts += 1
        post = glance(record)
        if isinstance(post, Fault):
            seen.broken += post.rule != "fabricated_post"
            yield Dropped(f"{site}/{post.id or f'row {seen.posts}'}", post.rule, post.detail)
        elif post is not None and post.type == QUESTION:
            seen.questions.add(post.id, owner(record), shelf.keep(position, record))
        elif post is not None and commented(record, min_comments):
            seen.answers.add(post.id, post.parent, owner(record), shelf.keep(position, record), NONE)
        if seen.posts % CHECK_EVERY == 0:
            check_broken(seen.broken, seen.posts)
    check_broken(seen.broken, seen.posts)
    seen.questions.settle()
    seen.answers.settle()


def owner(record: bytes) -> int:
    return person(value(record, b' OwnerUserId="'), value(record, b' OwnerDisplayName="'))


def commented(record: bytes, at_least: int) -> bool:
    """Whether a post has so many comments. Where the row does not say, it may have."""
    count = value(record, b' CommentCount="')
    return not count.isdecimal() or int(count) >= at_least


def scan_comments(site: str, rows: Rows, shelf: Shelf, seen: Seen) -> Iterator[Dropped]:
    """Read the comments under the answers in `seen`; yield rows that could not be used.

    Raises:
        DataError: too many rows are broken.
    """
    last = seen.answers.columns[4]
    before, people, places = seen.under
    broken = 0
    for position, record in rows:
        seen.comments += 1
        found = glance_comment(record, seen.answers.find)
        if isinstance(found, Fault):
            broken += 1
            yield Dropped(f"{site}/comment/{found.id or f'row {seen.comments}'}", found.rule, found.detail)
        elif found is not None:
            answer, by = found
            before.append(last[answer])
            people.append(by)
            places.append(shelf.keep(position, record))
            last[answer] = len(before) - 1
        if seen.comments % CHECK_EVERY == 0:
            check_broken(broken, seen.comments)
    check_broken(broken, seen.comments)


def threads(seen: Seen) -> Iterator[Thread]:
    """Every answer with comments, in the order of the answers' Ids."""
    before, people, places = seen.under
    for answer, question, answerer, place, last in zip(*seen.answers.columns, strict=True):
        if last < 0:
            continue
        comments = []
        while last >= 0:
            comments.append(last)
            last = before[last]
        asked = seen.questions.find(question)
        yield Thread(
            question=question,
            answer=answer,
            asker=seen.questions.columns[1][asked] if asked >= 0 else 0,
            answerer=answerer,
            asked=seen.questions.columns[2][asked] if asked >= 0 else NONE,
            answered=place,
            speakers=tuple(people[at] for at in comments),
            places=tuple(places[at] for at in comments),
        )
