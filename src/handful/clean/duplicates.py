"""The same prompt twice: which one stays. Ours; the paper does not say.

Two texts have the same prompt where a title, a body or a first turn of one equals one of the other's, compared by
`prompt_key`. Ready-made examples stay before candidates, since somebody chose them; of the rest, the higher answer
score, and then the earlier. Near duplicates are not looked for here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from handful.core.text import prompt_key
from handful.core.types import Candidate, Example

READY_MADE = float("inf")
"""The score of an example, which has none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What must be known of a text to compare it: small, since a dump may leave a million of them."""

    id: str
    score: float
    keys: tuple[bytes, ...]


def entry(text: Candidate | Example) -> Entry:
    """The entry of a cleaned text."""
    if isinstance(text, Candidate):
        return Entry(text.id, text.answer_score, keys_of((text.title, text.body)))
    return Entry(text.id, READY_MADE, keys_of((text.turns[0].text,)))


def keys_of(prompts: Iterable[str]) -> tuple[bytes, ...]:
    """A digest of each prompt's key; none for an empty prompt."""
    keys = (prompt_key(prompt) for prompt in prompts)
    return tuple(blake2b(key.encode(), digest_size=16).digest() for key in keys if key)


def duplicates(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """(position, id of the one that stays) of each entry to drop, best kept first. Positions count from 0."""
    stays: dict[bytes, str] = {}
    for position in sorted(range(len(entries)), key=lambda position: -entries[position].score):
        found = entries[position]
        kept = next((stays[key] for key in found.keys if key in stays), None)
        if kept is not None:
            yield position, kept
        else:
            stays.update(dict.fromkeys(found.keys, found.id))
