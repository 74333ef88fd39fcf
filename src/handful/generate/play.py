"""How prompts are asked: as they stand, or as dialogues that the system plays, one of the user's turns after the other.

Section 6 grades each of the assistant's turns, and whole dialogues. A played dialogue keeps the user's turns; what the
assistant says between them is the system's own, whatever the prompt has there. So each round asks the next turn of
every dialogue that has one, after the answers of the rounds before. A failed turn ends its dialogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from handful.core.rng import rng_for
from handful.core.types import Dialogue, Prompt, Response, Turn
from handful.generate.systems import Ask, Key
from handful.recipe.systems import Generate

Round = Mapping[Key, Response]
"""What was answered to one of the user's turns."""


def user_turns(prompt: Prompt) -> tuple[Turn, ...]:
    return prompt.turns[::2]


def is_played(prompt: Prompt, params: Generate) -> bool:
    return params.dialogues and len(prompt.turns) > 1


def rounds(prompts: Sequence[Prompt], params: Generate) -> int:
    """How often the system is asked, one after the other: the most turns that a user has."""
    return max((len(user_turns(prompt)) for prompt in prompts if is_played(prompt, params)), default=1)


def total(prompts: Sequence[Prompt], params: Generate) -> int:
    """How many answers are wanted in all."""
    turns = (len(user_turns(prompt)) if is_played(prompt, params) else 1 for prompt in prompts)
    return sum(turns) * params.samples


def asks(prompts: Sequence[Prompt], params: Generate, name: str, before: Sequence[Round]) -> list[Ask]:
    """What is asked after the rounds `before`, in the order of the prompts, then samples."""
    found = []
    for prompt in prompts:
        for sample in range(params.samples):
            if not is_played(prompt, params):
                if not before:
                    found.append(Ask(prompt, sample, seed(params, name, prompt, sample)))
                continue
            said = spoken(prompt, sample, before)
            turns = user_turns(prompt)
            if said is not None and len(before) < len(turns):
                asked = msgspec.structs.replace(prompt, turns=(*said, turns[len(before)]))
                drawn = seed(params, name, prompt, sample, len(before))
                found.append(Ask(asked, sample, drawn, played=len(turns)))
    return found


def seed(params: Generate, name: str, prompt: Prompt, sample: int, turn: int = 0) -> int:
    """Of one answer, whoever else is asked."""
    later = (str(turn),) if turn else ()
    return rng_for(params.seed, "generate", name, prompt.id, str(sample), *later).getrandbits(63)


def spoken(prompt: Prompt, sample: int, before: Sequence[Round]) -> tuple[Turn, ...] | None:
    """The dialogue after the rounds `before`, ending with the assistant; None where a turn failed."""
    said: list[Turn] = []
    for asked, answered in zip(user_turns(prompt), before, strict=False):
        response = answered.get((prompt.id, sample))
        if response is None or response.finish == "error":
            return None
        said += [asked, Turn("assistant", response.text)]
    return tuple(said)


def last_answers(prompts: Sequence[Prompt], params: Generate, made: Sequence[Round]) -> list[Response]:
    """Each prompt's response: to its last turn, or the failure that ended its dialogue."""
    found = []
    for prompt in prompts:
        for sample in range(params.samples):
            own = [answered[prompt.id, sample] for answered in made if (prompt.id, sample) in answered]
            found.append(own[-1])
    return found


def dialogues(
    prompts: Sequence[Prompt], params: Generate, name: str, made: Sequence[Round]
) -> list[Dialogue]:
    """The dialogues that were played to their end."""
    found = []
    for prompt in prompts:
        for sample in range(params.samples if is_played(prompt, params) else 0):
            turns = spoken(prompt, sample, made)
            if turns is not None:
                finish = made[len(user_turns(prompt)) - 1][prompt.id, sample].finish
                found.append(Dialogue(prompt.id, name, turns, sample, finish))
    return found
