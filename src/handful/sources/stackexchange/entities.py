"""Entities of many texts at once. Half of a dump's bytes that are kept are their bodies, and one in thirty an entity.

The five that a dump's bodies have, and the two line ends, are replaced where they stand, in one array of all texts. A
text with any other goes the long way, alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handful.sources.stackexchange.rows import unescape

KNOWN = {b"lt;": "<", b"gt;": ">", b"amp;": "&", b"quot;": '"', b"#xA;": "\n", b"#xD;": "\r"}
LONGEST = max(map(len, KNOWN))


def most_characters(text: bytes) -> int:
    """How many characters an escaped text has at most: as many as bytes, but for the known entities."""
    return len(text) - sum(len(name) * text.count(b"&" + name) for name in KNOWN)


def unescape_all(texts: Sequence[bytes]) -> list[str]:
    """As `unescape` does each. Bytes that are not UTF-8 become U+FFFD."""
    joined = b"".join(texts)
    whole = np.frombuffer(joined + bytes(LONGEST), np.uint8)
    marks = np.flatnonzero(whole[: len(joined)] == ord("&"))
    ends = np.cumsum([len(text) for text in texts])
    following = np.zeros(len(marks), np.uint64)
    for place in range(LONGEST):
        following |= whole[marks + 1 + place].astype(np.uint64) << np.uint64(8 * place)
    lengths, characters = np.zeros(len(marks), np.int64), np.zeros(len(marks), np.uint8)
    for name, character in KNOWN.items():
        number, bits = int.from_bytes(name, "little"), np.uint64((1 << 8 * len(name)) - 1)
        hit = following & bits == number
        lengths[hit], characters[hit] = len(name), ord(character)
    owner = np.searchsorted(ends, marks, side="right")
    if len(marks):
        lengths[marks + lengths >= ends[owner]] = 0  # one that would reach into the next text
    odd = set(owner[lengths == 0].tolist())
    changed = whole[: len(joined)].copy()
    changed[marks] = np.where(lengths > 0, characters, changed[marks])
    kept = np.ones(len(joined), np.bool_)
    for place in range(LONGEST):
        kept[marks[lengths > place] + 1 + place] = False
    content = changed[kept].tobytes()
    removed = np.append(0, np.cumsum(lengths))[np.searchsorted(marks, ends)]
    stops = (ends - removed).tolist()
    return [
        unescape(text.decode("utf-8", "replace"))
        if number in odd
        else content[start:stop].decode("utf-8", "replace")
        for number, (text, start, stop) in enumerate(zip(texts, [0, *stops], stops, strict=False))
    ]
