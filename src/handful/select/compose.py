"""A candidate becomes an example: which of its two texts is the prompt (Section 2.1).

The paper takes "the title for some examples and the description for others", and does not say how often. Each
candidate's draw is its own: adding a source does not change the prompts of another.
"""

from __future__ import annotations

import msgspec

from handful.core.rng import rng_for
from handful.core.types import Candidate, Example, Turn
from handful.recipe.curation import Select

TITLE, BODY = "prompt=title", "prompt=body"


def compose(candidate: Candidate, params: Select) -> Example:
    """The example made of a cleaned candidate. Its tags say which text became the prompt, and the question's own.

    The question's title goes on as its origin's, whichever text became the prompt: the one to be credited by.
    """
    title = drawn_title(candidate, params)
    turns = (
        Turn("user", candidate.title if title else candidate.body),
        Turn("assistant", candidate.answer),
    )
    tags = (TITLE if title else BODY, *(f"tag={tag}" for tag in candidate.tags))
    origin = msgspec.structs.replace(candidate.origin, title=candidate.title or candidate.origin.title)
    return Example(candidate.id, turns, origin, tags)


def drawn_title(candidate: Candidate, params: Select) -> bool:
    """Whether the prompt is the title. Where only one of the two has text, that one."""
    if not candidate.body or not candidate.title:
        return not candidate.body
    return rng_for(params.seed, "select", "prompt", candidate.id).random() < params.title_probability
