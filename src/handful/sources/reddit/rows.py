"""A row of a dump, submission or comment, and the reasons to leave it out that need no look at its text.

Which fields a row has, and of which type, changed over the years (2005 to now): a score may be null, a flag missing, an
id with or without its prefix ("t3_"). So only the fields below are decoded, any may be missing, and all but the texts
may be of any type. The rules have names of their own, and are applied in the order in which they stand here.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from handful.core.errors import DataError
from handful.recipe.sources import Reddit

GONE = {"[deleted]", "[removed]", "[deleted by user]", "[removed by reddit]", "[removed by moderator]"}
NSFW = re.compile(r"\bNSF[WL]\b", re.IGNORECASE)
PREFIX = re.compile("t[1-6]_")
ID = re.compile("[0-9a-z]{1,13}")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MAX_BROKEN = 20
MAX_BROKEN_SHARE = 0.001
"""More rows that cannot be read than both mean another format, or a badly damaged file."""

Reason = tuple[str, str]
"""The rule that takes a row, and what it saw."""


class BadRow(ValueError):
    """A line that is no row of its file. Says why."""


class Glance(msgspec.Struct, gc=False):
    """What is decoded of every submission first, since most end here."""

    id: str | None = None
    name: str | None = None
    title: str | None = None
    score: Any = None
    subreddit: str | None = None


class Submission(Glance, gc=False):
    selftext: str | None = None
    author: Any = None
    domain: Any = None
    is_self: Any = None
    over_18: Any = None
    stickied: Any = None
    distinguished: Any = None
    removed: Any = None
    removed_by_category: Any = None
    banned_by: Any = None
    removal_reason: Any = None
    num_comments: Any = None
    meta: Any = msgspec.field(default=None, name="_meta")


class Comment(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None
    link_id: Any = None
    parent_id: Any = None
    body: str | None = None
    score: Any = None
    author: Any = None
    stickied: Any = None
    distinguished: Any = None
    removed: Any = None
    removal_reason: Any = None
    meta: Any = msgspec.field(default=None, name="_meta")


def bare(id: Any) -> str:
    """An id without its prefix; "" where it is none. Numbers stand for their digits to the base of 36."""
    if isinstance(id, str):
        found = ID.fullmatch(id) or ID.fullmatch(PREFIX.sub("", id.lower(), count=1))
        return found[0] if found else ""
    if not isinstance(id, int) or isinstance(id, bool) or id < 0:
        return ""
    digits = ""
    while id or not digits:
        id, digit = divmod(id, 36)
        digits = DIGITS[digit] + digits
    return digits


def order(id: str) -> tuple[int, str]:
    """Sorts ids as the numbers that they are, the older first."""
    return len(id), id


def votes(score: Any) -> int | None:
    """A score as a number, or None where the row does not state one."""
    if type(score) is int:
        return score
    if isinstance(score, str):
        score = int(score) if re.fullmatch(r"-?\d{1,9}", score) else None
    return int(score) if isinstance(score, int | float) and not isinstance(score, bool) else None


def own_id(row: Glance | Comment, what: str) -> str:
    """Raises BadRow where a row has none."""
    id = bare(row.id) or bare(row.name)
    if not id:
        raise BadRow(f"has no id, and so is no {what}")
    return id


def low_score(score: Any, least: int) -> Reason | None:
    found = votes(score)
    if found is None:
        return ("no_score", f"states no score, and at least {least:,} is asked for") if least > 0 else None
    return ("few_votes", f"score {found:,} < {least:,}") if found < least else None


def refuse(row: Submission | Comment, text: str | None, bots: tuple[str, ...]) -> Reason | None:
    """What both kinds are refused for: gone, not an ordinary post, or by a program."""
    meta = row.meta if isinstance(row.meta, dict) else {}
    taken = getattr(row, "removed_by_category", None) or getattr(row, "banned_by", None)
    taken = (
        taken
        or row.removed
        or row.removal_reason
        or meta.get("removal_type")
        or meta.get("was_deleted_later")
    )
    if taken:
        return "removed", f"by {taken}" if isinstance(taken, str) else "marked as removed"
    mark = (text or "").strip().lower().replace("[ ", "[").replace(" ]", "]")
    if mark in GONE:
        return ("deleted" if "deleted" in mark else "removed"), f"says {mark}"
    author = row.author if isinstance(row.author, str) else ""
    if author.lower() == "[deleted]":
        return "deleted", "its author is gone"
    if row.stickied:
        return "stickied", "pinned by the moderators"
    if row.distinguished:
        return "moderator", f"posted as {row.distinguished}"
    if any(fnmatchcase(author.lower(), bot.lower()) for bot in bots):
        return "bot", f"by {author}"
    return None


def refuse_submission(row: Submission, source: Reddit) -> Reason | None:
    """The first rule that a submission breaks, but for its score and the wording of its title."""
    title = row.title or ""
    if reason := refuse(row, row.selftext, source.bots) or refuse(row, title, ()):
        return reason
    if not source.nsfw and (row.over_18 or NSFW.search(title)):
        return "nsfw", "marked as not safe for work" if row.over_18 else "its title says so"
    domain = row.domain if isinstance(row.domain, str) else ""
    if row.is_self is False or (row.is_self is None and domain and not domain.startswith("self.")):
        return "link_post", f"links to {domain or 'another page'}"
    return None


def refuse_comment(row: Comment, thread: str, source: Reddit) -> Reason | None:
    """The first rule that a comment breaks, but for its votes and length. Without a parent's id, it is top-level."""
    if reason := refuse(row, row.body, source.bots):
        return reason
    if row.parent_id is not None and bare(row.parent_id) != thread:
        return "reply", f"to {row.parent_id}, not to the submission"
    return None


def check_broken(where: str, broken: int, rows: int) -> None:
    """Raise DataError where more rows are broken than a sound file has."""
    if broken > MAX_BROKEN and broken > MAX_BROKEN_SHARE * rows:
        raise DataError(
            f"{where}: {broken:,} of {rows:,} rows cannot be read (at most {MAX_BROKEN_SHARE:.1%} may be broken); "
            "the file is damaged, or not in the form of the dump"
        )
