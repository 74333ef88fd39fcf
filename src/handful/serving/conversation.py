"""A conversation with one model: what was said, what still fits, and the next answer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.core.types import Finish
from handful.models.sampling import Sampling
from handful.serving.engine import Engine, Request
from handful.serving.speaker import Message

MIN_ROOM = 64
"""Tokens that are kept free for an answer, or a quarter of the window where that is less."""


@dataclass(slots=True)
class Answer:
    """The answer that is being given, or was given last."""

    text: str = ""
    tokens: int = 0
    finish: Finish | None = None
    """None where it was stopped by the person."""
    prompt_tokens: int = 0
    left_out: int = 0
    """Exchanges, the oldest, that the model was not shown: they do not fit any more."""


@dataclass(slots=True)
class Conversation:
    """Turns of a user and a model. The k-th answer of a session depends on `seed`, k and what was said."""

    engine: Engine
    sampling: Sampling
    seed: int
    messages: list[Message] = field(default_factory=list)
    asked: int = 0
    answer: Answer = field(default_factory=Answer)

    def ask(self, text: str) -> Generator[str, None, None]:
        """Say `text` and yield the answer's pieces. Left early, the conversation keeps what there is of the answer.

        Raises:
            DataError: the message alone is too long, or the model failed. The conversation stays as it was.
        """
        ids, left_out = self._fit([*self.messages, Message("user", text)])
        seed = rng_for(self.seed, "chat", str(self.asked)).getrandbits(63)
        self.asked += 1
        self.answer = answer = Answer(prompt_tokens=len(ids), left_out=left_out)
        failed = ""
        try:
            with closing(self.engine.stream(Request(ids, self.sampling, seed))) as pieces:
                for piece in pieces:
                    answer.text += piece.text
                    answer.tokens, answer.finish, failed = piece.tokens, piece.finish, piece.error
                    if piece.text:
                        yield piece.text
        finally:
            if not failed:
                self.messages += [Message("user", text), Message("assistant", answer.text)]
        if failed:
            raise DataError(f"no answer: {failed}")

    def _fit(self, messages: list[Message]) -> tuple[list[int], int]:
        """The prompt's tokens, and how many exchanges, the oldest, are not in it so that an answer has room."""
        speaker = self.engine.speaker
        window = speaker.window(self.sampling)
        room = 0 if window is None else window - min(MIN_ROOM, max(1, window // 4))
        for first in range(0, len(messages), 2):
            ids = speaker.encode(messages[first:])
            if window is None or len(ids) <= room:
                return ids, first // 2
        raise DataError(
            f"the message has {len(ids)} tokens, but the model reads at most {room} "
            f"of its window of {window}, so that room is left for an answer; shorten it"
        )

    def undo(self) -> bool:
        """Forget the last exchange; whether there was one."""
        there = bool(self.messages)
        del self.messages[-2:]
        self.answer = Answer()
        return there

    def reset(self) -> None:
        self.messages.clear()
        self.answer = Answer()
