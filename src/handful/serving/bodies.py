"""What OpenAI's protocol lets a client ask, read strictly: what we cannot do is refused by name, never ignored.

Fields that ask for nothing (`logprobs: false`, an empty list of tools) and those that change no answer (`user`,
`metadata` …) pass. `repetition_penalty` and `penalty_scope` are ours, as extra fields of the body.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from handful.serving.speaker import Message

Positive = Annotated[int, Meta(ge=1)]
MAX_CHOICES = 128
MAX_STOPS = 16
NEUTRAL: tuple[Any, ...] = (None, False, 0, [], {}, "none", "auto")


class Refused(Exception):
    """A request that is not answered, in the terms of the protocol."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code, self.kind = message, status, param, code, kind


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Common(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What both kinds of completion have in common."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    top_p: Annotated[float, Meta(ge=1e-6, le=1)] | None = None
    max_tokens: Positive | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    repetition_penalty: Annotated[float, Meta(gt=0)] | None = None
    penalty_scope: Literal["output", "all"] | None = None
    # These change no answer.
    user: Any = None
    metadata: Any = None
    store: Any = None
    service_tier: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None
    # We cannot do these.
    logprobs: Any = None
    logit_bias: Any = None
    frequency_penalty: Any = None
    presence_penalty: Any = None

    def refuse_unsupported(self) -> None:
        """Raises Refused."""
        for name in UNSUPPORTED & set(self.__struct_fields__):
            value = getattr(self, name)
            if value not in NEUTRAL:
                raise Refused(
                    f"{name}: is not supported here; leave it out",
                    param=name,
                    code="unsupported_parameter",
                )

    def stops(self) -> tuple[str, ...]:
        """Raises Refused where one is empty, or there are too many."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if len(stops) > MAX_STOPS or "" in stops:
            raise Refused(f"stop: takes up to {MAX_STOPS} strings, none empty", param="stop")
        return tuple(stops)


class ChatBody(Common, kw_only=True, forbid_unknown_fields=True):
    messages: list[dict[str, Any]]
    max_completion_tokens: Positive | None = None
    top_logprobs: Any = None
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: Any = None
    functions: Any = None
    function_call: Any = None
    response_format: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    reasoning_effort: Any = None
    verbosity: Any = None
    web_search_options: Any = None


class TextBody(Common, kw_only=True, forbid_unknown_fields=True):
    prompt: str
    best_of: Annotated[int, Meta(ge=1, le=1)] | None = None
    echo: Any = None
    suffix: Any = None


UNSUPPORTED = {
    "logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "tools", "tool_choice",
    "functions", "function_call", "audio", "prediction", "reasoning_effort", "verbosity", "web_search_options",
    "echo", "suffix",
}  # fmt: skip

Body = TypeVar("Body", bound=Common)


def read(kind: type[Body], raw: bytes) -> Body:
    """A request's body.

    Raises:
        Refused: it is no JSON, has fields that we do not know, or values that do not fit.
    """
    try:
        body = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        param = path.strip("`.") or None
        raise Refused(f"{param or 'the request'}: {said}", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"the body is not JSON: {error}") from None
    body.refuse_unsupported()
    if isinstance(body, ChatBody):
        refuse_formats(body)
    return body


def refuse_formats(body: ChatBody) -> None:
    if body.response_format not in (None, {"type": "text"}):
        raise Refused(
            'response_format: only {"type": "text"} is supported',
            param="response_format",
            code="unsupported_parameter",
        )
    if body.modalities not in (None, ["text"]):
        raise Refused(
            'modalities: only ["text"] is supported', param="modalities", code="unsupported_parameter"
        )


def messages_of(body: ChatBody) -> list[Message]:
    """The conversation, texts alone. "developer" is another name for "system".

    Raises:
        Refused: a message has something else than text.
    """
    found = []
    for place, message in enumerate(body.messages):
        at = f"messages[{place}]"
        role = message.get("role")
        if role not in ("user", "assistant", "system", "developer"):
            raise Refused(f"{at}.role: must be user, assistant or system, found {role!r}", param=f"{at}.role")
        for name, value in message.items():
            if name not in ("role", "content", "name") and value not in NEUTRAL:
                raise Refused(f"{at}.{name}: is not supported here", param=f"{at}.{name}")
        found.append(
            Message(
                "system" if role == "developer" else role, text_of(message.get("content"), f"{at}.content")
            )
        )
    return found


def text_of(content: Any, at: str) -> str:
    """A message's content: a string, or a list of parts that are text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refused(f"{at}: must be a text", param=at)
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise Refused(f"{at}: this model reads text alone, not {kind or 'this'}", param=at)
        texts.append(part["text"])
    return "".join(texts)
