"""Which live conversations a person has, in which order, and what stands for a system in the ledger. Pure.

Section 6 has ten conversations with each system, on the same prompts. The paper does not say in which order; ours keeps
the conversations on one prompt as far apart as can be, and has each system first equally often.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from handful.core.rng import rng_for
from handful.core.types import Prompt

TAG = "dialogue"
"""Of prompts that are made to be talked about: they come first."""


def talk_prompts(prompts: Sequence[Prompt], wanted: int) -> list[Prompt]:
    """The prompts that conversations begin with: those tagged "dialogue", then the first of the others."""
    tagged = [prompt for prompt in prompts if TAG in prompt.tags]
    others = [prompt for prompt in prompts if TAG not in prompt.tags]
    return [*tagged, *others][:wanted]


def opening(prompt: Prompt) -> str:
    """What a conversation begins with: the prompt as far as no system has spoken."""
    return prompt.turns[0].text


def arm_of(seed: int, prompts: Sequence[Prompt], system: str, identity: str) -> str:
    """64 hex digits that stand for a system in the ledger.

    Args:
        identity: what the system is beside its name: a model that was trained again is another arm, so that what was
            said to the old one is not counted for the new.
    """
    key = json.dumps([seed, [(prompt.id, opening(prompt)) for prompt in prompts]])
    return hmac.new(key.encode(), f"{system}\n{identity}".encode(), hashlib.sha256).hexdigest()


def dealt(seed: int, person: str, prompts: Sequence[str], arms: Sequence[str]) -> list[tuple[str, str]]:
    """(prompt, arm) of every conversation of one person, in order.

    All prompts come once before any comes again, in one drawn order: so two conversations on a prompt are as many
    conversations apart as there are prompts. Each arm comes first on as many prompts as any other, or one more.
    """
    drawn = list(prompts)
    rng_for(seed, "annotate", "talks", "prompts", person).shuffle(drawn)
    cycle = list(arms)
    rng_for(seed, "annotate", "talks", "arms", person).shuffle(cycle)
    first = [number % len(cycle) for number in range(len(drawn))]
    rng_for(seed, "annotate", "talks", "first", person).shuffle(first)
    return [
        (prompt, cycle[(first[place] + turn) % len(cycle)])
        for turn in range(len(cycle))
        for place, prompt in enumerate(drawn)
    ]


def sample_of(people: Sequence[str]) -> Mapping[str, int]:
    """Person -> which sample of a prompt's dialogues theirs is."""
    return {person: number for number, person in enumerate(sorted(set(people)))}
