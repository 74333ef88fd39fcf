"""Entities of many texts at once. Half of a dump's bytes that are kept are their bodies, and one in thirty an entity.

The five that a dump's bodies have, and the two line ends, are replaced where they stand, in one array of all texts. A
text with any other goes the long way, alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handful.sources.stackexchange.rows import unescape

KNOWN = {b"lt;": "<", b"gt;": ">", b"amp;": "&", b"quot;": '"', b"#xA;": "\n", b"#xD;": "\r"}
SHORTEST, LONGEST = min(map(len, KNOWN)), max(map(len, KNOWN))
WORD = 8
REMOVED = b"\xff"
"""Stands in the place of what goes; no UTF-8 has it."""


def slot(word: int) -> int:
    """A byte of its own for each known entity: its first and its third byte, summed."""
    return (word + (word >> 16)) & 0xFF


NAME, MASK = np.ones(256, np.uint64), np.zeros(256, np.uint64)
LENGTH, CHARACTER = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
for _name, _character in KNOWN.items():
    _word = int.from_bytes(_name, "little")
    _slot = slot(_word)
    NAME[_slot], MASK[_slot] = _word, (1 << 8 * len(_name)) - 1
    LENGTH[_slot], CHARACTER[_slot] = len(_name), ord(_character)
assert np.count_nonzero(LENGTH) == len(KNOWN)


def most_characters(text: bytes) -> int:
    """How many characters an escaped text has at most: as many as bytes, but for the known entities."""
    return len(text) - sum(len(name) * text.count(b"&" + name) for name in KNOWN)


def fewer_characters(text: bytes, least: int) -> int | None:
    """How many characters an escaped text has at most, if that is fewer than `least`: one count settles nearly all."""
    if len(text) - LONGEST * text.count(b"&") >= least:
        return None
    most = most_characters(text)
    return most if most < least else None


def unescape_all(texts: Sequence[bytes]) -> list[str]:
    """As `unescape` does each. Bytes that are not UTF-8 become U+FFFD."""
    joined = b"".join(texts)
    if REMOVED in joined:
        return [alone(text) for text in texts]
    whole = np.frombuffer(bytearray(joined + bytes(1 + WORD)), np.uint8)
    words = np.ndarray(len(whole) - WORD + 1, "<u8", whole, 0, (1,))
    marks = np.flatnonzero(whole == ord("&"))
    names = words[marks + 1]
    slots = (names + (names >> np.uint64(16))).astype(np.uint8)
    known = names & MASK[slots] == NAME[slots]
    ends = np.cumsum([len(text) for text in texts])
    odd = set(np.searchsorted(ends, marks[~known], side="right").tolist())
    marks, slots = marks[known], slots[known]
    lengths = LENGTH[slots]
    whole[marks] = CHARACTER[slots]
    for place in range(1, LONGEST + 1):
        whole[(marks if place <= SHORTEST else marks[lengths >= place]) + place] = REMOVED[0]
    content = whole[: len(joined)].tobytes().translate(None, REMOVED)
    before = np.searchsorted(marks, ends)  # so many entities begin before the end of each text
    behind = np.append(0, marks + 1 + lengths)[before]
    for number in np.flatnonzero(behind > ends).tolist():
        odd |= {number, number + 1}  # the last one reaches into the next text
    stops = (ends - np.append(0, np.cumsum(lengths, dtype=np.int64))[before]).tolist()
    return [
        alone(text) if number in odd else content[start:stop].decode("utf-8", "replace")
        for number, (text, start, stop) in enumerate(zip(texts, [0, *stops], stops, strict=False))
    ]


def alone(text: bytes) -> str:
    return unescape(text.decode("utf-8", "replace"))
