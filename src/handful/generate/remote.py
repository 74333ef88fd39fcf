"""Answers by a model behind a server: OpenAI's protocol, Anthropic's or Google's (`models.api`).

Servers know no repetition penalty, and their seeds promise little: answers are not those of the same run made again,
but each is asked for once, since replies are kept (`models.endpoint`). What the model will not answer is an answer: a
refusal has its words, and what a content filter took is empty, and counted. A prompt that fails for good is a response
that says "error"; one that fails for the time being is asked again by the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from handful.core.types import Dropped, Finish, Response
from handful.generate.systems import Answers, Ask, Given, Group, Key
from handful.models.endpoint import FILTERED, Message, Question, Reply, chat
from handful.recipe.systems import EndpointSystem, Generate

FINISHES: dict[str, Finish] = {"stop": "eos", "length": "length"}
NOT_APPLIED = {
    "openai": ("repetition_penalty", "penalty_scope", "limit"),
    "anthropic": ("temperature", "top_p", "repetition_penalty", "penalty_scope", "limit", "seed"),
    "google": ("repetition_penalty", "penalty_scope", "limit"),
}
SEEDS = 2**31
"""The protocols' seeds are 32 bits wide, with a sign."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What is to be told beside the answers, as it comes in."""

    errors: list[Dropped] = field(default_factory=list)
    passing: list[Key] = field(default_factory=list)
    models: set[str] = field(default_factory=set)


def answers(given: Given) -> Answers:
    assert isinstance(given.system, EndpointSystem)
    system, notes = given.system, Notes()

    def groups(asks: Sequence[Ask], done: Collection[Key]) -> Iterator[Group]:
        return _groups(given, system, [ask for ask in asks if ask.key not in done], notes)

    not_applied = NOT_APPLIED[system.api]
    return Answers(
        groups, errors=notes.errors, passing=notes.passing, models=notes.models, not_applied=not_applied
    )


def _groups(given: Given, system: EndpointSystem, asks: Sequence[Ask], notes: Notes) -> Iterator[Group]:
    if not asks:
        return
    replies = chat(
        system,
        [question(place, ask) for place, ask in enumerate(asks)],
        later=sum(max(0, ask.played - ask.turn - 1) for ask in asks),
        **sampling(given.params),
    )
    for reply in replies:
        yield [read(given.name, asks[reply.index], reply, notes)]


def sampling(params: Generate) -> dict[str, Any]:
    """What all questions have in common."""
    return {
        "temperature": params.temperature,
        "top_p": params.top_p,
        "max_tokens": params.max_tokens,
    }


def question(place: int, ask: Ask) -> Question:
    """The dialogue as the protocols have it, without a system prompt. Each sample is a request of its own."""
    messages: list[Message] = [{"role": turn.role, "content": turn.text} for turn in ask.prompt.turns]
    return Question(place, messages, ask.sample, {"seed": ask.seed % SEEDS})


def read(system: str, ask: Ask, reply: Reply, notes: Notes) -> Response:
    """The response that a reply holds, without white space at its ends."""
    text = "" if reply.error else reply.text.strip()
    finish: Finish = FINISHES.get(reply.finish, "stop")
    if reply.model:
        notes.models.add(reply.model)
    if reply.error and reply.finish != FILTERED:
        finish = "error"
        notes.errors.append(Dropped(ask.prompt.id, "endpoint_error", told(ask, reply.error)))
        if not reply.finish:
            notes.passing.append(ask.key)
    elif not text:
        rule = reply.finish if reply.finish in (FILTERED, "refusal") else "empty_response"
        notes.errors.append(Dropped(ask.prompt.id, rule, told(ask, reply.error or reply.finish)))
    return Response(ask.prompt.id, system, text, ask.sample, finish=finish, tokens=reply.tokens)


def told(ask: Ask, what: str) -> str:
    turn = f"turn {ask.turn + 1} of {ask.played}, " if ask.played else ""
    return f"{turn}sample {ask.sample}: {what}"
