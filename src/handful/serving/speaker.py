"""One model as a partner in conversation: how it is asked, what ends its answers, how much it can read.

A checkpoint of ours is asked in the layout it was trained in (`models.layout`), any other model through its own chat
template, and a model without either in plain text. Whatever the way, text that a user typed stays text: the name of
a special token in it is letters.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from jinja2 import TemplateError

from handful.core.errors import DataError
from handful.core.types import Finish, Turn
from handful.models.layout import (
    chat_template,
    encode_plain,
    encode_prompt,
    encode_text,
    end_ids,
    plain_prompt,
)
from handful.models.load import (
    compute_dtype,
    fast_float32,
    load_model,
    load_tokenizer,
    pick_device,
)
from handful.models.sampling import Sampling

Style = Literal["eot", "template", "plain"]

NOTES: dict[Style, str] = {
    "eot": "",
    "template": "asked through its own chat template: it has no end-of-turn token of ours",
    "plain": "this model has neither our end-of-turn token nor a chat template: it continues plain text, "
    "and may run on into the next question",
}


class Message(NamedTuple):
    role: str
    """ "user", "assistant" or "system"."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A model that is loaded and ready."""

    model: Any
    tokenizer: Any
    style: Style
    ends: Mapping[int, Finish]
    """The tokens that end an answer -> what to call it."""
    context: int | None
    """Tokens that prompt and answer may have together; None where the model does not say."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """A tokenizer changes its own settings to encode, so it serves one thread at a time."""

    def window(self, sampling: Sampling) -> int | None:
        """How many tokens prompt and answer may have together, or None where nothing says so."""
        limits = [self.context, sampling.max_tokens if sampling.limit == "total" else None]
        return min((limit for limit in limits if limit is not None), default=None)

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens.

        Raises:
            DataError: roles that this model was not trained with, or in an order that makes no dialogue.
        """
        if not messages:
            raise DataError("messages: there are none")
        if messages[-1].role != "user":
            raise DataError(f"messages: the user must have the last word, not the {messages[-1].role}")
        if self.style == "template":
            with self.lock:
                return self._encode_template(messages)
        turns = dialogue(messages)
        with self.lock:
            if self.style == "eot":
                return encode_prompt(turns, self.tokenizer, next(iter(self.ends)))
            return encode_plain(plain_prompt(turns), self.tokenizer)

    def encode_text(self, text: str) -> list[int]:
        """Plain text to be continued.

        Raises:
            DataError: it has no token, not even one that the tokenizer itself puts in front.
        """
        with self.lock:
            ids = encode_plain(text, self.tokenizer)
        if not ids:
            raise DataError("prompt: is empty, and this model has no token that a text begins with")
        return ids

    def decode(self, ids: list[int]) -> str:
        """Their text, special tokens left out."""
        with self.lock:
            text: str = self.tokenizer.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        return text

    def _encode_template(self, messages: Sequence[Message]) -> list[int]:
        """The template's text, in which the names of special tokens that a message holds are encoded as letters."""
        names = special_names(self.tokenizer)
        mark = f"\ue000{secrets.token_hex(8)}\ue001"  # stands where a name stood; no message can hold it
        typed: list[str] = []

        def hide(found: re.Match[str]) -> str:
            typed.append(found.group())
            return mark

        hidden = [{"role": m.role, "content": names.sub(hide, m.text) if names else m.text} for m in messages]
        try:
            text: str = self.tokenizer.apply_chat_template(hidden, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise DataError(f"messages: the model's chat template refuses them: {error}") from error
        ids: list[int] = []
        shown = text.split(mark)
        if len(shown) != len(typed) + 1:
            raise DataError("messages: the model's chat template cannot take the names of special tokens")
        for place, part in enumerate(shown):
            ids += self.tokenizer(part, add_special_tokens=False)["input_ids"]
            if place < len(typed):
                ids += encode_text(typed[place], self.tokenizer)
        return ids


def load_speaker(ref: str, device: str = "auto", precision: str = "auto") -> Speaker:
    """Load a model by reference (`models.load.resolve`).

    Raises:
        MissingModel: it is not on this machine.
        DataError: it cannot be read, or the device is not there.
    """
    chosen = pick_device(device)
    dtype = compute_dtype(precision, chosen)
    if chosen == "cpu" and dtype == torch.float32:
        fast_float32()
    tokenizer = load_tokenizer(ref)
    return speaker_of(load_model(ref, chosen, dtype), tokenizer)


def speaker_of(model: Any, tokenizer: Any) -> Speaker:
    """The speaker that a model and its tokenizer make: ours where the chat template is that of our layout."""
    ends = end_ids(model)
    if not ends and tokenizer.eos_token_id is not None:
        ends = [tokenizer.eos_token_id]
    first = tokenizer.convert_ids_to_tokens(ends[0]) if ends else None
    ours = first is not None and tokenizer.chat_template == chat_template(tokenizer, first)
    style: Style = "eot" if ours else "template" if tokenizer.chat_template else "plain"
    names: dict[int, Finish] = dict.fromkeys(ends, "eos")
    if ours:
        names[ends[0]] = "eot"
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return Speaker(model=model, tokenizer=tokenizer, style=style, ends=names, context=context)


def special_names(tokenizer: Any) -> re.Pattern[str] | None:
    """Matches the special tokens' names in a text, the longest first; None where there are none."""
    names = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    names = {name for name in names if name}
    if not names:
        return None
    return re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))


def dialogue(messages: Sequence[Message]) -> list[Turn]:
    """The messages as turns of user and assistant, for a layout that knows no other roles.

    Raises:
        DataError: another role, or two turns in a row by the same.
    """
    turns = []
    for place, message in enumerate(messages):
        wanted: Literal["user", "assistant"] = "assistant" if place % 2 else "user"
        if message.role not in ("user", "assistant"):
            raise DataError(
                f"messages[{place}].role: {message.role!r} is nothing that this model was trained with; it knows "
                '"user" and "assistant". Say it in the first message of the user'
            )
        if message.role != wanted:
            raise DataError(
                f"messages[{place}].role: user and assistant must take turns, the user first; "
                f"found {message.role!r} instead of {wanted!r}"
            )
        turns.append(Turn(wanted, message.text))
    return turns
