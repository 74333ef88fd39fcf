"""An answer's text as its tokens come, in pieces that never need to be taken back.

Held back until more tokens tell: a character of which only some bytes are there, and an ending that may be the
beginning of a stop string. The pieces together are the answer's text, streamed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

BROKEN = "\ufffd"
"""What a tokenizer decodes bytes to that are no character, or not yet one."""
LONGEST_HELD = 16
"""Tokens without a whole character after which the bytes are taken to be garbage. A character has at most 4 bytes."""


class Reader:
    """Token ids of one answer in, text out."""

    def __init__(self, decode: Callable[[list[int]], str], stops: Sequence[str] = ()) -> None:
        self.text_of = decode
        self.stops = tuple(stops)
        self.ids: list[int] = []
        self.from_ = 0
        """The first token that the next decoding looks at: a piece's spaces depend on the token before it."""
        self.read = 0
        """Tokens whose text was taken."""
        self.held = ""
        """Text that may be the beginning of a stop string."""
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that is certain now that `token` has come. Sets `stopped` where it completed a stop string."""
        self.ids.append(token)
        return self._release(self._decode(final=False), final=False)

    def end(self) -> str:
        """The rest, once no token comes any more."""
        return "" if self.stopped else self._release(self._decode(final=True), final=True)

    def _decode(self, final: bool) -> str:
        """The text of the tokens that were not yet taken; "" while they end inside a character."""
        before = self.text_of(self.ids[self.from_ : self.read])
        text = self.text_of(self.ids[self.from_ :])
        broken = text.endswith(BROKEN) and len(self.ids) - self.read < LONGEST_HELD
        if not final and (broken or len(text) <= len(before)):
            return ""
        self.from_, self.read = self.read, len(self.ids)
        return text[len(before) :]

    def _release(self, text: str, final: bool) -> str:
        """What of `held + text` can be shown: all before a stop string, or before what may become one."""
        text = self.held + text
        found = [place for place in map(text.find, self.stops) if place >= 0]
        if found:
            self.stopped, self.held = True, ""
            return text[: min(found)]
        keep = 0 if final else max((overlap(text, stop) for stop in self.stops), default=0)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]


def overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` are the beginning of `stop`, but not all of it."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
