"""The OpenAI chat protocol, through the `openai` SDK: OpenAI itself, vLLM, Ollama, llama.cpp, OpenRouter and the like.

The SDK says what is sent beside the body, how its client connects, and what an error means; the body itself is written
and read by types of our own, which is stricter (a body of another shape is an error in words).
"""

from __future__ import annotations

import threading
from typing import Any

import httpx2
import msgspec
from openai import APIStatusError, DefaultHttpxClient, OpenAI

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
ENCODER = msgspec.json.Encoder()


def connect(server: Server, key: str) -> Provider:
    """Servers without keys get a placeholder, which they ignore."""
    return Chat(server.base_url, key, server.timeout_seconds)


class Chat:
    """One server, asked by many threads, each over a connection of its own.

    A pool that all share looks through all of its connections at each request: with 64 of them that took as long as
    everything else. And the SDK's `post` builds a request from scratch, in twice the time that the connection needs:
    what it would send is taken from it once.
    """

    def __init__(self, base_url: str, key: str, seconds: float) -> None:
        self.key, self.seconds = key, seconds
        self.newer = False
        self.trust = httpx2.create_ssl_context()  # takes longer than all else that a connection needs
        self.mine = threading.local()
        self.connections: list[httpx2.Client] = []
        with OpenAI(base_url=base_url, api_key=key or "none", http_client=self.connection()) as sdk:
            self.address = f"{str(sdk.base_url).rstrip('/')}/chat/completions"
            given = {**sdk.default_headers, **sdk.auth_headers, **wire.HEADERS}
        self.headers = {name: value for name, value in given.items() if isinstance(value, str)}

    def connection(self) -> httpx2.Client:
        hooks = wire.hooks(httpx2, self.seconds)
        return DefaultHttpxClient(event_hooks=hooks, timeout=self.seconds, verify=self.trust)

    def own(self) -> httpx2.Client:
        """This thread's connection."""
        found: httpx2.Client | None = getattr(self.mine, "connection", None)
        if found is None:
            found = self.mine.connection = self.connection()
            self.connections.append(found)
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
        body = ENCODER.encode(body_of(request, self.newer))
        try:
            answer = self.own().post(self.address, content=body, headers=self.headers)
        except httpx2.HTTPError as error:
            raise broken(error, self.key) from None
        if answer.status_code < 400:
            return read(answer.content)
        refused = error_of(answer)
        if answer.status_code == 400 and refused.code == "content_filter":
            return Completion("", "content_filter")  # some servers say so of the prompt
        raise failure_of(refused, self.key)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


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


def error_of(answer: httpx2.Response) -> APIStatusError:
    """A status of 400 or more in the SDK's terms: servers put the error in a field of that name, or not."""
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = None
    told = f"Error code: {answer.status_code}"
    said = answer.text.strip() if body is None else str(body)
    inner = body.get("error", body) if isinstance(body, dict) else body
    return APIStatusError(f"{told} - {said}" if said else told, response=answer, body=inner)


def failure_of(error: APIStatusError, key: str) -> Failure:
    after = retry_after(error.response.headers.get("retry-after"))
    kind = kind_of(error.status_code, error.code)
    return Failure(without(key, str(error)), kind, status=error.status_code, retry_after=after)


def broken(error: httpx2.HTTPError, key: str) -> Failure:
    """No answer, or not all of it."""
    late = isinstance(error, httpx2.TimeoutException)
    told = "timed out" if late else without(key, f"Connection error. {error}")
    return Failure(told, "passing", sent=not isinstance(error, NOT_SENT))
