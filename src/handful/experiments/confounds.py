"""What arms differ in beside the one thing that is asked about: sources, lengths of prompts and responses, overlap.

Section 5 admits that its arms differ in their sources. Where two arms differ in length too, a judge that likes long
answers sees a difference that is none of diversity, or of quality.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median

from handful.core import jsonl
from handful.core.types import Example, Noun

LENGTHS_DIFFER = 1.2
"""Of mean lengths: from here on a table says so (ours)."""


class ArmFacts(Noun, frozen=True):
    """One arm's training examples, with the first seed. Lengths are in words, between blanks."""

    arm: str
    examples: int
    sources: dict[str, int]
    communities: int
    turns: int
    """Of the assistant."""
    prompt_words: float
    """Mean over the user's turns; 0 without examples."""
    prompt_words_median: float
    response_words: float
    """Mean over the assistant's turns."""
    response_words_median: float
    shared_with_first: int
    """Examples that the first arm has too."""


def facts_of_arms(datasets: Mapping[str, Path]) -> list[ArmFacts]:
    """A row an arm, in the order of the file.

    Args:
        datasets: arm -> its folder `dataset`.
    """
    first: set[str] | None = None
    found = []
    for arm, folder in datasets.items():
        examples = list(jsonl.read(folder / "train.jsonl", Example))
        ids = {example.id for example in examples}
        first = ids if first is None else first
        found.append(facts_of(arm, examples, len(ids & first)))
    return found


def facts_of(arm: str, examples: list[Example], shared: int) -> ArmFacts:
    words = {
        role: [len(turn.text.split()) for e in examples for turn in e.turns if turn.role == role]
        for role in ("user", "assistant")
    }
    asked, said = words["user"] or [0], words["assistant"] or [0]
    return ArmFacts(
        arm=arm,
        examples=len(examples),
        sources=dict(sorted(Counter(e.origin.source for e in examples).items())),
        communities=len({(e.origin.source, e.origin.community) for e in examples}),
        turns=len(words["assistant"]),
        prompt_words=float(mean(asked)),
        prompt_words_median=float(median(asked)),
        response_words=float(mean(said)),
        response_words_median=float(median(said)),
        shared_with_first=shared,
    )


def confounds(facts: list[ArmFacts]) -> list[str]:
    """What differs that the file did not ask about, a sentence each."""
    lines = []
    for what, lengths in (
        ("prompts", [fact.prompt_words for fact in facts]),
        ("responses", [fact.response_words for fact in facts]),
    ):
        least, most = min(lengths), max(lengths)
        if least and most > LENGTHS_DIFFER * least:
            lines.append(
                f"The arms' training {what} differ in mean length by {most / least:.1f} times: what looks like an "
                "effect of the arm may be one of length."
            )
    if len({frozenset(fact.sources) for fact in facts}) > 1:
        lines.append(
            "The arms are of different sources, which differ in more than one thing; the paper admits this of its own."
        )
    if len({fact.examples for fact in facts}) > 1:
        lines.append(
            "The arms differ in how many examples they have, and so in training steps where epochs are equal."
        )
    return lines
