"""Section 2.1: one candidate per question, with its top answer, in one pass over the rows of a site.

The top answer is the one with the highest score, ties going to the one written first; it need not be the accepted
one. Rows may come in any order. What stays in memory is a few numbers a question; the rows that may still be wanted
stay on a shelf, which is the file itself or a temporary one. Whether the text is fit to train on is for `clean` to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped, Origin
from handful.sources.stackexchange.rows import QUESTION, Fault, Post, attributes, glance

CHECK_EVERY = 100_000
MAX_BROKEN = 20
MAX_BROKEN_SHARE = 0.001
"""More broken rows than both mean another format, or a badly damaged file."""

Top = tuple[int, int, int, int]
"""Score, minus the Id (so that the greater is the better), place on the shelf or minus the size of a body that was
too short to keep, and how many answers the question has."""


class Shelf(Protocol):
    def keep(self, position: int, record: bytes) -> int:
        """Where the row can be found again: a number that is at least 0."""

    def fetch(self, place: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two numeric rules of `clean` that can be applied while reading, without losing what it would keep."""

    min_answer_score: int = -(10**9)
    min_chars: int = 0


@dataclass(slots=True)
class Seen:
    """What a pass over one site found."""

    posts: int = 0
    answers: int = 0
    broken: int = 0
    questions: dict[int, int] = field(default_factory=dict)
    """Id -> place on the shelf."""
    tops: dict[int, Top] = field(default_factory=dict)
    """Id of the question -> its best answer so far."""


def scan(
    site: str, rows: Iterable[tuple[int, bytes]], shelf: Shelf, bounds: Bounds, seen: Seen
) -> Iterator[Dropped]:
    """Read every row into `seen`; yield those that could not be used.

    Raises:
        DataError: too many rows are broken, or there is no question among them.
    """
    for position, record in rows:
        seen.posts += 1
        post = glance(record)
        if isinstance(post, Fault):
            seen.broken += post.rule != "fabricated_post"
            yield Dropped(f"{site}/{post.id or f'row {seen.posts}'}", post.rule, post.detail)
        elif post is None:
            continue
        elif post.type == QUESTION and post.id in seen.questions:
            yield Dropped(
                f"{site}/{post.id}", "repeated_post", "another row with this Id; the first one stands"
            )
        elif post.type == QUESTION:
            seen.questions[post.id] = shelf.keep(position, record)
        else:
            seen.answers += 1
            _consider(post, position, record, shelf, bounds, seen.tops)
        if seen.posts % CHECK_EVERY == 0:
            check_broken(seen)
    check_broken(seen)
    if not seen.questions:
        raise DataError(f"holds no questions ({seen.posts:,} rows)")


def _consider(
    post: Post, position: int, record: bytes, shelf: Shelf, bounds: Bounds, tops: dict[int, Top]
) -> None:
    """Make an answer the top one of its question if it is better. One that cannot be kept leaves its size only."""
    held = tops.get(post.parent)
    count = held[3] + 1 if held else 1
    if held and held[:2] >= (post.score, -post.id):
        tops[post.parent] = (*held[:3], count)
        return
    kept = post.score >= bounds.min_answer_score and post.size >= bounds.min_chars
    place = shelf.keep(position, record) if kept else -1 - post.size
    tops[post.parent] = (post.score, -post.id, place, count)


def check_broken(seen: Seen) -> None:
    if seen.broken > MAX_BROKEN and seen.broken > MAX_BROKEN_SHARE * seen.posts:
        raise DataError(
            f"{seen.broken:,} of {seen.posts:,} rows cannot be read (at most {MAX_BROKEN_SHARE:.1%} may be broken); "
            "the file is damaged, or not in the form of the dump"
        )


def settle(source: str, site: str, seen: Seen, shelf: Shelf, bounds: Bounds) -> Iterator[Candidate | Dropped]:
    """Yield what became of each question, by its Id; then the questions that only their answers speak of."""
    for question in sorted(seen.questions):
        top = seen.tops.pop(question, None)
        dropped = _refuse(f"{site}/{question}", top, bounds)
        if dropped or top is None:
            yield dropped or Dropped(f"{site}/{question}", "no_answer")
            continue
        asked = attributes(shelf.fetch(seen.questions[question]))
        yield candidate(source, site, asked, attributes(shelf.fetch(top[2])))
    for question, (score, minus_id, _, count) in sorted(seen.tops.items()):
        detail = (
            f"{count} answers, the best {-minus_id} with score {score}, to a question that is not in the file"
        )
        yield Dropped(f"{site}/{question}", "orphan_answer", detail)


def _refuse(id: str, top: Top | None, bounds: Bounds) -> Dropped | None:
    if top is None:
        return Dropped(id, "no_answer", "no answer in the file")
    score, minus_id, place, _ = top
    if score < bounds.min_answer_score:
        return Dropped(
            id, "low_score", f"top answer {-minus_id} has score {score}, below {bounds.min_answer_score}"
        )
    if place < 0:
        found = f"{-1 - place} bytes of HTML, and so fewer than {bounds.min_chars} characters"
        return Dropped(id, "too_short", f"top answer {-minus_id} has {found}")
    return None


def candidate(
    source: str, site: str, question: dict[str, str], answer: dict[str, str]
) -> Candidate | Dropped:
    """Build the record from the attributes of the two rows."""
    id = f"{site}/{question['Id']}"
    title, body = question.get("Title", "").strip(), question["Body"].strip()
    if not title and not body:
        return Dropped(id, "no_prompt", "a question without title and body")
    return Candidate(
        id=id,
        title=title,
        body=body,
        answer=answer["Body"],
        question_score=int(question["Score"]),
        answer_score=int(answer["Score"]),
        origin=Origin(
            source=source,
            community=site,
            item=f"q/{question['Id']}/a/{answer['Id']}",
            url=f"https://{site}/a/{answer['Id']}",
            author=authors(site, question, answer),
            license=license(answer),
        ),
        tags=tuple(tag for tag in re.split(r"[<>|]", question.get("Tags", "")) if tag),
    )


def authors(site: str, question: dict[str, str], answer: dict[str, str]) -> str:
    """Who is to be credited. The dump names a person in the row only where the account is gone."""
    by, asked_by = _author(site, answer), _author(site, question)
    if by == asked_by or not asked_by:
        return by
    return f"{by or 'unknown'} (answer), {asked_by} (question)"


def _author(site: str, post: dict[str, str]) -> str:
    user = post.get("OwnerUserId", "")
    url = f"https://{site}/users/{user}" if user else ""
    name = post.get("OwnerDisplayName", "")
    if name:
        return f"{name} ({url})" if url else name
    return f"user {user} ({url})" if user else ""


def license(post: dict[str, str]) -> str:
    """The licence of a post: as stated, or by its date where the dump is too old to say.

    An answer is hardly ever older than its question, and a later version of CC BY-SA may be applied to what is
    built on an earlier one: hence the answer's stands for both.
    """
    if stated := post.get("ContentLicense"):
        return stated
    date = post.get("CreationDate", "")
    if not date:
        return "CC BY-SA"
    for version, until in (("2.5", "2011-04-08"), ("3.0", "2018-05-02")):
        if date < until:
            return f"CC BY-SA {version}"
    return "CC BY-SA 4.0"
