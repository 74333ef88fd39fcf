"""The OpenAI chat protocol, through the `openai` SDK: OpenAI itself, vLLM, Ollama, llama.cpp, OpenRouter and the like.

The SDK keeps connections, keys and error classes; its retries are off, and answers are read by our own types, which
is stricter (a body of another shape is an error in words) and takes a third of the time.
"""

from __future__ import annotations

import threading
from typing import Any

import httpx2
import msgspec
import openai
from openai import APIConnectionError, APIStatusError, APITimeoutError, DefaultHttpxClient, OpenAI

from handful.models.api import wire
from handful.models.api.provider import (
    Completion,
    Failure,
    Provider,
    Request,
    Server,
    kind_of,
    retry_after,
    without,
)

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
NEWER = "max_completion_tokens"
"""What newer models call max_tokens, and refuse by the old name."""


class Said(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    message: Said
    finish_reason: str | None = None


class Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Body(msgspec.Struct):
    """Of an answer, what is read here."""

    choices: list[Choice]
    usage: Usage | None = None
    model: str | None = None


DECODER = msgspec.json.Decoder(Body)


def connect(server: Server, key: str) -> Provider:
    """Servers without keys get a placeholder, which they ignore."""
    return Chat(server.base_url, key, server.timeout_seconds)


class Chat:
    """One server, asked by many threads, each over a connection of its own.

    A pool that all share looks through all of its connections at each request: with 64 of them that took as long as
    everything else.
    """

    def __init__(self, base_url: str, key: str, seconds: float) -> None:
        self.base_url, self.key, self.seconds = base_url, key, seconds
        self.newer = False
        self.trust = httpx2.create_ssl_context()  # takes longer than all else that a client needs
        self.mine = threading.local()
        self.clients: list[OpenAI] = []

    def client(self) -> OpenAI:
        """This thread's."""
        found: OpenAI | None = getattr(self.mine, "client", None)
        if found is None:
            found = self.mine.client = OpenAI(
                base_url=self.base_url,
                api_key=self.key or "none",
                timeout=self.seconds,
                max_retries=0,
                http_client=DefaultHttpxClient(
                    event_hooks=wire.hooks(httpx2, self.seconds),
                    headers=wire.HEADERS,
                    timeout=self.seconds,
                    verify=self.trust,
                ),
            )
            self.clients.append(found)
        return found

    def ask(self, request: Request) -> Completion:
        try:
            return self.sent(request)
        except Failure as failure:
            if failure.status != 400 or NEWER not in str(failure) or self.newer:
                raise
            self.newer = True
            return self.sent(request)

    def sent(self, request: Request) -> Completion:
        try:
            answer: Any = self.client().post(
                "/chat/completions", cast_to=httpx2.Response, body=body_of(request, self.newer)
            )
        except openai.OpenAIError as error:
            if is_filter(error):
                return Completion("", "content_filter")
            raise failure_of(error, self.key) from None
        return read(answer.content)

    def close(self) -> None:
        for client in self.clients:
            client.close()


def body_of(request: Request, newer: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": request.model, "messages": list(request.messages), **request.sampling}
    if newer and "max_tokens" in body:
        body[NEWER] = body.pop("max_tokens")
    if request.schema is not None and request.rung != "text":
        body["response_format"] = {"type": request.rung}
        if request.rung == "json_schema":
            named = {"name": "reply", "strict": True, "schema": request.schema}
            body["response_format"]["json_schema"] = named
    return body


def read(content: bytes) -> Completion:
    try:
        body = DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Failure(f"the server's answer cannot be read: {error}", "passing", status=200) from None
    if not body.choices:
        raise Failure("the server's answer holds no choices", "passing", status=200)
    choice, usage = body.choices[0], body.usage or Usage()
    refused = choice.message.refusal
    return Completion(
        text=choice.message.content or refused or "",
        finish="refusal" if refused else choice.finish_reason or "",
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        model=body.model or "",
    )


def is_filter(error: Exception) -> bool:
    """Some servers say with a status of 400 that a filter took the prompt."""
    return isinstance(error, APIStatusError) and error.status_code == 400 and error.code == "content_filter"


def failure_of(error: openai.OpenAIError, key: str) -> Failure:
    told = without(key, str(error))
    if isinstance(error, APIStatusError):
        after = retry_after(error.response.headers.get("retry-after"))
        kind = kind_of(error.status_code, error.code)
        return Failure(told, kind, status=error.status_code, retry_after=after)
    if isinstance(error, APITimeoutError):
        told = "timed out"
    cause = error.__cause__
    if isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError) and cause is not None:
        told = without(key, f"{told} {cause}")
    return Failure(told, "passing", sent=not isinstance(cause, NOT_SENT))
