"""A judge behind an OpenAI-compatible server. Retries and failures are those of `models.endpoint`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handful.core.types import Choice, Comparison, Verdict
from handful.judge import ask
from handful.judge.ask import Order
from handful.judge.parse import read_choice
from handful.models.endpoint import Message, Reply, chat
from handful.recipe.evaluation import EndpointJudge

FAILED = "error: "
"""How `raw` begins where the server failed us: no verdict at all, unlike one that could not be read."""


def judged(
    params: EndpointJudge, name: str, instructions: str, questions: Sequence[tuple[Comparison, Order]]
) -> Iterator[Verdict]:
    """A verdict on each question, as the replies come. One whose choice cannot be read is asked for once more.

    Raises:
        EndpointError: as `chat`; the verdicts yielded before it stand.
    """
    dialogues = (
        (number, first_message(instructions, ask.shown(comparison, order)))
        for number, (comparison, order) in enumerate(questions)
    )
    settings = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    for reply in chat(params, dialogues, ask_again, **settings):
        comparison, order = questions[reply.index]
        raw = FAILED + reply.error if reply.error else reply.text
        yield ask.verdict(comparison.id, name, order, choice_of(reply), raw)


def first_message(instructions: str, shown: Comparison) -> list[Message]:
    return [{"role": "user", "content": f"{ask.question(instructions, shown)}\n\n{ask.REQUEST}"}]


def choice_of(reply: Reply) -> Choice | None:
    return None if reply.error else read_choice(reply.text, whole=reply.finish != "length")


def ask_again(messages: Sequence[Message], reply: Reply) -> list[Message] | None:
    """The dialogue that asks for a readable choice, or None where there is one."""
    if choice_of(reply) is not None:
        return None
    said: Message = {"role": "assistant", "content": reply.text or "(no reply)"}
    return [*messages, said, {"role": "user", "content": ask.AGAIN}]
