"""Answers by a model behind any server that speaks the OpenAI chat protocol.

The server knows neither the repetition penalty nor our seeds: its answers are not those of the same run made again.
A prompt that fails for good is a response that says "error"; an interrupted run asks it once more when it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from handful.core.types import Dropped, Finish, Response
from handful.generate.systems import Answers, Ask, Given
from handful.models.endpoint import Message, Reply, chat
from handful.recipe.evaluation import EndpointSystem

FINISHES: dict[str, Finish] = {"stop": "eos", "length": "length"}
NOT_APPLIED = ("repetition_penalty", "penalty_scope", "limit", "seed")


def answers(given: Given) -> Answers:
    errors: list[Dropped] = []
    return Answers(_groups(given, errors), errors=errors, not_applied=NOT_APPLIED)


def _groups(given: Given, errors: list[Dropped]) -> Iterator[list[Response]]:
    assert isinstance(given.system, EndpointSystem)
    open_asks = [ask for ask in given.asks if ask.key not in given.done]
    replies = chat(
        given.system,
        [(place, messages(ask)) for place, ask in enumerate(open_asks)],
        temperature=given.params.temperature,
        top_p=given.params.top_p,
        max_tokens=given.params.max_tokens,
    )
    for reply in replies:
        ask = open_asks[reply.index]
        if reply.error:
            errors.append(Dropped(ask.prompt.id, "endpoint_error", reply.error))
        yield [read(given.name, ask, reply)]


def messages(ask: Ask) -> list[Message]:
    """The dialogue as the protocol has it, without a system prompt."""
    return [{"role": turn.role, "content": turn.text} for turn in ask.prompt.turns]


def read(system: str, ask: Ask, reply: Reply) -> Response:
    """The response that a reply holds, without white space at its ends."""
    finish: Finish = "error" if reply.error else FINISHES.get(reply.finish, "stop")
    text = "" if reply.error else reply.text.strip()
    return Response(ask.prompt.id, system, text, ask.sample, finish=finish, tokens=reply.tokens)
