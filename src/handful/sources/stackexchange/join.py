"""Section 2.1: one candidate per question, with its top answer.

The top answer is the one with the highest score, ties going to the one written first; it need not be the accepted
one. Rows may come in any order. Whether the text is fit to train on is for `clean` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handful.core import jsonl
from handful.core.types import Candidate, Dropped, Origin
from handful.sources.stackexchange.entities import fewer_characters, unescape_all
from handful.sources.stackexchange.rows import parted, unescape
from handful.sources.stackexchange.scan import Bounds
from handful.sources.stackexchange.tables import Table

Column = NDArray[np.int64]
Fetch = Callable[[int], bytes]
"""Place -> the row that stands there."""

TAG_BOUNDS = ("&lt;", "&gt;", "<", ">")
"""Beside "|", which recent dumps have."""
BATCH = 100
"""Candidates whose bodies are unescaped together: some 500 kB, which stay in the cache."""


class Top(NamedTuple):
    """An entry a question, by its Id: int64[n] each."""

    question: Column
    asked: Column
    """Place of the question's row, or -1 where there is none."""
    repeated: Column
    """How many more rows it has."""
    answers: Column
    answer: Column
    """Id of the best answer; 0 where there is none, as are the next two."""
    score: Column
    place: Column

    def where(self, mask: NDArray[np.bool_], *names: str) -> list[list[int]]:
        return [getattr(self, name)[mask].tolist() for name in names]


def top_answers(table: Table) -> Top:
    """The best answer of each question: by score, then by Id.

    Args:
        table: int64[n, 4] of (question, post, score, place), see tables.py.
    """
    # A question's own row comes first, then its answers, the best in front. Equal rows stay in their order.
    order = np.lexsort((table[:, 1], -table[:, 2], table[:, 1] > 0, table[:, 0]))
    question, post, score, place = np.ascontiguousarray(table[order].T)
    if not len(question):
        return Top(*[question] * 7)
    starts = np.flatnonzero(np.r_[True, question[1:] != question[:-1]])
    own = np.add.reduceat(post == 0, starts, dtype=np.int64)
    answers = np.diff(np.r_[starts, len(question)]) - own
    best = np.minimum(starts + own, len(question) - 1)
    return Top(
        question=question[starts],
        asked=np.where(own > 0, place[starts], -1),
        repeated=np.maximum(own - 1, 0),
        answers=answers,
        answer=np.where(answers > 0, post[best], 0),
        score=np.where(answers > 0, score[best], 0),
        place=np.where(answers > 0, place[best], 0),
    )


def refusals(site: str, top: Top, bounds: Bounds) -> Iterator[tuple[str, list[str]]]:
    """Yield (rule, lines of JSON) of the questions that fall to a number: they are most of a dump."""
    here = top.asked >= 0
    low = here & (top.answers > 0) & (top.score < bounds.min_answer_score)
    short = here & (top.answers > 0) & ~low & (top.place < 0)

    def lines(rule: str, detail: str, columns: list[list[int]]) -> tuple[str, list[str]]:
        """A line a question: its Id and the numbers of the detail are written into the record's own JSON."""
        record = Dropped(f"{site}/".replace("%", "%%") + "%d", rule, detail)
        template = jsonl.dumps(record).decode()
        return rule, [template % row for row in zip(*columns, strict=True)]

    yield lines("no_answer", "no answer in the file", top.where(here & (top.answers == 0), "question"))
    detail = f"top answer %d has score %d, below {bounds.min_answer_score}"
    yield lines("low_score", detail, top.where(low, "question", "answer", "score"))
    detail = f"top answer %d has %d bytes of HTML, and so fewer than {bounds.min_chars} characters"
    columns = top.where(short, "question", "answer", "place")
    yield lines("too_short", detail, [*columns[:2], [-1 - place for place in columns[2]]])
    detail = "%d answers, the best %d with score %d, to a question that is not in the file"
    yield lines("orphan_answer", detail, top.where(~here, "question", "answers", "answer", "score"))
    detail = "another row with this Id; the first one stands"
    ids = np.repeat(top.question, top.repeated).tolist()
    yield lines("repeated_post", detail, [ids])


def winners(source: str, site: str, top: Top, bounds: Bounds, fetch: Fetch) -> Iterator[Candidate | Dropped]:
    """Yield the candidates of the questions that are left. Only their rows are read again."""
    left = (top.asked >= 0) & (top.answers > 0) & (top.score >= bounds.min_answer_score) & (top.place >= 0)
    places = list(zip(*top.where(left, "question", "asked", "answer", "place"), strict=True))
    for start in range(0, len(places), BATCH):
        posts: list[dict[str, str]] = []
        bodies: list[bytes] = []
        for number, asked, top_answer, answered in places[start : start + BATCH]:
            answer = parted(fetch(answered))
            most = fewer_characters(answer[0], bounds.min_chars)
            if most is not None:
                size = f"{most} characters of HTML, and so fewer than {bounds.min_chars}"
                yield Dropped(f"{site}/{number}", "too_short", f"top answer {top_answer} has {size}")
                continue
            for body, attributes in (parted(fetch(asked)), answer):
                posts.append(attributes)
                bodies.append(body)
        texts = unescape_all(bodies)
        for place in range(0, len(posts), 2):
            yield candidate(source, site, posts[place], texts[place], posts[place + 1], texts[place + 1])


def candidate(
    source: str, site: str, question: dict[str, str], body: str, answer: dict[str, str], answer_body: str
) -> Candidate | Dropped:
    """Build the record from the attributes of the two rows, as they stand, and their bodies, unescaped."""
    id = f"{site}/{question['Id']}"
    title, body = unescape(question.get("Title", "")).strip(), body.strip()
    if not title and not body:
        return Dropped(id, "no_prompt", "a question without title and body")
    tags = question.get("Tags", "")
    for bound in TAG_BOUNDS:
        tags = tags.replace(bound, "|")
    return Candidate(
        id=id,
        title=title,
        body=body,
        answer=answer_body,
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
        tags=tuple(unescape(tag) for tag in tags.split("|") if tag),
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
    name = unescape(post.get("OwnerDisplayName", ""))
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
