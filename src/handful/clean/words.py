"""A text as words, for the rules that compare texts: near duplicates and overlap with the test set."""

from __future__ import annotations

import re
from functools import lru_cache

from handful.core.types import Candidate, Example, Prompt

SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
"""Chinese and Japanese are written without blanks: each sign counts as a word."""
OTHER_PUNCTUATION = re.compile(r"[^\w\x00-\x7f]+")
OTHER_SIGNS = re.compile(r"[^\x00-\x7f]+")
BLANK_BETWEEN = bytes(
    code if code >= 128 or chr(code).isalnum() or chr(code) == "_" else ord(" ") for code in range(256)
)


def plain(text: str) -> bytes:
    """A text in UTF-8, without case, and with blanks for punctuation: what stands between blanks is a word.

    Code and markup are words like all others. In bytes, since those are cut in no time.
    """
    text = text.casefold()
    if not text.isascii():
        text = OTHER_SIGNS.sub(lambda hit: apart(hit[0]), text)
    return text.encode("utf-8", "replace").translate(BLANK_BETWEEN)


@lru_cache(maxsize=1000)
def apart(signs: str) -> str:
    """Signs beyond ASCII that stand in a row, with blanks for punctuation. Mostly the same few: quotes, dashes, "é"."""
    return OTHER_PUNCTUATION.sub(" ", SIGN.sub(r" \g<0> ", signs))


@lru_cache(maxsize=8)
def words(text: str) -> tuple[bytes, ...]:
    """The words of a text. The rules ask for those of one text after the other's."""
    return tuple(plain(text).split())


def asked(text: Candidate | Example | Prompt) -> tuple[str, ...]:
    """What can be, or is, asked in a text: title and body, or the user's turns."""
    if isinstance(text, Candidate):
        return (text.title, text.body)
    return tuple(turn.text for turn in text.turns if turn.role == "user")


def answered(text: Candidate | Example) -> tuple[str, ...]:
    if isinstance(text, Candidate):
        return (text.answer,)
    return tuple(turn.text for turn in text.turns if turn.role == "assistant")
