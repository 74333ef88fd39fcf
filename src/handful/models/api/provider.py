"""What an adapter for one protocol gives: a `Request` in, a `Completion` out, or a `Failure` that says what to do next.

An adapter lies in `models/api/NAME.py`, where NAME is the recipe's `api`, and has one function:

    def connect(server: Server, key: str) -> Provider

A provider sends one request each time and waits for the answer. It never tries again, keeps nothing and caps
nothing: `models.endpoint` does that alike for all protocols. It is called by many threads at a time.
The key is given, and may stand in no message, no Completion and no Failure (`without` takes it out).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol

Message = Mapping[str, str]
"""{"role": "user" | "assistant" | "system", "content": …}"""
Rung = Literal["json_schema", "json_object", "text"]
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GEMINI_API_KEY"}
"""Where each protocol's key is read, unless the recipe says another place."""
RUNGS: tuple[Rung, ...] = ("json_schema", "json_object", "text")
"""How a reply is held to a schema: by the server, as any JSON object, or by our words alone."""
Kind = Literal["fatal", "passing", "refused"]
LONGEST_MESSAGE = 500
PASSING = (408, 409, 425, 429)  # and every 5xx
FATAL = (401, 403, 404)


class Server(Protocol):
    """What `recipe.systems.EndpointSystem` and `recipe.judging.EndpointJudge` have in common."""

    @property
    def base_url(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api(self) -> str: ...
    @property
    def api_key_env(self) -> str: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def requests_per_minute(self) -> int: ...
    @property
    def input_price(self) -> float | None: ...
    @property
    def output_price(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One dialogue to answer, once."""

    model: str
    messages: Sequence[Message]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """In OpenAI's words: temperature, top_p, max_tokens, stop, seed. What a protocol lacks is left out by its
    adapter, never refused."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema (an object, no additional properties) that the reply is to fit."""
    rung: Rung = "text"
    """How to ask for that. An adapter that has no such rung raises Failure("refused"), and the next one is tried."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said. A refusal of the model's own, and a filter's, are completions: results, not failures."""

    text: str
    """"" where a filter left none; where the model refused in a field of its own, those words."""
    finish: str
    """"stop" where the model ended its turn, "length", "content_filter", "refusal"; else as the server says it."""
    input_tokens: int = 0
    """0 where the server does not count."""
    output_tokens: int = 0
    """With what was thought and not shown, since that is paid for."""
    model: str = ""
    """As the server names what answered: often more exact than what was asked for."""


class Failure(Exception):
    """No completion. The message is for people, in one line, without the key.

    `kind` says what the same request would meet: "fatal", the like for every other dialogue (no such key, no such
    model, no credit); "refused", the same again (a context too long, a parameter that is not supported);
    "passing", perhaps an answer (429, 5xx, a connection that broke, an answer that cannot be read).
    """

    def __init__(
        self,
        message: str,
        kind: Kind,
        *,
        status: int = 0,
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(" ".join(message.split())[:LONGEST_MESSAGE])
        self.kind = kind
        self.status = status
        """HTTP's; 0 where no answer came."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait; None where it does not."""
        self.sent = sent
        """False where the request never reached the server."""

    @property
    def may_cost(self) -> bool:
        """Whether the server may have worked, and be paid: a time-out, a broken connection, an unreadable answer."""
        if self.status:
            return self.status < 400
        return self.sent and self.kind == "passing"


class Provider(Protocol):
    """A connection to one server."""

    def ask(self, request: Request) -> Completion:
        """Raises Failure, and nothing else that a server can cause."""

    def close(self) -> None: ...


def key_env(server: Server) -> str:
    """The environment variable that holds the server's key."""
    given = server.api_key_env
    return KEYS[server.api] if given == KEYS["openai"] else given


def kind_of(status: int, code: str | None = None) -> Kind:
    """What an HTTP status of 400 or more means for the next request; `code` is the provider's own word."""
    if status in FATAL or code == "insufficient_quota":
        return "fatal"
    return "passing" if status in PASSING or status >= 500 else "refused"


def retry_after(header: str | None) -> float | None:
    """Seconds to wait: the header is a number of them, or an HTTP date. None where it is neither."""
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header or "").timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def without(key: str, text: str) -> str:
    """The text without the key: servers repeat it in their messages."""
    return text.replace(key, "***") if len(key) > 4 else text
