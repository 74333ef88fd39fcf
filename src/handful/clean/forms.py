"""What a secret or a piece of personal data looks like: a value, so that each kind is a row of a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Find(NamedTuple):
    kind: str
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of secret or personal data."""

    kind: str
    marks: tuple[str, ...]
    """A text without any of them has none of the kind."""
    pattern: re.Pattern[str]
    """The group `it`, where there is one, is what is masked; else all of it."""
    holds: Callable[[str], bool] = lambda words: True
    """Whether words of this form are one indeed."""
    digits: bytes = b""
    """A text that has not these, with 0 for each digit, has none of the kind."""
