"""What a stage asks `models.endpoint.chat`, and what it gets: the same for every protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handful.models.api.provider import Completion, Message, Rung

FILTERED, REFUSED = "content_filter", "refused"
"""How a reply with an error finished, where asking again would not help."""


@dataclass(frozen=True, slots=True)
class Question:
    """A dialogue to answer. A plain (index, messages) is one, too."""

    index: int
    messages: Sequence[Message]
    sample: int = 0
    """Which of several answers to the same dialogue: each is a request of its own."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Of this question alone, as its seed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for dialogue `index`: `text`, or `error` in words and no text."""

    index: int
    text: str = ""
    finish: str = ""
    """As the server says it: "stop" where the model ended its turn, "length", "content_filter"; "refusal" where the
    model refused in a field of its own (the text then holds its words).

    With an error: "refused" where the server would refuse it again, "" where it might pass another day.
    """
    tokens: int = 0
    """Of the reply; 0 where the server does not count."""
    error: str = ""
    cached: bool = False
    """It was there already, and cost nothing now. Not to be written down: it differs from run to run."""
    model: str = ""
    """As the server names what answered."""
    rung: Rung = "text"
    """With a schema: how the server held the reply to it. A server may ignore what it is asked: read with care."""


def reply_of(index: int, completion: Completion, rung: Rung, cached: bool = False) -> Reply:
    if completion.finish == FILTERED:
        return Reply(index, finish=FILTERED, error="stopped by the server's content filter")
    return Reply(
        index,
        completion.text,
        completion.finish,
        completion.output_tokens,
        cached=cached,
        model=completion.model,
        rung=rung,
    )
