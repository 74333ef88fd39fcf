"""How long each system answers and why it stops, and whether a judge favours the longer answer.

Length goes with quality as well as with bias, so it is reported and nothing is corrected for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handful.core.types import Comparison, Finish, Interval, Noun, Response
from handful.stats.bootstrap import Bootstrap
from handful.stats.readings import Annotator

ENDED: tuple[Finish, ...] = ("eot", "eos")


class SystemLength(Noun, frozen=True):
    system: str
    responses: int
    characters: Interval
    words: Interval
    tokens: Interval
    finish: dict[str, Interval]
    """Why it stopped -> share of responses."""
    ended: Interval
    """Share of responses in which the model ended its turn itself ("eot" or "eos")."""
    empty: int


class LengthBias(Noun, frozen=True):
    judge: str
    longer_chosen: Interval
    """Share that chose the longer, of the readings that chose a side where the lengths differ."""


def system_length(system: str, responses: Sequence[Response], bootstrap: Bootstrap) -> SystemLength:
    prompts = [r.prompt_id for r in responses]
    given = [r for r in responses if r.finish != "error"]  # what failed is no short answer, and has no length
    sizes = [[len(r.text), len(r.text.split()), r.tokens] for r in given]
    characters, words, tokens = three(bootstrap.means([r.prompt_id for r in given], sizes, bounds=None))
    kinds = sorted({r.finish for r in responses})
    shares = bootstrap.means(
        prompts,
        [[*(float(r.finish == kind) for kind in kinds), float(r.finish in ENDED)] for r in responses],
    )
    return SystemLength(
        system=system,
        responses=len(responses),
        characters=characters,
        words=words,
        tokens=tokens,
        finish=dict(zip(kinds, shares, strict=False)),
        ended=shares[-1],
        empty=sum(not r.text.strip() for r in responses),
    )


def three(found: Sequence[Interval]) -> tuple[Interval, Interval, Interval]:
    """Three intervals, where nothing to measure gave only one."""
    return found[0], found[len(found) // 2], found[-1]


def length_bias(judge: Annotator, comparisons: Mapping[str, Comparison], bootstrap: Bootstrap) -> LengthBias:
    prompts, longer = [], []
    for id, reading in judge.readings.items():
        shown = comparisons[id]
        left, right = len(shown.left), len(shown.right)
        if reading.choice in ("left", "right") and left != right:
            prompts.append(shown.prompt_id)
            longer.append(float((reading.choice == "left") == (left > right)))
    return LengthBias(judge.name, bootstrap.mean(prompts, longer))
