"""A judge behind a server. Retries, failures, cache and budget are those of `models.endpoint`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from handful.core.types import Dropped, Task
from handful.judge import ask
from handful.judge.items import FAILED, Item, Question, Said, sides
from handful.judge.parse import read_choice
from handful.judge.tasks import WORDINGS
from handful.models.endpoint import Message, Reply, chat
from handful.recipe.judging import EndpointJudge

WHERE_JSON = (
    'If your reply has to be JSON, give it two fields: "reason", and "verdict" with your choice alone.'
)


def judged(
    params: EndpointJudge, instructions: Mapping[Task, str], questions: Sequence[Question]
) -> Iterator[Said]:
    """An answer to each question, as the replies come. One that cannot be read is asked for once more.

    Raises:
        EndpointError, BudgetReached: as `chat`; the answers yielded before it stand.
    """
    by_task = sorted(questions, key=lambda question: list(WORDINGS).index(question[0].task))
    later = len(by_task)
    for task, found in groupby(by_task, key=lambda question: question[0].task):
        now = list(found)
        later -= len(now)
        yield from of_task(params, task, instructions[task], now, later)


def of_task(
    params: EndpointJudge, task: Task, instructions: str, questions: Sequence[Question], later: int
) -> Iterator[Said]:
    """`later` is the number of questions of other tasks that are yet to come."""

    def ask_again(messages: Sequence[Message], reply: Reply) -> list[Message] | None:
        """The dialogue that asks for a readable choice, or None where there is one."""
        if choice_of(reply, task) is not None:
            return None
        said: Message = {"role": "assistant", "content": reply.text or "(no reply)"}
        return [*messages, said, {"role": "user", "content": ask.again(task, params.mode)}]

    dialogues = (
        (number, first_message(params, instructions, question)) for number, question in enumerate(questions)
    )
    held = held_to(params, task)
    for reply in chat(params, dialogues, ask_again, schema=held, later=later, **sampling(params)):
        item, order = questions[reply.index]
        raw = FAILED + reply.error if reply.error else reply.text
        passing = bool(reply.error) and not reply.finish
        yield Said(item.id, order, choice_of(reply, task), raw, passing=passing)


def first_message(params: EndpointJudge, instructions: str, question: Question) -> list[Message]:
    item, order = question
    text = ask.question(instructions, item, order, params.mode)
    if params.mode == "robust":
        text = f"{text}\n\n{ask.request(item.task)}\n\n{WHERE_JSON}"
    return [{"role": "user", "content": text}]


def sampling(params: EndpointJudge) -> dict[str, Any]:
    return {"temperature": params.temperature, "max_tokens": params.max_tokens}


def held_to(params: EndpointJudge, task: Task) -> dict[str, Any] | None:
    """The schema that replies are to fit; None in "lima" mode, which asks as the paper did."""
    return schema(task) if params.mode == "robust" else None


def schema(task: Task) -> dict[str, Any]:
    """What a reply is held to, of a server that can: reasons first, so that the verdict follows from them."""
    words = [option.word for option in WORDINGS[task].options]
    return {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "verdict": {"type": "string", "enum": words}},
        "required": ["reason", "verdict"],
        "additionalProperties": False,
    }


def choice_of(reply: Reply, task: Task) -> str | None:
    return None if reply.error else read_choice(reply.text, task, whole=reply.finish != "length")


def shortened(items: Sequence[Item], most: int) -> tuple[list[Item], list[Dropped]]:
    """The items with every text cut at the same number of characters, and what was cut; 0 cuts nothing."""
    shown, cuts = [], []
    for item in items:
        if not most or max(map(len, item.texts)) <= most:
            shown.append(item)
            continue
        shown.append(item.cut([text if len(text) <= most else text[:most] + ask.CUT for text in item.texts]))
        sizes = ", ".join(f"{title} {len(text)}" for title, text in zip(sides(item), item.texts, strict=True))
        cuts.append(Dropped(item.id, "too_long_for_judge", f"{sizes} characters: cut at {most}"))
    return shown, cuts
