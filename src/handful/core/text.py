"""What counts as the same prompt, for every stage that asks."""

from __future__ import annotations


def prompt_key(text: str) -> str:
    """Equal for prompts that differ only in case, white space, or punctuation at either end.

    Empty only where the text has nothing to compare: a prompt of punctuation alone is its own key.
    """
    words = " ".join(text.split()).casefold()
    start, end = 0, len(words)
    while start < end and not words[start].isalnum():
        start += 1
    while end > start and not words[end - 1].isalnum():
        end -= 1
    return words[start:end] or words
