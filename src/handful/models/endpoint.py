"""Ask a model behind any server that speaks the OpenAI chat protocol, many dialogues at a time.

Serves both `generate` (systems of kind "endpoint") and `judge` (judges of that kind): neither imports the
other.

    for reply in chat(entry, enumerate(dialogues), temperature=0.7, top_p=0.9, max_tokens=512):
        reply.index, reply.text, reply.finish, reply.tokens, reply.error

Replies come as they complete, in no order. A dialogue that fails is a reply with `error` set and an empty
text: the caller records it. What would fail every dialogue alike (no key, no such model, nobody there)
raises.

What this does not do: it keeps nothing (the caller appends what it gets, and on resume asks only the rest),
caps no costs, streams nothing. The key is read from the environment and is never part of a message.
"""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, cast

import openai
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI

from handful.core.errors import EndpointError

TRIES = 8
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 600.0
GIVE_UP_AFTER = 10
"""Dialogues that fail in a row before the run stops: an outage must not become 1,500 recorded failures.

What the server refuses for its own sake (a filter, a context too long) counts only while nothing has gone well.
"""
RETRIED = (408, 409, 425, 429)  # and every 5xx
FATAL = (401, 403, 404)
FILTERED, REFUSED = "content_filter", "refused"

Message = dict[str, str]


class Server(Protocol):
    """What `recipe.evaluation.EndpointSystem` and `EndpointJudge` have in common."""

    @property
    def base_url(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api_key_env(self) -> str: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def timeout_seconds(self) -> float: ...


FollowUp = Callable[[Sequence[Message], "Reply"], Sequence[Message] | None]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for dialogue `index`: `text`, or `error` in words and no text."""

    index: int
    text: str = ""
    finish: str = ""
    """As the server says it: "stop" where the model ended its turn, "length", "content_filter".

    With an error: "refused" where the server would refuse it again, "" where it might pass another day.
    """
    tokens: int = 0
    """Of the reply; 0 where the server does not count."""
    error: str = ""


def chat(
    server: Server,
    dialogues: Iterable[tuple[int, Sequence[Message]]],
    follow_up: FollowUp = lambda messages, reply: None,
    **sampling: Any,
) -> Iterator[Reply]:
    """Yield one reply for each (index, messages), as they complete, `server.concurrency` at a time.

    Args:
        dialogues: messages as {"role": …, "content": …}; read lazily.
        follow_up: what to ask after a reply, or None where it will do; asked once, and that reply counts.
        sampling: passed on: temperature, top_p, max_tokens, stop, seed …

    Raises:
        EndpointError: the key or the model is refused, nobody answers at all, or too many fail in a row.
            Replies that were yielded before it stand.
    """
    client = client_of(server)
    line = Line(server, client, dialogues, follow_up, sampling)
    workers = [threading.Thread(target=line.work, daemon=True) for _ in range(server.concurrency)]
    for worker in workers:
        worker.start()
    running, failures, reached = len(workers), 0, False
    try:
        while running:
            item = line.done.get()
            if item is None:
                running -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                yield item
                reached |= item.error == "" or item.finish == FILTERED
                failures = failures + 1 if item.error and (not reached or not item.finish) else 0
                if failures >= GIVE_UP_AFTER:
                    raise EndpointError(
                        f"{server.base_url}: {failures} dialogues in a row failed, "
                        f"the last with: {item.error}; what was answered is kept: run again to go on"
                    )
    finally:
        line.stop.set()  # workers that sleep wake up; those that wait for the server are daemons
        client.close()


@dataclass(slots=True)
class Line:
    """The dialogues that wait, shared by the workers, and the queue of what they got."""

    server: Server
    client: OpenAI
    dialogues: Iterable[tuple[int, Sequence[Message]]]
    follow_up: FollowUp
    sampling: dict[str, Any]
    done: queue.SimpleQueue[Reply | Exception | None] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    reached: bool = False
    """Whether the server has answered anything yet."""

    def work(self) -> None:
        """Ask until no dialogue is left. What goes wrong is passed on to the reader of `done`, never lost."""
        try:
            for index, messages in iter(self.take, None):
                reply = self.ask(index, messages)
                more = reply and not reply.error and self.follow_up(messages, reply)
                if more:
                    reply = self.ask(index, more)
                if reply is None:
                    break
                self.done.put(reply)
        except Exception as error:
            self.done.put(error)
        self.done.put(None)

    def take(self) -> tuple[int, Sequence[Message]] | None:
        with self.lock:
            if not isinstance(self.dialogues, Iterator):
                self.dialogues = iter(self.dialogues)
            return None if self.stop.is_set() else next(self.dialogues, None)

    def ask(self, index: int, messages: Sequence[Message]) -> Reply | None:
        """One reply, after up to TRIES tries; None where the run stopped meanwhile."""
        for tries in range(1, TRIES + 1):
            try:
                reply = ask_once(self.client, self.server.model, index, messages, self.sampling)
                self.reached = True
                return reply
            except (openai.OpenAIError, ValueError) as error:  # a ValueError is a body that is no JSON
                told = in_words(error, self.client.api_key)
                if is_fatal(error):
                    raise EndpointError(advice(self.server, error, told)) from None
                self.reached |= isinstance(error, APIStatusError | APITimeoutError | ValueError)
                if not is_passing(error):
                    return Reply(index, finish=REFUSED, error=told)
                if tries == TRIES:
                    break
                if self.stop.wait(wait_seconds(error, tries)):
                    return None
        if not self.reached:
            raise EndpointError(f"{self.server.base_url}: nobody answers ({told}); is the server running?")
        return Reply(index, error=told)


def client_of(server: Server) -> OpenAI:
    """A client that leaves retries to us. Servers without keys get a placeholder, which they ignore."""
    key = os.environ.get(server.api_key_env) or "none"
    return OpenAI(base_url=server.base_url, api_key=key, timeout=server.timeout_seconds, max_retries=0)


def ask_once(
    client: OpenAI, model: str, index: int, messages: Sequence[Message], sampling: dict[str, Any]
) -> Reply:
    """Raises OpenAIError or ValueError where there is no reply in what came back."""
    completion: Any = client.chat.completions.create(model=model, messages=cast(Any, messages), **sampling)
    choices = getattr(completion, "choices", None)
    if not choices:
        raise ValueError("the server's answer holds no choices")
    text = choices[0].message.content or ""
    finish = choices[0].finish_reason or ""
    if finish == FILTERED:
        return Reply(index, finish=finish, error="stopped by the server's content filter")
    tokens = getattr(completion.usage, "completion_tokens", 0) or 0
    return Reply(index, text, finish, tokens)


def is_fatal(error: Exception) -> bool:
    """Whether every other dialogue would fail the same way."""
    if not isinstance(error, APIStatusError):
        return False
    return error.status_code in FATAL or error.code == "insufficient_quota"


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, APIStatusError):
        return error.status_code in RETRIED or error.status_code >= 500
    return isinstance(error, APIConnectionError | ValueError)


def wait_seconds(error: Exception, tries: int) -> float:
    """What the server's Retry-After asks for, or else a random share of a time that doubles each try.

    Random ("full jitter") so that workers that were refused together do not come back together.
    """
    if isinstance(error, APIStatusError):
        asked = retry_after(error.response.headers.get("retry-after", ""))
        if asked is not None:
            return min(asked, LONGEST_RETRY_AFTER_SECONDS)
    return random.uniform(0, min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**tries))


def retry_after(header: str) -> float | None:
    """Seconds to wait: the header is a number of them, or an HTTP date. None where it is neither."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def in_words(error: Exception, key: str) -> str:
    """The error in one line, without the key: servers repeat it in their messages."""
    kind = "timed out" if isinstance(error, APITimeoutError) else " ".join(str(error).split())
    if isinstance(error, APIConnectionError) and error.__cause__ is not None:
        kind = f"{kind} {error.__cause__}"
    return (kind.replace(key, "***") if key != "none" else kind)[:500]


def advice(server: Server, error: Exception, told: str) -> str:
    status = getattr(error, "status_code", 0)
    if status in (401, 403):
        where = "is set" if os.environ.get(server.api_key_env) else "is not set"
        return (
            f"{server.base_url}: the key is refused ({told}); it is read from the environment variable "
            f"{server.api_key_env}, which {where}"
        )
    if status == 404:
        missing = f"no model {server.model!r} there, or the path is wrong"
        return f"{server.base_url}: {missing} ({told}); many paths end in /v1"
    return f"{server.base_url}: {told}"
