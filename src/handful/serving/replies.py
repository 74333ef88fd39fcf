"""How answers and refusals are written in OpenAI's protocol, whole or as a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from handful.core.types import Finish
from handful.serving.bodies import Refused
from handful.serving.engine import Job, Piece

FINISH_REASONS: dict[Finish, str] = {"eot": "stop", "eos": "stop", "stop": "stop", "length": "length"}
GONE = 499
"""The status of an answer that nobody reads."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Chat:
    """How a chat completion is written."""

    prefix, whole, chunk = "chatcmpl", "chat.completion", "chat.completion.chunk"

    @staticmethod
    def choice(index: int, text: str, finish: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        return {"index": index, "message": message, "logprobs": None, "finish_reason": finish}

    @staticmethod
    def part(index: int, text: str | None, finish: str | None, first: bool = False) -> dict[str, Any]:
        delta: dict[str, Any] = {"role": "assistant"} if first else {}
        if text is not None:
            delta["content"] = text
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


class Text:
    """How a text completion is written."""

    prefix, whole, chunk = "cmpl", "text_completion", "text_completion"

    @staticmethod
    def choice(index: int, text: str, finish: str) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}

    @staticmethod
    def part(index: int, text: str | None, finish: str | None, first: bool = False) -> dict[str, Any]:
        return {"index": index, "text": text or "", "logprobs": None, "finish_reason": finish}


Form = type[Chat] | type[Text]


async def whole(
    request: Request,
    pieces: asyncio.Queue[tuple[int, Piece]],
    jobs: Sequence[Job],
    head: dict[str, Any],
    form: Form,
    prompt_tokens: int,
) -> Response:
    """All answers in one body. A client that goes away is noticed, and its answers are given up."""
    texts, ends = [""] * len(jobs), dict[int, Piece]()

    async def collect() -> None:
        while len(ends) < len(jobs):
            place, piece = await pieces.get()
            texts[place] += piece.text
            if piece.finish is not None:
                ends[place] = piece

    gone = asyncio.create_task(disconnected(request))
    done = asyncio.create_task(collect())
    try:
        await asyncio.wait((gone, done), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for job in jobs:
            job.cancel()
        gone.cancel()
        done.cancel()
    if len(ends) < len(jobs):
        return Response(status_code=GONE)  # nobody reads it
    for end in ends.values():
        if end.finish == "error":
            return error_response(failed(end))
    choices = [
        form.choice(place, text, FINISH_REASONS[ends[place].finish or "length"])
        for place, text in enumerate(texts)
    ]
    usage = usage_of(prompt_tokens, [end.tokens for end in ends.values()])
    return JSONResponse({**head, "choices": choices, "usage": usage}, headers=HEADERS)


async def stream(
    pieces: asyncio.Queue[tuple[int, Piece]],
    jobs: Sequence[Job],
    head: dict[str, Any],
    form: Form,
    prompt_tokens: int,
    with_usage: bool,
) -> AsyncIterator[bytes]:
    """Server-sent events, a piece each. Closed early, the answers are given up."""
    ended: dict[int, int] = {}
    try:
        if form is Chat:
            for place in range(len(jobs)):
                yield event({**head, "choices": [form.part(place, "", None, first=True)]})
        while len(ended) < len(jobs):
            place, piece = await pieces.get()
            if piece.finish == "error":
                yield event(error_body(failed(piece)))
                return
            if piece.text:
                yield event({**head, "choices": [form.part(place, piece.text, None)]})
            if piece.finish is not None:
                ended[place] = piece.tokens
                yield event({**head, "choices": [form.part(place, None, FINISH_REASONS[piece.finish])]})
        if with_usage:
            yield event({**head, "choices": [], "usage": usage_of(prompt_tokens, list(ended.values()))})
        yield b"data: [DONE]\n\n"
    finally:
        for job in jobs:
            job.cancel()


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def usage_of(prompt_tokens: int, answers: list[int]) -> dict[str, int]:
    """What the prompt and all answers have, in tokens; the one that ends an answer is not counted."""
    made = sum(answers)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": made,
        "total_tokens": prompt_tokens + made,
    }


def failed(piece: Piece) -> Refused:
    return Refused(piece.error, status=500, kind="server_error")


def error_body(error: Refused) -> dict[str, Any]:
    return {"error": {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}}


def error_response(error: Refused) -> Response:
    return JSONResponse(error_body(error), error.status, HEADERS)


async def disconnected(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
