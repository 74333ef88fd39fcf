"""A part of the authored test prompts (`max_prompts`): so many, evenly over kinds, and over intents within a kind.

No seed draws it. Kinds take turns in the order of their names; in a kind's turn its intents do; and within an intent
(or a kind without any) prompts come by the sha256 of their name, which favours no topic. What runs out leaves its
turns to the rest. So a smaller part is in every larger one, and other folders or sources change nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain, zip_longest

from handful.core.tags import INTENT, original_of, said
from handful.core.types import Prompt

KIND = "kind="


def part(prompts: Sequence[Prompt], most: int) -> set[str]:
    """The ids of at most that many prompts, and of the variants of those; 0 means all.

    A variant is taken with the prompt that it is one of, and counts for none; one whose prompt is not here stays.
    """
    ids = {prompt.id for prompt in prompts}
    if not most:
        return ids
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for prompt in prompts:
        if not original_of(prompt.tags):
            groups[said(prompt.tags, KIND)][said(prompt.tags, INTENT)].append(prompt.id)
    kinds = [in_turn([hashed(ids) for _, ids in sorted(kind.items())]) for _, kind in sorted(groups.items())]
    left_out = set(in_turn(kinds)[most:])
    return {prompt.id for prompt in prompts if not {prompt.id, original_of(prompt.tags)} & left_out}


def hashed(ids: Sequence[str]) -> list[str]:
    """By the hash of the name, without the source's before it."""
    return sorted(ids, key=lambda id: sha256(id.rpartition("/")[2].encode()).hexdigest())


def in_turn(queues: Sequence[Sequence[str]]) -> list[str]:
    """One of each, then the next of each, as long as there are any."""
    return [one for one in chain.from_iterable(zip_longest(*queues)) if one is not None]
