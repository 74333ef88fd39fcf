"""Tags of examples and prompts that more than one stage reads: `beginning` followed by what it says."""

from __future__ import annotations

from collections.abc import Iterable

INTENT = "intent:"
"""Of a safety prompt: malicious or benign."""
VARIANT_OF = "variant_of:"
"""The id of the test prompt that this one asks in another way. A variant counts for robustness, and as no prompt."""
VARIANT = "variant:"
"""How it is asked: a kind of `dataset.variants`, or whatever its author says."""
PARAPHRASE = "paraphrase"
"""The kind of a variant that names none: people write these."""


def said(tags: Iterable[str], beginning: str) -> str:
    """What the first tag with this beginning says, or ""."""
    return next((tag.removeprefix(beginning) for tag in tags if tag.startswith(beginning)), "")


def original_of(tags: Iterable[str]) -> str:
    """The id of the prompt that the one with these tags is a variant of; "" where it is none."""
    return said(tags, VARIANT_OF)
