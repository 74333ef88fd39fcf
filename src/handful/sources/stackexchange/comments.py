"""The rows of a Comments.xml: who wrote under which post, and what, as text.

A comment is a line of plain text with a little Markdown: links, code, emphasis, and the name of whom it answers. What
dialogues are made of them is for `threads` and `chains` to say.
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Callable
from typing import NamedTuple

from handful.sources.stackexchange.rows import Fault, attributes, unescape

FRONT = re.compile(rb'\s*Id="\d{1,18}" PostId="(\d{1,18})" Score="-?\d+" Text="')
DATE = b' CreationDate="'
WHOLE_NUMBER = re.compile(r"\d{1,18}\Z")
NEEDED = ("Id", "PostId", "Text", "CreationDate")

LITERAL = re.compile(
    r"(?<!`)(`++).{1,600}?(?<!`)\1(?!`)|\$\$?[^$\n]{0,600}[\\^_{][^$\n]{0,600}\$\$?", re.DOTALL
)
"""Code, and mathematics: both stay as they are. A comment has at most 600 characters."""
LINK = re.compile(
    r"!?\[([^\[\]]+(?:\[[^\[\]]*\][^\[\]]*)*)\]"
    r"\((?:https?://|//|ftp://|mailto:|/)[^\s()]*(?:\([^\s()]*\)[^\s()]*)*(?:\s+(?:\"[^\"]*\"|'[^']*'))?\)"
)
LITERAL_OR_LINK = re.compile(f"{LITERAL.pattern}|{LINK.pattern}", re.DOTALL)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
TAG = re.compile(r"\[(?:meta-)?tag:([^\[\]\s]+)\]")
EMPHASIS = re.compile(
    r"(?<![^\s(\[\"'])(\*{1,3}|_(?!_))(?![\s*])(.{1,600}?)(?<!\s)\1(?![^\s.,;:!?)\]\"'])", re.DOTALL
)
"""Not "__": what is meant is hardly ever bold."""
ADDRESSED = re.compile(r"\s*(?:@[^\s@,:;]*[^\W_][^\s@,:;]*[,:;]*(?:\s+[-\u2013\u2014]+(?=\s))?\s*)+")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u200b-\u200f\ufeff]")


class Comment(NamedTuple):
    id: int
    post: int
    date: str
    person: int
    text: str
    """As Markdown."""
    row: dict[str, str]
    """All its attributes."""


def glance(record: bytes, wanted: Callable[[int], int]) -> tuple[int, int] | Fault | None:
    """Where a comment stands and who wrote it, or None where nobody wants to know.

    Args:
        wanted: Id of a post -> its number, below 0 if comments on it do not matter.

    Returns:
        (number of the post, person).
    """
    match = FRONT.match(record)
    if match is None or b"/>" not in record or DATE not in record:
        found = read(record)
        if isinstance(found, Fault):
            return found
        post, by = found.post, found.person
    else:
        post, by = int(match[1]), None
    number = wanted(post)
    if number < 0:
        return None
    return number, writer(record) if by is None else by


def writer(record: bytes) -> int:
    return person(value(record, b' UserId="'), value(record, b' UserDisplayName="'))


def read(record: bytes) -> Comment | Fault:
    found = attributes(record)
    id = found.get("Id", "")
    if b"/>" not in record and b"</row" not in record:
        tail = record.rstrip()[-40:].decode(errors="replace")
        return Fault("broken_row", id, f"the comment does not end; it breaks off at …{tail!r}")
    if missing := [name for name in NEEDED if name not in found]:
        return Fault("missing_attribute", id, f"a comment without {', '.join(missing)}")
    if wrong := [
        f"{name}={found[name]!r}" for name in ("Id", "PostId") if not WHOLE_NUMBER.match(found[name])
    ]:
        return Fault("missing_attribute", id, f"not a whole number: {', '.join(wrong)}")
    by = person(found.get("UserId", ""), found.get("UserDisplayName", ""))
    return Comment(int(id), int(found["PostId"]), found["CreationDate"], by, found["Text"], found)


def value(record: bytes, mark: bytes) -> str:
    """An attribute of a row by its mark, ' Name="', or "". No text can hold a mark: in it, quotes are escaped."""
    start = record.rfind(mark)
    if start < 0:
        return ""
    start += len(mark)
    return unescape(record[start : record.find(b'"', start)].decode("utf-8", errors="replace"))


def person(id: str, name: str) -> int:
    """A number for a person: of the account, or below 0 where only a name is left of it; 0 where nobody knows.

    Names are compared only within one thread. The account -1 stands for the community, which asks and answers nothing.
    """
    if WHOLE_NUMBER.match(id):
        return int(id)
    return -1 - zlib.crc32(name.encode(errors="replace")) if name and not id else 0


def to_turn(markdown: str) -> str:
    """A comment as text: links as their words, emphasis and the names it begins with removed, entities resolved."""
    text = CONTROL.sub("", markdown).strip()
    if text.startswith("@"):
        text = ADDRESSED.sub("", text, count=1)
    text = LITERAL_OR_LINK.sub(lambda found: found[2] or found[0], text)
    parts: list[str] = []
    end = 0
    for literal in LITERAL.finditer(text):
        parts += [prose(text[end : literal.start()]), literal[0]]
        end = literal.end()
    return " ".join("".join([*parts, prose(text[end:])]).split())


def prose(text: str) -> str:
    """What is neither code nor mathematics, without its marks."""
    text = EMPHASIS.sub(r"\2", EMPHASIS.sub(r"\2", TAG.sub(r"\1", text)))  # ***both***
    return ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
