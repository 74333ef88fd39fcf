"""Section 2.1: one candidate per question, with its top answer.

The top answer is the one with the highest score, ties going to the one written first; it need not be the accepted
one. Rows may come in any order. Whether the text is fit to train on is for `clean` to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from handful.core.types import Candidate, Dropped, Origin
from handful.sources.stackexchange.rows import attributes
from handful.sources.stackexchange.scan import Bounds
from handful.sources.stackexchange.tables import Table

Fetch = Callable[[int], bytes]
"""Place -> the row that stands there."""

CREDIT = ("OwnerUserId", "OwnerDisplayName", "CreationDate", "ContentLicense")
ASKED = ("Id", "Score", "ViewCount", "Body", "Title", "Tags", *CREDIT)
ANSWERED = ("Id", "Score", "Body", *CREDIT)
"""The attributes that a candidate is made of."""


def settle(
    source: str, site: str, table: Table, bounds: Bounds, fetch: Fetch
) -> Iterator[Candidate | Dropped]:
    """Yield what became of each question, by its Id.

    Args:
        table: int64[n, 4] of (question, post, score, place), see tables.py.
    """
    least = bounds.min_answer_score
    for id, asked, repeated, answers, answer, score, place in zip(*top_answers(table), strict=True):
        name = f"{site}/{id}"
        if asked < 0:
            detail = f"{answers} answers, the best {answer} with score {score}, to a question that is not in the file"
            yield Dropped(name, "orphan_answer", detail)
            continue
        for _ in range(repeated):
            yield Dropped(name, "repeated_post", "another row with this Id; the first one stands")
        if not answers:
            yield Dropped(name, "no_answer", "no answer in the file")
        elif score < least:
            yield Dropped(name, "low_score", f"top answer {answer} has score {score}, below {least}")
        elif place < 0:
            found = f"{-1 - place} bytes of HTML, and so fewer than {bounds.min_chars} characters"
            yield Dropped(name, "too_short", f"top answer {answer} has {found}")
        else:
            yield candidate(source, site, attributes(fetch(asked), ASKED), attributes(fetch(place), ANSWERED))


def top_answers(table: Table) -> tuple[list[int], ...]:
    """Columns with an entry a question, by its Id: the Id; the place of the question's row, or -1 where there is none;
    how many more rows it has; how many answers; and the best one's Id, score and place (0 where there is none).
    """
    # Best answer first: a question's own row, then by score downwards, then by Id. Equal rows stay in their order.
    question, post, score, place = table[
        np.lexsort((table[:, 1], -table[:, 2], table[:, 1] > 0, table[:, 0]))
    ].T
    if not len(question):
        return ([],) * 7
    starts = np.flatnonzero(np.r_[True, question[1:] != question[:-1]])
    sizes = np.diff(np.r_[starts, len(question)])
    own = np.add.reduceat(post == 0, starts, dtype=np.int64)
    answers = sizes - own
    best = np.minimum(starts + own, len(question) - 1)
    columns = (
        question[starts],
        np.where(own > 0, place[starts], -1),
        np.maximum(own - 1, 0),
        answers,
        np.where(answers > 0, post[best], 0),
        np.where(answers > 0, score[best], 0),
        np.where(answers > 0, place[best], 0),
    )
    return tuple(column.tolist() for column in columns)


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
        views=int(views) if (views := question.get("ViewCount", "")).isdecimal() else None,
        asked=question.get("CreationDate", ""),
        answered=answer.get("CreationDate", ""),
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
