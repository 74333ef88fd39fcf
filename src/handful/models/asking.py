"""How a model is asked about texts of others, and what it says without what it thought first.

Serves every stage that asks a judge: none of them imports another. The texts stand between marks that no text can
write. That stops a text from closing its own block; a judge may still be swayed by what it reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from handful.core.types import Turn


def block(title: str, text: str, mark: str) -> str:
    """A text between two lines that carry the mark."""
    return f"[{title} {mark}]\n{text.strip()}\n[End of {title} {mark}]"


def dialogue(turns: Sequence[Turn]) -> str:
    """The prompt as text: a single question as it stands, a conversation with who says what."""
    if len(turns) == 1:
        return turns[0].text
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.text}" for turn in turns)


def nonce(texts: Sequence[str]) -> str:
    """A mark that stands in none of the texts. It follows from them, so a question asked again is the same."""
    digest = hashlib.sha256("\0".join(sorted(texts)).encode())
    while any(digest.hexdigest()[:8] in text for text in texts):
        digest.update(b"again")
    return digest.hexdigest()[:8]


def spoken(reply: str) -> str:
    """The reply without what a reasoning model thought first; empty where it never stopped thinking."""
    said = reply.rpartition("</think>")[2]
    return "" if "<think>" in said else said
