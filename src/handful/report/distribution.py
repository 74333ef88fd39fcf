"""What Figure 3 calls in and out of distribution: by which measure, at what threshold, and beside which examples.

The paper's authors looked for a related training example by hand (Section 4.3); the measure here is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from handful.report.facts import Facts, Near
from handful.report.page import DASH, Block, Column, Table, Text
from handful.report.words import number

MOST_SHOWN = 12


def distribution(facts: Facts) -> list[Block]:
    """A paragraph and, where the data set measured it, the prompts whose side is most in doubt."""
    own = [near for near in facts.neighbours if near.id in {prompt.id for prompt in facts.tested()}]
    if not own:
        return [
            Text(
                [
                    "Out of distribution are prompts that came with the tag ood; nothing was measured "
                    "(dataset.out_of_distribution)."
                ]
            )
        ]
    return [Text([how_measured(facts), how_weak(facts, own)]), nearest(facts, own)]


def how_measured(facts: Facts) -> str:
    least = facts.recipe.dataset.ood_similarity
    return (
        "Out of distribution is a prompt that has no training prompt of its form (its tag form:, else by rules on its "
        f"words) with a TF-IDF cosine of {least:g} or more with it (dataset.ood_similarity), or that came with the tag "
        "ood. The measure is ours: the paper's authors looked by hand for a training example of the same format, and "
        "found none for 7 of 50 prompts."
    )


def how_weak(facts: Facts, own: Sequence[Near]) -> str:
    outside, beside = sum(near.ood for near in own), number(len(facts.train), "training example")
    return (
        f"Here {outside} of {number(len(own), 'prompt')} are outside, beside {beside}. "
        "It sees words, not what they mean, and fewer training prompts leave more outside whatever they are: of LIMA's "
        "300 test prompts 13% beside its 1,000 training prompts, 21% beside 500, 45% beside 100. Of a few hundred or "
        "fewer it says little."
    )


def nearest(facts: Facts, own: Sequence[Near]) -> Table:
    """Those nearest to the threshold, on either side, the least similar first."""
    least = facts.recipe.dataset.ood_similarity
    shown = sorted(own, key=lambda near: (abs(near.similarity - least), near.id))[:MOST_SHOWN]
    shown.sort(key=lambda near: (near.similarity, near.id))
    rest = [near for near in own if near not in shown]
    note = "A dash: no training prompt of this form has a word of it."
    if rest:
        note += (
            f" Shown are the {MOST_SHOWN} nearest to the threshold; {len(rest):,} more, of which "
            f"{sum(near.ood for near in rest):,} outside, are in neighbours.jsonl of the data set."
        )
    return Table(
        "The nearest training example of the same form",
        [
            Column("Prompt", "code"),
            Column("Form"),
            Column("Nearest training example", "code"),
            Column("Similarity", "number"),
            Column("Distribution"),
        ],
        [
            [near.id, near.form, near.nearest or DASH, near.similarity, "out" if near.ood else "in"]
            for near in shown
        ],
        note,
    )
