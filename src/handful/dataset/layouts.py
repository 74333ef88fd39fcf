"""A dialogue as other tools write it: chat messages, the `conversations` of LIMA's release, Alpaca's fields.

`handful.sources.messages` reads all of them back. What the release's two fields cannot hold (id, address, author,
licence) stands in ATTRIBUTION.csv, by split and row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handful.core.types import Example, Prompt
from handful.dataset.front import Column

Row = dict[str, Any]

ORIGIN = ("source", "community", "title", "url", "author", "license")
CREDIT: dict[str, Column] = {**dict.fromkeys(ORIGIN, "string"), "tags": ["string"]}

RELEASED_AS = {
    "stem": "stackexchange",
    "other": "stackexchange",
    "writing_prompts": "pushshift_r_writing_prompts",
    "authored": "paper_authors",
    "askreddit": "pushshift_r_askreddit",
    "dialogues": "multi_turn",
}
"""Our name for a source of Table 1 -> the release's, where they differ."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dialogue becomes a row. A Prompt's row lacks the last answer."""

    columns: Mapping[str, Column]
    row: Callable[[Example | Prompt], Row]
    suffix: str
    words: str
    """For the card: what a row has."""


def messages(dialogue: Example | Prompt) -> Row:
    said = [{"role": turn.role, "content": turn.text} for turn in dialogue.turns]
    return {"id": dialogue.id, "messages": said, **credit(dialogue)}


def conversations(dialogue: Example | Prompt) -> Row:
    source = dialogue.origin.source
    return {
        "conversations": [turn.text for turn in dialogue.turns],
        "source": RELEASED_AS.get(source, source),
    }


def alpaca(dialogue: Example | Prompt) -> Row:
    texts = [turn.text for turn in dialogue.turns]
    output = texts.pop() if isinstance(dialogue, Example) else ""
    asked = texts.pop()
    history = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
    return {
        "id": dialogue.id,
        "instruction": asked,
        "input": "",
        "output": output,
        "history": history,
        **credit(dialogue),
    }


def credit(dialogue: Example | Prompt) -> Row:
    """Whom to credit, under the names of CREDIT."""
    return {**{name: getattr(dialogue.origin, name) for name in ORIGIN}, "tags": list(dialogue.tags)}


MESSAGES: dict[str, Column] = {
    "id": "string",
    "messages": [{"role": "string", "content": "string"}],
    **CREDIT,
}
IN_MESSAGES = (
    "A row has `id`, `messages` (a list of `role`, user or assistant, and `content`), where it is from (`source`, "
    "`community`, `title`, `url`), its `author` and `license`, and `tags`."
)
LAYOUTS = {
    "messages": Layout(MESSAGES, messages, "jsonl", IN_MESSAGES),
    "parquet": Layout(MESSAGES, messages, "parquet", IN_MESSAGES),
    "conversations": Layout(
        {"conversations": ["string"], "source": "string"},
        conversations,
        "jsonl",
        "A row has what a row of LIMA's release has: `conversations`, the texts of user and assistant in turn (of a "
        "prompt only its own), and `source`. Whom to credit for a row stands in `ATTRIBUTION.csv`, by split and row.",
    ),
    "alpaca": Layout(
        {
            **dict.fromkeys(("id", "instruction", "input", "output"), "string"),
            "history": [["string"]],
            **CREDIT,
        },
        alpaca,
        "jsonl",
        "A row has Alpaca's `instruction`, `input` (always empty: the instruction is the whole prompt) and `output` "
        "(empty for a prompt), `history` (a list of pairs: the turns before), where it is from (`source`, "
        "`community`, `title`, `url`), its `author` and `license`, and `tags`.",
    ),
}
"""Format -> its layout."""

CANDIDATE_COLUMNS: dict[str, Column] = {
    "id": "string",
    "title": "string",
    "body": "string",
    "answer": "string",
    "question_score": "int64",
    "answer_score": "int64",
    "views": "int64",
    "asked": "string",
    "answered": "string",
    "tags": ["string"],
    **dict.fromkeys(("source", "community", "item", "url", "author", "license"), "string"),
    "messages": [{"role": "string", "content": "string"}],
}
IN_CANDIDATES = (
    "A row is a question (`title`, `body`) with its `answer`, their scores and `tags`, or a dialogue that came "
    "ready-made: `body` and `answer` are then its first two turns, `answer_score` its votes, and `messages` all of its "
    "turns where there are more than two. `source`, `community`, `item` and `url` say where it is from; `author` and "
    "`license` whom to credit, and on which terms it may be used."
)
