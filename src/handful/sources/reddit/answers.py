"""The second pass: of a file of comments, the best answer to each kept submission.

Comments outnumber submissions by far, and nearly all are not wanted. A row is decoded only if its bytes do not show
that its score is too low or that its thread was not kept: either field stands in a row once, since no comment quotes
another (in all dumps from 2005 on), and a quotation mark within a text is escaped. What is spelled in another way, with
other spaces or an escape, shows nothing, and the row is decoded. Other faults of the rows passed over go unseen. What
stays in memory is some numbers and the prompt of each kept submission; texts wait in a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped
from handful.recipe.sources import Reddit
from handful.run.engine import report
from handful.sources.reddit import text
from handful.sources.reddit.files import blocks
from handful.sources.reddit.rows import (
    BadRow,
    Comment,
    Reason,
    bare,
    check_broken,
    low_score,
    order,
    own_id,
    refuse_comment,
    votes,
)

MB = 1e6
TOPS, DROPPED, WAITING = "tops.jsonl", "dropped.jsonl", "waiting.jsonl"
COMMENT = msgspec.json.Decoder(Comment)
COMMA = ord(",")
"""What stands behind a number of one digit, unless it is the last field of its row."""
SPACINGS = ((b'"score": ', b'"link_id": "t3_'), (b'"score":', b'"link_id":"t3_'))


class Asked(msgspec.Struct, frozen=True):
    """What this pass needs of a kept submission."""

    id: str
    prompt: str


class Top(msgspec.Struct, frozen=True):
    """The best answer in a file to one submission; or, where none will do, the best of those that were refused."""

    thread: str
    id: str
    score: int
    text: str = ""
    author: str = ""
    refused: Reason | None = None

    def rank(self) -> tuple[bool, int, int, int]:
        """The greater the better: fit to be used, more votes, earlier; and of two with one id always the same."""
        return self.refused is None, self.score, -int(self.id, 36), crc32(self.text.encode())


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of comments, and the file of the submissions that are to be answered."""

    path: str
    wanted: str
    source: Reddit
    name: str


@dataclass(slots=True)
class Seen:
    """What a pass over one file found. `tops`: thread -> rank, and where in the file of those that wait."""

    rows: int = 0
    read: int = 0
    broken: int = 0
    unparented: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    tops: dict[str, tuple[tuple[bool, int, int, int], int, int]] = field(default_factory=dict)


def scan(shard: Shard, out: Path) -> dict[str, Any]:
    """Write the best answers to `out`, by thread, and the rows that cannot be read.

    Raises:
        DataError: the file cannot be read to its end, holds no comment, or too many rows that cannot be read.
    """
    path, seen = Path(shard.path), Seen()
    prompts = {row.id: row.prompt for row in jsonl.read(Path(shard.wanted), Asked)}
    with (
        (out / WAITING).open("w+b") as waiting,
        jsonl.writer(out / DROPPED) as put,
    ):
        for number, row in candidates(path, prompts, shard.source, seen):
            try:
                consider(COMMENT.decode(row), prompts, shard.source, seen, waiting)
            except (BadRow, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                seen.broken += 1
                where = f"{path.name}:{number}"
                put(Dropped(f"{shard.name}/{where}", "bad_row", f"{where}: {error}"))
                check_broken(shard.path, seen.broken, seen.rows)
        if not seen.rows:
            raise DataError(f"{path}: is empty; it should hold one comment a line")
        with (out / TOPS).open("wb") as tops:
            for thread in sorted(seen.tops, key=order):
                _, place, size = seen.tops[thread]
                waiting.seek(place)
                tops.write(waiting.read(size))
    (out / WAITING).unlink()
    return {
        "rows": seen.rows,
        "read": seen.read,
        "broken": seen.broken,
        "unparented": seen.unparented,
        "rules": dict(sorted(seen.rules.items())),
    }


def candidates(
    path: Path, prompts: Mapping[str, str], source: Reddit, seen: Seen
) -> Iterator[tuple[int, bytes]]:
    """Yield the rows, with the number of their line, that may be wanted: all whose bytes do not show the contrary."""
    wanted = {id.encode() for id in prompts}
    low, minus = too_low(source.min_answer_score)
    number = blank = 0
    score, link = SPACINGS[1]
    for buffer, size in blocks(path, lambda size: report(size / MB)):
        if not number:
            score, link = next((found for found in SPACINGS if found[0] in buffer), SPACINGS[1])
        find, rfind, at_score, at_link = buffer.find, buffer.rfind, len(score), len(link)
        end = -1
        while (start := end + 1) < size:  # most rows go no further than some lines from here
            end = find(b"\n", start, size)
            number += 1
            at = rfind(score, start, end) + at_score
            if at >= at_score:
                if buffer[at + 1] == COMMA:
                    if low[buffer[at]]:
                        continue
                elif buffer[at] == minus:
                    continue
            at = find(link, start, end) + at_link
            if at >= at_link:
                id = bytes(buffer[at : find(b'"', at, end)])
                if id in wanted or not (id.isalnum() and id.islower()):
                    seen.rows = number - blank
                    yield number, bytes(buffer[start:end])
            elif buffer[start:end].strip():
                seen.rows = number - blank
                yield number, bytes(buffer[start:end])
            else:
                blank += 1
        seen.rows = number - blank


def too_low(least: int) -> tuple[list[bool], int]:
    """For each byte, whether it is a digit that shows, as the only one of a score, that this is below `least`; and the
    byte of the minus if that shows it, too, else -1."""
    digits = b"0123456789"[: max(0, min(least, 10))]
    return [byte in digits for byte in range(256)], ord("-") if least > 0 else -1


def consider(row: Comment, prompts: Mapping[str, str], source: Reddit, seen: Seen, waiting: BinaryIO) -> None:
    """Make a comment the top one of its thread if it is better than what was there."""
    id, thread = own_id(row, "comment"), bare(row.link_id)
    if row.body is None or not thread:
        raise BadRow("has no body or no link_id, and so is no comment")
    if thread not in prompts:
        return
    if low_score(row.score, source.min_answer_score):
        return
    seen.read += 1
    seen.unparented += row.parent_id is None
    refused = refuse_comment(row, thread, source)
    if refused:
        seen.rules[refused[0]] += 1
    top = Top(thread, id, votes(row.score) or 0, refused=refused)
    held = seen.tops.get(thread)
    if held and held[0][:3] > top.rank()[:3]:
        return
    if not refused:
        top = with_text(top, row, prompts[thread], source)
    if held is None or top.rank() > held[0]:
        line = jsonl.dumps(top)
        place = waiting.seek(0, 2)
        waiting.write(line)
        seen.tops[thread] = (top.rank(), place, len(line))


def with_text(top: Top, row: Comment, prompt: str, source: Reddit) -> Top:
    """The answer with its text, or refused for its length."""
    story = text.story(row.body or "", prompt)
    refused: Reason | None = None
    if len(story) < source.min_chars:
        refused = "too_short", f"{len(story):,} characters < {source.min_chars:,}"
    elif len(story) > source.max_chars:
        refused = "too_long", f"{len(story):,} characters > {source.max_chars:,}"
    return Top(
        top.thread,
        top.id,
        top.score,
        text="" if refused else story,
        author=row.author if isinstance(row.author, str) else "",
        refused=refused,
    )
