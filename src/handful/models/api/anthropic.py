"""Anthropic's Messages API, through the `anthropic` SDK. Its retries are off.

What it lacks: `seed`; and `temperature` and `top_p`, which models since Claude Opus 4.7 (April 2026) refuse and the SDK
no longer has. No system prompt is sent but one that the caller has in front of its messages, and nothing is said of
thinking: each model does as it does by default, as a product baseline should.
"""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import msgspec
from anthropic import Anthropic, APIConnectionError, APIStatusError, APITimeoutError, DefaultHttpxClient

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
FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
"""The protocol's word -> ours; "refusal" is the same."""
MAX_TOKENS = 4096
"""Of an answer, where the caller sets no limit: the protocol demands one."""
NO_CREDIT = "credit balance"


class Block(msgspec.Struct):
    type: str
    text: str = ""


class Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class Body(msgspec.Struct):
    """Of an answer, what is read here."""

    content: list[Block]
    stop_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None


DECODER = msgspec.json.Decoder(Body)


def connect(server: Server, key: str) -> Provider:
    """A base_url may end in /v1, as those of other protocols do."""
    return Messages(server.base_url, key, server.timeout_seconds)


class Messages:
    """One server, asked by many threads."""

    def __init__(self, base_url: str, key: str, seconds: float) -> None:
        self.key = key
        client = DefaultHttpxClient(
            event_hooks=wire.hooks(httpx2, seconds), headers=wire.HEADERS, timeout=seconds
        )
        self.client = Anthropic(
            base_url=base_url.rstrip("/").removesuffix("/v1") or None,
            api_key=key or "none",
            timeout=seconds,
            max_retries=0,
            http_client=client,
        )

    def ask(self, request: Request) -> Completion:
        try:
            answer: Any = self.client.messages.with_raw_response.create(**settings(request))
        except anthropic.AnthropicError as error:
            raise failure_of(error, self.key) from None
        return read(answer.http_response.content)

    def close(self) -> None:
        self.client.close()


def settings(request: Request) -> dict[str, Any]:
    """The arguments of a request.

    Raises:
        Failure: it asks for any JSON object, for which the protocol has no word.
    """
    sampling = request.sampling
    told: dict[str, Any] = {
        "model": request.model,
        "max_tokens": sampling.get("max_tokens") or MAX_TOKENS,
        "messages": [dict(message) for message in request.messages if message["role"] != "system"],
    }
    system = [message["content"] for message in request.messages if message["role"] == "system"]
    if system:
        told["system"] = "\n\n".join(system)
    if stop := sampling.get("stop"):
        told["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    if request.schema is not None and request.rung == "json_object":
        raise Failure("the Messages API has no JSON mode without a schema", "refused", sent=False)
    if request.schema is not None and request.rung == "json_schema":
        told["output_config"] = {"format": {"type": "json_schema", "schema": dict(request.schema)}}
    return told


def read(content: bytes) -> Completion:
    """What an answer says: its text without thoughts. A refusal is one, with as much text as there is."""
    try:
        body = DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Failure(f"the server's answer cannot be read: {error}", "passing", status=200) from None
    usage, reason = body.usage or Usage(), body.stop_reason or ""
    counted = (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
    return Completion(
        text="".join(block.text for block in body.content if block.type == "text"),
        finish=FINISHES.get(reason, reason),
        input_tokens=sum(count or 0 for count in counted),
        output_tokens=usage.output_tokens or 0,
        model=body.model or "",
    )


def failure_of(error: anthropic.AnthropicError, key: str) -> Failure:
    cause = error.__cause__
    if isinstance(cause, Failure):  # a body that is too large
        return cause
    told = without(key, str(error))
    if isinstance(error, APIStatusError):
        after = retry_after(error.response.headers.get("retry-after"))
        kind = kind_of(error.status_code)
        if error.status_code == 402 or NO_CREDIT in told:
            kind = "fatal"
        return Failure(told, kind, status=error.status_code, retry_after=after)
    if isinstance(error, APITimeoutError):
        return Failure("timed out", "passing", sent=not isinstance(cause, NOT_SENT))
    if isinstance(error, APIConnectionError):
        return Failure(without(key, f"{told} {cause or ''}"), "passing", sent=not isinstance(cause, NOT_SENT))
    return Failure(told, "refused", sent=False)
