"""What counts as the same prompt, for every stage that asks."""

from __future__ import annotations

import re

EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def prompt_key(text: str) -> str:
    """Equal for prompts that differ only in case, white space, or punctuation at either end.

    Empty only where the text has nothing to compare: a prompt of punctuation alone is its own key.
    """
    words = " ".join(text.split()).casefold()
    return EDGES.sub("", words) or words
