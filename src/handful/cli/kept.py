"""What a step that asks a server has yet to ask: all that an earlier run did not keep, and the cache does not hold.

What it does not know: which replies could not be read and were asked for again, before the judge has spoken; and
the later turns of a dialogue, which stand on answers that are not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from handful.core import jsonl
from handful.core.types import Prompt, Response

if TYPE_CHECKING:
    from handful.generate.systems import Ask, Key
    from handful.judge.items import Question
    from handful.recipe.judging import EndpointJudge
    from handful.recipe.systems import EndpointSystem
    from handful.run.execute import Step


class Kept(NamedTuple):
    """Questions that need no request any more."""

    answered: int = 0
    """In the folder of the step."""
    cached: int = 0
    """In the cache of replies."""


def of_judge(step: Step, judge: EndpointJudge, study: Path) -> tuple[list[tuple[Question, int]], Kept]:
    """The questions that are open, each with the requests that it takes at least: 0 or 1, and one more at most."""
    from handful.judge.client import choice_of, first_message, held_to, sampling, shortened
    from handful.judge.items import Said, questions_of
    from handful.judge.work import GROWING, read
    from handful.models.api import cache
    from handful.models.api.provider import Request
    from handful.models.api.reply import reply_of

    asked = read(step.params, judge, study)
    items, _ = shortened(asked.items, judge.max_chars)
    answered = {said.key for said in jsonl.so_far(step.partial / GROWING, Said) if not said.failed}
    replies = cache.Replies(cache.folder(), judge)
    found: list[tuple[Question, int]] = []
    cached = 0
    for item, order in questions_of(items):
        if (item.id, order) in answered:
            continue
        messages = first_message(judge, asked.instructions[item.task], (item, order))
        request = Request(judge.model, messages, sampling(judge), held_to(judge, item.task))
        reply = replies.get(cache.key_of(judge, request, 0))
        if reply and choice_of(reply_of(0, *reply), item.task) is not None:
            cached += 1
        else:
            found.append(((item, order), 0 if reply else 1))
    return found, Kept(len(answered), cached)


def of_system(
    step: Step, name: str, system: EndpointSystem, prompts: Sequence[Prompt]
) -> tuple[list[tuple[Prompt, int]], Kept]:
    """The answers that are open: each prompt, and which of the user's turns is answered."""
    from handful.generate import play
    from handful.generate.remote import question, sampling
    from handful.models.api import cache
    from handful.models.api.provider import Request

    rounds = [answered(step.partial, turn) for turn in range(play.rounds(prompts, step.params))]
    replies = cache.Replies(cache.folder(), system)
    found: list[tuple[Prompt, int]] = []
    kept = cached = 0
    for turn, prompt, ask in wanted(step, name, prompts):
        if (prompt.id, ask.sample) in rounds[turn]:
            kept += 1
            continue
        asked = question(0, ask)
        request = Request(system.model, asked.messages, {**sampling(step.params), **asked.sampling})
        if not turn and replies.get(cache.key_of(system, request, asked.sample)):
            cached += 1
        else:
            found.append((prompt, turn))
    return found, Kept(kept, cached)


def wanted(step: Step, name: str, prompts: Sequence[Prompt]) -> Iterator[tuple[int, Prompt, Ask]]:
    """Every answer that the step wants: the user's turn from 0, the prompt, and how the first is asked."""
    from handful.generate import play

    by_id = {prompt.id: prompt for prompt in prompts}
    for ask in play.asks(prompts, step.params, name, []):
        prompt = by_id[ask.prompt.id]
        for turn in range(ask.played or 1):
            yield turn, prompt, ask


def answered(partial: Path, turn: int) -> set[Key]:
    """Of an earlier run, but for failures."""
    from handful.generate.kept import growing

    responses = jsonl.so_far(partial / growing(turn), Response)
    return {(one.prompt_id, one.sample) for one in responses if one.finish != "error"}


def of_choice(partial: Path) -> dict[str, int]:
    """How many grades of a judge that chooses are there, by prompt."""
    from handful.choose.grade import FAILED
    from handful.choose.records import GRADES, Grade

    found: dict[str, int] = {}
    for grade in jsonl.so_far((partial / GRADES).with_suffix(".partial.jsonl"), Grade):
        if not grade.raw.startswith(FAILED):
            found[grade.prompt_id] = found.get(grade.prompt_id, 0) + 1
    return found
