"""A summary in the manner of Table 1: how much each source gives each split, and how long it is.

Lengths are in characters and words. The paper counts tokens of its own model's tokenizer, so its row stands beside
ours as it is and is not to be compared number by number; `train` counts the tokens of the model that is tuned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from handful.core.types import Example, Prompt
from handful.recipe.curation import TABLE_1

PAPER_TOKENS = {
    "stem": (117, 523),
    "other": (119, 530),
    "wikihow": (12, 1811),
    "writing_prompts": (34, 274),
    "natural_instructions": (236, 92),
    "authored": (40, 334),
}
"""Source -> average input and output tokens of its training examples, as printed in Table 1."""
PAPER_HELD_OUT = {("dev", "authored"): 50, ("test", "askreddit"): 70, ("test", "authored"): 230}
"""(split, source) -> its prompts in Table 1. Its lengths we could not confirm."""


@dataclass(frozen=True, slots=True)
class Length:
    """Of a text that a row's dialogues have: means and medians, rounded to a tenth."""

    mean_characters: float
    median_characters: float
    mean_words: float
    median_words: float


@dataclass(frozen=True, slots=True)
class Paper:
    """What Table 1 says of the source in this split; None where that is not known."""

    examples: int
    mean_input_tokens: int | None = None
    mean_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    split: str
    source: str
    examples: int
    turns: int
    """Of all its dialogues together."""
    input: Length
    """What the user says, all turns of a dialogue together."""
    output: Length | None
    """What the assistant says; None for prompts."""
    paper: Paper | None


def table(splits: Mapping[str, Sequence[Example] | Sequence[Prompt]]) -> list[Row]:
    """A row for each split and source that has anything, sources in the order of Table 1 and then by name."""
    rows = []
    for split, dialogues in splits.items():
        by_source: dict[str, list[Example | Prompt]] = {}
        for dialogue in dialogues:
            by_source.setdefault(dialogue.origin.source, []).append(dialogue)
        rows += [row(split, source, by_source[source]) for source in sorted(by_source, key=place)]
    return rows


def place(source: str) -> tuple[int, str]:
    names = list(TABLE_1)
    return (names.index(source) if source in names else len(names), source)


def row(split: str, source: str, dialogues: Sequence[Example | Prompt]) -> Row:
    outputs = [said(dialogue, "assistant") for dialogue in dialogues if isinstance(dialogue, Example)]
    return Row(
        split=split,
        source=source,
        examples=len(dialogues),
        turns=sum(len(dialogue.turns) for dialogue in dialogues),
        input=length([said(dialogue, "user") for dialogue in dialogues]),
        output=length(outputs) if outputs else None,
        paper=in_the_paper(split, source),
    )


def in_the_paper(split: str, source: str) -> Paper | None:
    if split == "train" and source in PAPER_TOKENS:
        return Paper(TABLE_1[source], *PAPER_TOKENS[source])
    held_out = PAPER_HELD_OUT.get((split, source))
    return Paper(held_out) if held_out else None


def said(dialogue: Example | Prompt, role: str) -> list[str]:
    return [turn.text for turn in dialogue.turns if turn.role == role]


def length(texts: Sequence[Sequence[str]]) -> Length:
    """Of dialogues, each given as the turns of one side."""
    characters = [sum(map(len, turns)) for turns in texts]
    words = [sum(len(turn.split()) for turn in turns) for turns in texts]
    return Length(*(round(float(of(counts)), 1) for counts in (characters, words) for of in (mean, median)))
