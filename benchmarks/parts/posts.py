"""The Posts.xml of a site that never was, row by row in the form of the dump.

All numbers are drawn for the whole site at once (some 60 bytes a row), since a question's row says how many answers
will follow; text is made as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parts.text import Numbers, Text

CHUNK = 2000
"""Rows written together."""
KINDS = (b"1", b"2", b"5", b"4", b"6", b"7")
"""Post types: question, answer, a tag's wiki and its excerpt, two that are rare."""
QUESTION, ANSWER = 0, 1
LENGTH, LENGTH_SPREAD = (570, 665), (0.86, 0.95)
"""Of questions and answers: median of the escaped bytes, and the spread of their logarithm."""
LONG_IS_LIKED = 0.27
"""Correlation of an answer's length and score, which makes 56% of the answers with 10 votes long ones."""
SCORES = np.array(
    [
        *(
            (-4.0, -8),
            (-2.0, -1.5),
            (-1.3, 0.2),
            (-0.5, 1.4),
            (0.0, 2.6),
            (0.67, 4.8),
            (1.28, 8.0),
            (1.53, 10.0),
        ),
        *((2.33, 21), (3.1, 70), (4.5, 900)),
    ]
)
"""Of answers: standard normal deviate -> score."""
QUESTIONS, UNANSWERED, MORE_ANSWERS = 0.302, 0.09, 1.42
"""Share of the rows; share of those without an answer; answers of the others beyond the first, on average."""
WIKIS = (0.485, 0.485, 0.015, 0.015)
GONE = 0.0005
"""Rows whose question was deleted while its answers were not."""
LATER, LATER_SPREAD = 5, 3.0
"""Rows between question and answer: median, and spread of the logarithm."""
FIRST_DAY, LAST_DAY = np.datetime64("2010-01-01", "ms"), np.datetime64("2023-09-01", "ms")
LICENCES = np.array([b"CC BY-SA 2.5", b"CC BY-SA 3.0", b"CC BY-SA 4.0"])
LICENCE_DAYS = np.array(["2011-04-08", "2018-05-02"], "datetime64[ms]")
PERSONAL, CODE = 0.62, 0.15
HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<%b>\r\n'
ASKED = (
    b'  <row Id="%d" PostTypeId="1"%b CreationDate="%b" Score="%d" ViewCount="%d" Body="%b"%b LastActivityDate="%b" '
    b'Title="%b" Tags="%b" AnswerCount="%d" CommentCount="%d" ContentLicense="%b" />\r\n'
)
ANSWERED = (
    b'  <row Id="%d" PostTypeId="2" ParentId="%d" CreationDate="%b" Score="%d" Body="%b"%b LastActivityDate="%b" '
    b'CommentCount="%d" ContentLicense="%b" />\r\n'
)
OTHER = (
    b'  <row Id="%d" PostTypeId="%b" CreationDate="%b" Score="0" Body="%b"%b LastActivityDate="%b" CommentCount="0" '
    b'ContentLicense="%b" />\r\n'
)
FALSE = (
    b'  <row Id="1000000001" PostTypeId="1" CreationDate="2023-08-01T00:00:00.000" Score="3" '
    b'Body="&lt;p&gt;%b&lt;/p&gt;&#xA;" OwnerUserId="-1" LastActivityDate="2023-08-01T00:00:00.000" Title="%b" '
    b'Tags="&lt;%b&gt;" AnswerCount="1" CommentCount="0" ContentLicense="CC BY-SA 4.0" />\r\n'
    b'  <row Id="1000000010" PostTypeId="2" ParentId="1000000001" CreationDate="2023-08-01T00:00:00.000" Score="12" '
    b'Body="&lt;p&gt;%b&lt;/p&gt;&#xA;" OwnerUserId="-1" LastActivityDate="2023-08-01T00:00:00.000" CommentCount="0" '
    b'ContentLicense="CC BY-SA 4.0" />\r\n'
)


class Row(NamedTuple):
    """All that a row says."""

    kind: int
    id: int
    parent: int
    answers: int
    best: int
    """The answer that was accepted; 0 if there is none."""
    score: int
    body: bytes
    date: bytes
    active: bytes
    licence: bytes
    user: int
    luck: float
    """Of who wrote it: whether there is an account, and an editor."""
    draw: int
    """What else is drawn is made of its digits."""
    title: bytes


class Site:
    """The rows of one site, all numbers of them at once, and its text as it is written."""

    def __init__(self, rows: int, seed: int, code: float = CODE) -> None:
        self.random = np.random.default_rng(seed)
        self.text = Text(seed)
        self.code = code
        self.rows = rows
        self.threads()
        self.scores, self.sizes = self.scores_and_sizes()
        step = (LAST_DAY - FIRST_DAY).astype(np.int64) / self.rows
        self.dates = FIRST_DAY + ((np.arange(self.rows) + self.random.random(self.rows)) * step).astype(
            np.int64
        )
        self.tags = [b"-".join(self.text.word() for _ in range(n)) for n in self.random.integers(1, 3, 1200)]

    def threads(self) -> None:
        """Draw what each row is: questions at any time, their answers some time later, in rows' time."""
        questions = int(self.rows * QUESTIONS)
        asked = np.sort(self.random.random(questions)) * self.rows
        each = np.where(
            self.random.random(questions) < UNANSWERED, 0, 1 + self.random.poisson(MORE_ANSWERS, questions)
        )
        question = np.repeat(np.arange(questions), each)
        later = np.exp(self.random.normal(np.log(LATER), LATER_SPREAD, len(question)))
        left = self.rows - asked[question]
        answered = asked[question] + np.where(later < left, later, left * self.random.random(len(question)))
        others = self.random.random(max(0, self.rows - questions - len(question))) * self.rows
        kinds = self.random.choice(np.arange(ANSWER + 1, len(KINDS)), len(others), p=WIKIS)
        order = np.argsort(np.concatenate([asked, answered, others]))
        self.rows = len(order)
        row = np.empty(self.rows, np.int64)
        row[order] = np.arange(self.rows)  # of each event: its row
        asked_row, answer_row = row[:questions], row[questions : questions + len(question)]
        self.kinds = np.concatenate([np.full(questions, QUESTION), np.full(len(question), ANSWER), kinds])[
            order
        ]
        self.ids = np.cumsum(self.random.geometric(0.6, self.rows))
        self.parents, self.answers, self.accepted = (np.zeros(self.rows, np.int64) for _ in range(3))
        self.answers[asked_row] = each
        self.parents[answer_row] = self.ids[asked_row[question]]
        some = self.random.random(len(question)) < 0.35
        self.accepted[asked_row[question[some]]] = self.ids[answer_row[some]]
        gone = self.random.random(self.rows) < GONE
        gone &= self.kinds == QUESTION
        self.kinds[gone] = len(KINDS) - 1

    def scores_and_sizes(self) -> tuple[Numbers, Numbers]:
        length, other = self.random.standard_normal((2, self.rows))
        score = LONG_IS_LIKED * length + np.sqrt(1 - LONG_IS_LIKED**2) * other
        answer = (self.kinds == ANSWER).astype(int)
        sizes = np.array(LENGTH)[answer] * np.exp(length * np.array(LENGTH_SPREAD)[answer])
        wiki = self.kinds > ANSWER
        sizes[wiki] = 30 + 400 * self.random.random(int(wiki.sum()))
        scores = np.floor(np.interp(score, *SCORES.T))
        scores[wiki] = 0
        return scores.astype(np.int64), np.clip(sizes, 40, 36_000).astype(np.int64)

    def posts(self) -> Iterator[bytes]:
        """Posts.xml, in pieces."""
        yield HEAD % b"posts"
        for start in range(0, self.rows, CHUNK):
            yield b"".join(self.chunk(slice(start, start + CHUNK)))
        words = [self.text.word() for _ in range(4)]
        yield FALSE % tuple(words)
        yield b"</posts>"

    def chunk(self, rows: slice) -> Iterator[bytes]:
        return map(self.line, self.drawn(rows))

    def drawn(self, rows: slice) -> Iterator[Row]:
        """What the table says of these rows, and what is drawn only now."""
        count = len(self.ids[rows])
        later = (self.random.exponential(3e10, count)).astype(np.int64)
        columns = zip(
            self.kinds[rows].tolist(),
            self.ids[rows].tolist(),
            self.parents[rows].tolist(),
            self.answers[rows].tolist(),
            self.accepted[rows].tolist(),
            self.scores[rows].tolist(),
            self.text.bodies(self.sizes[rows], PERSONAL, self.code),
            written(self.dates[rows]),
            written(self.dates[rows] + later),
            LICENCES[np.searchsorted(LICENCE_DAYS, self.dates[rows])].tolist(),
            (self.random.random(count) ** 2.5 * self.rows / 3 + 2).astype(int).tolist(),
            self.random.random(count).tolist(),
            self.random.integers(0, 1 << 30, count).tolist(),
            self.text.titles(count),
            strict=True,
        )
        return map(Row._make, columns)

    def line(self, row: Row) -> bytes:
        kind, id, parent, answers, best, score, body, date, active, licence, user, luck, draw, title = row
        by = (b' OwnerUserId="%d"' if luck > 0.012 else b' OwnerDisplayName="user%d"') % user
        if luck > (0.45 if kind == QUESTION else 0.68):
            by += b' LastEditorUserId="%d" LastEditDate="%b"' % (draw % (user + 9), active)
        comments = draw % 13 // 2 * (draw % 7 // 3)
        if kind == ANSWER:
            return ANSWERED % (id, parent, date, score, body, by, active, comments, licence)
        if kind != QUESTION:
            return OTHER % (id, KINDS[kind], date, body, by, active, licence)
        chosen = b' AcceptedAnswerId="%d"' % best if best else b""
        views, tags = (score + 9) * (draw % 700 + 5), self.tags_of(draw)
        front = (id, chosen, date, score + answers, views, body, by)
        return ASKED % (*front, active, title, tags, answers, comments, licence)

    def tags_of(self, draw: int) -> bytes:
        """One to five tags, the first of the list most often."""
        numbers = ((draw >> 5 * n) % 1200 * (draw >> 4 * n & 1023) // 1024 for n in range(1 + draw % 5))
        return b"".join(b"&lt;%b&gt;" % self.tags[number] for number in numbers)


def written(dates: NDArray[np.datetime64]) -> list[bytes]:
    return np.datetime_as_string(dates, unit="ms").astype("S23").tolist()
