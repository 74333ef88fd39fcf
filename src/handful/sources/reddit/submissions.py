"""The first pass: what a file of submissions has to ask, and why the rest of it is dropped.

A row is first glanced at: most end by their score. Of a file that holds every subreddit, the rows of others are passed
over by their bytes. Kept are an id, a prompt and what credit needs: a few hundred bytes a submission, sorted by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    Glance,
    Reason,
    Submission,
    check_broken,
    low_score,
    order,
    own_id,
    refuse_submission,
    votes,
)

MB = 1e6
KEPT, DROPPED = "kept.jsonl", "dropped.jsonl"
KEYS = b'"subreddit": "', b'"subreddit":"'

REPEATED = ("repeated_post", "stands there twice; the one with more votes stays")

GLANCE = msgspec.json.Decoder(Glance)
FULL = msgspec.json.Decoder(Submission)


class Kept(msgspec.Struct, frozen=True):
    """A submission that passed, as its prompt. Compared field by field, so that of two with one id the same stays."""

    id: str
    score: int
    subreddit: str
    title: str
    """As posted, on one line."""
    prompt: str
    tags: tuple[str, ...]
    author: str
    comments: int
    """How many the row says it has, or -1."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of submissions."""

    path: str
    source: Reddit
    name: str


@dataclass(slots=True)
class Seen:
    """What a pass over one file found. `names`: the wanted subreddits, in small letters; none means all."""

    names: frozenset[str] = frozenset()
    rows: int = 0
    broken: int = 0
    communities: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Kept] = field(default_factory=dict)


def scan(shard: Shard, out: Path) -> dict[str, Any]:
    """Write the kept submissions and the dropped ones to `out`.

    Raises:
        DataError: the file cannot be read to its end, holds no submission, or too many rows that cannot be read.
    """
    path, source = Path(shard.path), shard.source
    seen = Seen(frozenset(name.lower() for name in source.subreddits))
    with jsonl.writer(out / DROPPED) as put:

        def drop(id: str, reason: Reason) -> None:
            seen.rules[reason[0]] += 1
            put(Dropped(id, *reason))

        for number, row in candidates(path, source, seen):
            try:
                consider(row, shard, seen, drop)
            except (BadRow, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                seen.broken += 1
                where = f"{path.name}:{number}"
                drop(f"{shard.name}/{where}", ("bad_row", f"{where}: {error}"))
                check_broken(shard.path, seen.broken, seen.rows)
    if not seen.rows:
        raise DataError(f"{path}: is empty; it should hold one submission a line")
    jsonl.write(out / KEPT, (seen.kept[id] for id in sorted(seen.kept, key=order)))
    return {
        "rows": seen.rows,
        "kept": len(seen.kept),
        "rules": dict(seen.rules),
        "communities": dict(seen.communities),
    }


def candidates(path: Path, source: Reddit, seen: Seen) -> Iterator[tuple[int, bytes]]:
    """Yield the rows, with the number of their line, but for those whose bytes show another subreddit than is wanted.

    The last one that a row names decides. A crosspost names two, and is no prompt in either.
    """
    wanted = frozenset(name.lower().encode() for name in source.subreddits)
    others = [not _may_begin(byte, wanted) for byte in range(256)]
    number = blank = 0
    key = KEYS[1]
    for buffer, size in blocks(path, lambda size: report(size / MB)):
        if not number:
            key = next((found for found in KEYS if found in buffer), KEYS[1]) if wanted else b"\n"
        find, rfind, at_name = buffer.find, buffer.rfind, len(key)
        end = -1
        while (start := end + 1) < size:
            end = find(b"\n", start, size)
            number += 1
            at = rfind(key, start, end) + at_name
            if at >= at_name:
                if others[buffer[at]]:  # the quick way out
                    continue
                name = bytes(buffer[at : find(b'"', at, end)])
                if name.lower() not in wanted and b"\\" not in name:
                    continue
            row = bytes(buffer[start:end]).strip()
            seen.rows = number - blank
            if row:
                yield number, row
            else:
                blank += 1
        seen.rows = number - blank


def _may_begin(byte: int, names: Iterable[bytes]) -> bool:
    """Whether a name, in letters of any size, or an escape in its place, may begin with a byte."""
    return byte == ord("\\") or bytes([byte]).lower() in {name[:1] for name in names}


def consider(row: bytes, shard: Shard, seen: Seen, drop: Callable[[str, Reason], None]) -> None:
    """Keep a submission, or drop it with the rule that it breaks.

    Raises:
        BadRow, MsgspecError, UnicodeDecodeError: it is none.
    """
    source, glance = shard.source, GLANCE.decode(row)
    own = own_id(glance, "submission")
    if glance.title is None:
        raise BadRow("has no title, and so is no submission")
    subreddit = glance.subreddit or "unknown"
    if seen.names and subreddit.lower() not in seen.names:
        return
    found: Kept | Reason | None = low_score(glance.score, source.min_score)
    found = found or ask(FULL.decode(row), own, subreddit, source)
    id = f"{subreddit}/{own}"
    seen.communities[subreddit] += 1
    if not isinstance(found, Kept):
        drop(id, found)
        return
    if own in seen.kept:
        drop(id, REPEATED)
    seen.kept[own] = max(found, seen.kept.get(own, found), key=msgspec.structs.astuple)


def ask(row: Submission, id: str, subreddit: str, source: Reddit) -> Kept | Reason:
    """The prompt that a submission makes, or the rule that it breaks."""
    if reason := refuse_submission(row, source):
        return reason
    title = text.line(row.title or "")
    tags, bare_title, other = text.split_tags(title, source.tags)
    if other:
        return "tag", f"its title has the tag [{other}]"
    body = text.markdown(row.selftext or "")
    if not bare_title:
        return "no_prompt", f"nothing but a tag in the title {title!r}"
    if source.split == "test":
        if body:
            return "has_text", f"{len(body):,} characters beside the title"
        if reason := text.not_self_contained(bare_title):
            return reason
    prompt = f"{bare_title}\n\n{body}" if body else bare_title
    if len(prompt) > source.max_prompt_chars:
        return "long_prompt", f"{len(prompt):,} characters > {source.max_prompt_chars:,}"
    return Kept(
        id=id,
        score=votes(row.score) or 0,
        subreddit=subreddit,
        title=title,
        prompt=prompt,
        tags=tags,
        author=row.author if isinstance(row.author, str) else "",
        comments=row.num_comments if isinstance(row.num_comments, int) else -1,
    )
