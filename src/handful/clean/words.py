"""A text as words, for the rules that compare texts: near duplicates and overlap with the test set."""

from __future__ import annotations

import re
from functools import lru_cache

from handful.core.types import Candidate, Example, Prompt

SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
"""Chinese and Japanese are written without blanks: each sign counts as a word."""
OTHER_PUNCTUATION = re.compile(r"[^\w\x00-\x7f]+")
BLANK_BETWEEN = bytes(
    code if code >= 128 or chr(code).isalnum() or chr(code) == "_" else ord(" ") for code in range(256)
)


@lru_cache(maxsize=8)
def words(text: str) -> tuple[bytes, ...]:
    """The words of a text in UTF-8, without case and punctuation. Code and markup are words like all others.

    In bytes, since those are cut in no time. The rules ask for the same text's words one after the other.
    """
    text = text.casefold()
    if not text.isascii():
        text = OTHER_PUNCTUATION.sub(" ", SIGN.sub(r" \g<0> ", text))
    return tuple(text.encode("utf-8", "replace").translate(BLANK_BETWEEN).split())


def asked(text: Candidate | Example | Prompt) -> tuple[str, ...]:
    """What can be, or is, asked in a text: title and body, or the user's turns."""
    if isinstance(text, Candidate):
        return (text.title, text.body)
    return tuple(turn.text for turn in text.turns if turn.role == "user")


def answered(text: Candidate | Example) -> tuple[str, ...]:
    if isinstance(text, Candidate):
        return (text.answer,)
    return tuple(turn.text for turn in text.turns if turn.role == "assistant")
