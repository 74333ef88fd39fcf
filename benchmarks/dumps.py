"""Realistic Stack Exchange dumps of any size, of text that nobody wrote: what the other scripts of this folder read.

    python benchmarks/dumps.py FOLDER [--megabytes N] [--seed N] [--tables] [--code 0.15]
    python benchmarks/dumps.py --check [Posts.xml ...]

writes FOLDER/Posts.xml in the form of the dump: byte order mark, CRLF, a row a line, the attributes in their order; Ids
upwards with gaps; an answer some rows after its question, mostly near, some far; questions that say how many answers
they have; tag wikis, a few answers whose question is gone, and the two false posts at the end. `--tables` adds the other
tables of a site, in the proportions of the 2020 dump of beer.stackexchange.com. Scores, lengths and the rest follow six
real sites; `--check` measures a dump of its own, and real files beside it, row for row the same way. Equal seeds give
equal bytes. With `--json` alone it writes 100 MB and tells how fast.
"""

from __future__ import annotations

import argparse
import bz2
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from invented.text import Numbers, Text
from numpy.typing import NDArray

ROW_BYTES = 1350
"""About; what a dump of N MB has is not exactly N."""
CHUNK = 6000
"""Rows written together."""
KINDS = (("1", 0.302), ("2", 0.662), ("5", 0.0175), ("4", 0.0175), ("7", 0.0005), ("6", 0.0005))
QUESTION, ANSWER = 0, 1
LENGTH, LENGTH_SPREAD = (720, 790), (0.82, 0.90)
"""Of questions and answers: median of the escaped bytes, and the spread of their logarithm."""
LONG_IS_LIKED = 0.27
"""Correlation of an answer's length and score, which makes 56% of the answers with 10 votes long ones."""
SCORES = np.array(
    [(-4.0, -8), (-2.0, -1.5), (-1.3, 0.2), (-0.5, 1.4), (0.0, 2.6), (0.67, 4.8), (1.28, 8.2), (1.506, 10.0), (2.33, 21), (3.1, 70), (4.5, 900)]
)  # fmt: skip
"""Of answers: standard normal deviate -> score."""
DISTANCE, DISTANCE_SPREAD = 8, 3.0
"""From a question's Id to its answer's: median, and spread of the logarithm."""
FIRST_DAY, LAST_DAY = np.datetime64("2010-01-01", "ms"), np.datetime64("2023-09-01", "ms")
LICENCES = np.array([b"CC BY-SA 2.5", b"CC BY-SA 3.0", b"CC BY-SA 4.0"])
LICENCE_DAYS = np.array(["2011-04-08", "2018-05-02"], "datetime64[ms]")
ORPHANS = 0.0005
PERSONAL, CODE = 0.62, 0.15
HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<%b>\r\n'
FALSE = (
    b'  <row Id="1000000001" PostTypeId="1" CreationDate="2023-08-01T00:00:00.000" Score="3" Body="&lt;p&gt;%b&lt;/p&gt;&#xA;" '
    b'OwnerUserId="-1" LastActivityDate="2023-08-01T00:00:00.000" Title="%b" Tags="&lt;%b&gt;" AnswerCount="1" '
    b'CommentCount="0" ContentLicense="CC BY-SA 4.0" />\r\n'
    b'  <row Id="1000000010" PostTypeId="2" ParentId="1000000001" CreationDate="2023-08-01T00:00:00.000" Score="12" '
    b'Body="&lt;p&gt;%b&lt;/p&gt;&#xA;" OwnerUserId="-1" LastActivityDate="2023-08-01T00:00:00.000" CommentCount="0" '
    b'ContentLicense="CC BY-SA 4.0" />\r\n'
)


class Site:
    """The rows of one site, all numbers of them at once, and its text as it is written."""

    def __init__(self, rows: int, seed: int, code: float = CODE) -> None:
        self.random = np.random.default_rng(seed)
        self.text = Text(seed)
        self.code = code
        self.rows = rows
        shares = np.array([share for _, share in KINDS])
        self.kinds = self.random.choice(len(KINDS), rows, p=shares / shares.sum()).astype(np.int8)
        self.kinds[0] = QUESTION
        self.ids = np.cumsum(self.random.geometric(0.6, rows))
        self.parents, self.counts, self.accepted = self.threads()
        self.scores, self.sizes = self.scores_and_sizes()
        step = (LAST_DAY - FIRST_DAY).astype(np.int64) / rows
        self.dates = FIRST_DAY + (np.arange(rows) * step + self.random.random(rows) * step).astype(np.int64)
        self.tags = [b"-".join(self.text.word() for _ in range(n)) for n in self.random.integers(1, 3, 1200)]

    def threads(self) -> tuple[Numbers, Numbers, Numbers]:
        """Of each row: its question's Id; how many answers it has; the Id of the accepted one. 0 where there is none."""
        asked = np.flatnonzero(self.kinds == QUESTION)
        answers = np.flatnonzero(self.kinds == ANSWER)
        distance = np.exp(self.random.normal(np.log(DISTANCE), DISTANCE_SPREAD, len(answers)))
        wanted = np.maximum(self.ids[answers] - np.minimum(distance, self.ids[-1]), 1)
        question = asked[np.maximum(np.searchsorted(self.ids[asked], wanted, "right") - 1, 0)]
        parents, counts, accepted = (np.zeros(self.rows, np.int64) for _ in range(3))
        parents[answers] = self.ids[question]
        orphans = self.random.random(len(answers)) < ORPHANS
        parents[answers[orphans]] = self.ids[-1] + self.ids[question[orphans]]
        counts += np.bincount(question[~orphans], minlength=self.rows)
        some = self.random.random(len(answers)) < 0.45
        accepted[question[some & ~orphans][::-1]] = self.ids[answers[some & ~orphans][::-1]]
        accepted[self.random.random(self.rows) < 0.35] = 0
        return parents, counts, accepted

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
        count = len(self.ids[rows])
        columns = zip(
            self.kinds[rows].tolist(),
            self.ids[rows].tolist(),
            self.parents[rows].tolist(),
            self.counts[rows].tolist(),
            self.accepted[rows].tolist(),
            self.scores[rows].tolist(),
            self.text.bodies(self.sizes[rows], PERSONAL, self.code),
            written(self.dates[rows]),
            written(self.dates[rows] + (self.random.exponential(3e10, count)).astype(np.int64)),
            LICENCES[np.searchsorted(LICENCE_DAYS, self.dates[rows])].tolist(),
            (self.random.random(count) ** 2.5 * self.rows / 3 + 2).astype(int).tolist(),
            self.random.random(count).tolist(),
            self.random.integers(0, 1 << 30, count).tolist(),
            self.titles(count),
            strict=True,
        )
        for kind, id, parent, count, best, score, body, date, active, licence, user, luck, draw, title in columns:
            owner = b' OwnerUserId="%d"' % user if luck > 0.012 else b' OwnerDisplayName="user%d"' % user
            edited = b""
            if luck > (0.45 if kind == QUESTION else 0.68):
                edited = b' LastEditorUserId="%d" LastEditDate="%b"' % (draw % (user + 9), active)
            comments = draw % 13 // 2 * (draw % 7 // 3)
            if kind == QUESTION:
                chosen = b' AcceptedAnswerId="%d"' % best if best else b""
                tags = b"".join(
                    b"&lt;%b&gt;" % self.tags[(draw >> 4 * n) % 1200 * ((draw >> 3 * n) % 1200) // 1200]
                    for n in range(1 + draw % 5)
                )
                yield (
                    b'  <row Id="%d" PostTypeId="1"%b CreationDate="%b" Score="%d" ViewCount="%d" Body="%b"%b%b '
                    b'LastActivityDate="%b" Title="%b" Tags="%b" AnswerCount="%d" CommentCount="%d" ContentLicense="%b" />\r\n'
                    % (id, chosen, date, score + count, (score + 9) * (draw % 700 + 5), body, owner, edited)
                    % ()
                    if False
                    else b'  <row Id="%d" PostTypeId="1"%b CreationDate="%b" Score="%d" ViewCount="%d" Body="%b"%b%b '
                    b'LastActivityDate="%b" Title="%b" Tags="%b" AnswerCount="%d" CommentCount="%d" ContentLicense="%b" />\r\n'
                    % (id, chosen, date, score + count, (score + 9) * (draw % 700 + 5), body, owner, edited,
                       active, title, tags, count, comments, licence)
                )
            else:
                above = b' ParentId="%d"' % parent if parent else b""
                yield (
                    b'  <row Id="%d" PostTypeId="%b"%b CreationDate="%b" Score="%d" Body="%b"%b%b LastActivityDate="%b" '
                    b'CommentCount="%d" ContentLicense="%b" />\r\n'
                    % (id, KINDS[kind][0].encode(), above, date, score, body, owner, edited, active, comments, licence)
                )
