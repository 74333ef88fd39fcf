"""The numbers at the front of many rows at once: what a pattern reads from one row, read with numpy from thousands.

A row is looked at as words of eight bytes: one for each piece of text that must stand there, one for a number. Only
rows in the very form of the dump are told apart; of all others it says nothing, and they are read with care elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WORD = 8
"""Bytes; and so the digits that a number may have here. Stack Overflow's Ids have as many."""
DATE = len("2010-01-01T00:18:24.833")
FRONT = 256
"""No byte further behind the start of a row than this is looked at."""
ENDS = (b' />\r\n  ', b' />\n  ', b' />\r\n', b' />\n', b"/>")  # fmt: skip
"""What may stand between a row's last quote and the next mark."""
ODD, OTHER, ASKED, ANSWERED = range(4)

Column = NDArray[np.int64]
Words = NDArray[np.uint64]
Mask = NDArray[np.bool_]


class Fronts(NamedTuple):
    """An entry a row: [n] each. Numbers mean something only in rows that are not ODD, and as far as they have them."""

    kind: NDArray[np.int8]
    """ODD is what is not in the form of the dump, OTHER a post that is neither a question nor an answer."""
    id: Column
    parent: Column
    """0 of a question."""
    score: Column
    body: Column
    """Where the text of the body begins."""


def repeat(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte]) * WORD, "little"))


def word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


LOW, HIGH, ZEROS, QUOTES = repeat(0x7F), repeat(0x80), repeat(ord("0")), repeat(ord('"'))
ONES, ABOVE_NINE = repeat(1), repeat(0x80 - 10)
PAIRS, FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
TENS = tuple(np.uint64(10**size * (1 << 8 * size) + 1) for size in (1, 2, 4))
BYTE, TWO, FOUR = np.uint64(8), np.uint64(16), np.uint64(32)


def read_fronts(buffer: NDArray[np.uint8], starts: Column, ends: Column) -> Fronts:
    """Read the rows buffer[starts:ends], none of which holds a "<" but its first byte.

    Args:
        buffer: has FRONT bytes, of whatever content, behind the last row.
    """
    words = np.ndarray(len(buffer) - WORD + 1, "<u8", buffer, 0, (1,))
    ids, at = number(words, starts + len('<row Id="'))
    named = (
        stands(words, starts, b'<row Id="') & stands(words, at, b'" PostTypeId="') & ends_well(words, ends)
    )
    named &= at > starts + len('<row Id="')
    at += len('" PostTypeId="')
    type = words[at]
    answered, accepted = type == word(b'2" Paren'), type == word(b'1" Accep')
    asked = accepted | (type == word(b'1" Creat'))
    good = answered & stands(words, at, b'2" ParentId="') | accepted & stands(
        words, at, b'1" AcceptedAnswerId="'
    )
    digits = at + np.where(answered, len('2" ParentId="'), len('1" AcceptedAnswerId="'))
    parents, behind = number(words, digits)
    good = asked & ~accepted | good & (behind > digits)
    at = np.where(answered | accepted, behind, at + 1)
    good &= stands(words, at, b'" CreationDate="')
    at += len('" CreationDate="')
    good &= ~holds_quote(words, at, DATE)
    at += DATE
    good &= stands(words, at, b'" Score="')
    at += len('" Score="')
    minus = words[at].astype(np.uint8) == ord("-")
    at += minus
    scores, behind = number(words, at)
    good &= behind > at
    viewed = stands(words, behind, b'" ViewCount="')
    at = np.where(viewed, number(words, behind + len('" ViewCount="'))[1], behind)
    good &= stands(words, at, b'" Body="')
    at += len('" Body="')
    good &= named & (at < ends)
    kind = np.where(good, np.where(asked, ASKED, ANSWERED), np.where(named & is_other(type), OTHER, ODD))
    return Fronts(
        kind.astype(np.int8), ids, np.where(asked, 0, parents), np.where(minus, -scores, scores), at
    )


def number(words: Words, at: Column) -> tuple[Column, Column]:
    """The numbers whose digits begin at `at`, of at most WORD digits, and where they end."""
    digits = words[at] ^ ZEROS
    others = ((digits & LOW) + ABOVE_NINE | digits) & HIGH
    below = (others & (~others + np.uint64(1))) - np.uint64(
        1
    )  # the bits before the first byte that is no digit
    count = np.bitwise_count(below) >> np.uint8(3)
    value = digits << (
        np.uint64(64) - (count.astype(np.uint64) << np.uint64(3))
    )  # as if zeros stood in front
    value = (value * TENS[0] >> BYTE) & PAIRS
    value = (value * TENS[1] >> TWO) & FOURS
    value = value * TENS[2] >> FOUR
    return value.astype(np.int64), at + count


def stands(words: Words, at: Column, text: bytes) -> Mask:
    """Whether a text of WORD bytes or more stands at each place."""
    found: Mask = words[at] == word(text[:WORD])
    for offset in (*range(WORD, len(text) - WORD, WORD), len(text) - WORD):
        if offset:
            found &= words[at + offset] == word(text[offset : offset + WORD])
    return found


def holds_quote(words: Words, at: Column, size: int) -> Mask:
    """Whether there is a quote in the `size` bytes at each place."""
    found = np.zeros(len(at), np.uint64)
    for offset in (*range(0, size - WORD, WORD), size - WORD):
        others = words[at + offset] ^ QUOTES
        found |= (others - ONES) & ~others & HIGH
    quotes: Mask = found != 0
    return quotes


def ends_well(words: Words, ends: Column) -> Mask:
    """Whether one of ENDS stands before each place."""
    last = words[np.maximum(ends - WORD, 0)]
    found: Mask = np.zeros(len(ends), np.bool_)
    for text in ENDS:
        found |= last >> np.uint64(8 * (WORD - len(text))) == word(text)
    return found


def is_other(type: Words) -> Mask:
    """Whether a word begins with one digit and a quote, and the digit is neither a question's nor an answer's."""
    digit = type.astype(np.uint8) - np.uint8(ord("0"))
    quoted = (type >> BYTE).astype(np.uint8) == ord('"')
    other: Mask = quoted & (digit <= 9) & (digit != 1) & (digit != 2)
    return other
