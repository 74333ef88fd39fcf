"""Section 2.1: one candidate per question, with its top answer.

The top answer is the one with the highest score, ties going to the one written first; it need not be the accepted
one. Rows may come in any order. Whether the text is fit to train on is for `clean` to say.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator

from handful.core.types import Candidate, Dropped, Origin
from handful.sources.stackexchange.rows import FABRICATED, attributes
from handful.sources.stackexchange.scan import Bounds

Fetch = Callable[[int], bytes]
"""Place -> the row that stands there."""

RANK = 1 << 30
"""A rank is score * RANK - Id: the greater, the better. Ids are below FABRICATED, and that is below RANK."""
assert FABRICATED < RANK


def settle(
    source: str, site: str, table: array[int], bounds: Bounds, fetch: Fetch
) -> Iterator[Candidate | Dropped]:
    """Yield what became of each question, by its Id; then the questions that only their answers speak of.

    Args:
        table: rows of (question, post, score, place), see tables.py.
    """
    questions, tops = dict[int, int](), dict[int, tuple[int, int]]()
    numbers = iter(table)
    for question, post, score, place in zip(numbers, numbers, numbers, numbers, strict=True):
        if post:
            rank = score * RANK - post
            held = tops.get(question)
            if held is None or rank > held[0]:
                tops[question] = (rank, place)
        elif questions.setdefault(question, place) != place:
            yield Dropped(
                f"{site}/{question}", "repeated_post", "another row with this Id; the first one stands"
            )
    least = bounds.min_answer_score * RANK - RANK
    for question in sorted(questions):
        top = tops.pop(question, None)
        if top is None:
            yield Dropped(f"{site}/{question}", "no_answer", "no answer in the file")
        elif top[0] <= least or top[1] < 0:
            yield refused(f"{site}/{question}", *top, bounds)
        else:
            asked = attributes(fetch(questions[question]))
            yield candidate(source, site, asked, attributes(fetch(top[1])))
    yield from orphans(site, table, tops)


def refused(id: str, rank: int, place: int, bounds: Bounds) -> Dropped:
    """Why the answer at the top is not good enough."""
    score = -(-rank // RANK)
    answer = score * RANK - rank
    if score < bounds.min_answer_score:
        return Dropped(
            id, "low_score", f"top answer {answer} has score {score}, below {bounds.min_answer_score}"
        )
    found = f"{-1 - place} bytes of HTML, and so fewer than {bounds.min_chars} characters"
    return Dropped(id, "too_short", f"top answer {answer} has {found}")


def orphans(site: str, table: array[int], tops: dict[int, tuple[int, int]]) -> Iterator[Dropped]:
    """Answers whose question is not in the file, a record a question."""
    if not tops:
        return
    counts = Counter(question for question, post in zip(table[::4], table[1::4], strict=True) if post)
    for question, (rank, _) in sorted(tops.items()):
        score = -(-rank // RANK)
        detail = (
            f"{counts[question]} answers, the best {score * RANK - rank} with score {score}, "
            "to a question that is not in the file"
        )
        yield Dropped(f"{site}/{question}", "orphan_answer", detail)


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
