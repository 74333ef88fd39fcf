"""What an edit changed, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from handful.core.types import Turn

PIECE = re.compile(r"\S+|\s+")


class Piece(NamedTuple):
    kind: Literal["same", "gone", "new"]
    text: str


class TurnDifference(NamedTuple):
    role: str
    pieces: list[Piece]


def difference(before: str, after: str) -> list[Piece]:
    """The pieces of both texts in order: those of "same" and "gone" make up `before`, of "same" and "new" `after`."""
    old, new = PIECE.findall(before), PIECE.findall(after)
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    found: list[Piece] = []
    gone = added = ""
    for number, (kind, a, b, c, d) in enumerate(codes):
        was, is_now = "".join(old[a:b]), "".join(new[c:d])
        between = 0 < number < len(codes) - 1 and was.isspace()  # a blank between two changes is no news
        if kind != "equal" or between:
            gone, added = gone + was, added + is_now
            continue
        found += changes(gone, added)
        gone = added = ""
        found.append(Piece("same", was))
    return found + changes(gone, added)


def changes(gone: str, added: str) -> list[Piece]:
    return [*([Piece("gone", gone)] if gone else []), *([Piece("new", added)] if added else [])]


def of_turns(before: Sequence[Turn], after: Sequence[Turn]) -> list[TurnDifference]:
    """Turn by turn; a turn that only one side has is wholly gone, or wholly new."""
    found = []
    for number in range(max(len(before), len(after))):
        old = before[number].text if number < len(before) else ""
        new = after[number].text if number < len(after) else ""
        role = (after if number < len(after) else before)[number].role
        found.append(TurnDifference(role, difference(old, new)))
    return found
