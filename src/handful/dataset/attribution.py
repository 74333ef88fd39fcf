"""Who wrote what, under which licence: what CC BY-SA asks to be kept with the text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from handful.core.types import Example, Prompt

COLUMNS = ("id", "title", "url", "author", "license", "source", "community", "split", "row", "prompt")
"""`row` counts from 1 in its split, so that a row is found in files without ids too. `prompt` says which text of a
question was asked: its title, or its body."""
PROMPT_TAG = "prompt="
NAMES_A_MODEL = re.compile(r"\b(?:language model|LLM|ChatGPT|GPT-?\d|text-davinci)", re.IGNORECASE)
"""An author field that says so. Names that people also have ("Claude") are not enough."""

Splits = Mapping[str, Sequence[Example] | Sequence[Prompt]]


def attribution(splits: Splits) -> str:
    """A CSV file with a line for each dialogue, in the order of the splits."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for split, dialogues in splits.items():
        records: Sequence[Example | Prompt] = dialogues
        for number, dialogue in enumerate(records, start=1):
            origin = dialogue.origin
            rows.writerow(
                (
                    dialogue.id,
                    origin.title,
                    origin.url,
                    origin.author,
                    origin.license,
                    origin.source,
                    origin.community,
                    split,
                    number,
                    asked(dialogue),
                )
            )
    return file.getvalue()


def asked(dialogue: Example | Prompt) -> str:
    """ "title" or "body" of a question, by its tag; "" for a dialogue that was ready-made."""
    found = (tag.removeprefix(PROMPT_TAG) for tag in dialogue.tags if tag.startswith(PROMPT_TAG))
    return next(found, "")


def licenses(splits: Splits) -> dict[str, Counter[str]]:
    """Split -> license as its source states it -> how many dialogues. "" where none is stated."""
    return {
        split: Counter(dialogue.origin.license for dialogue in dialogues)
        for split, dialogues in splits.items()
    }


def uncredited(splits: Splits) -> Counter[str]:
    """What a credit names -> how many dialogues' sources do not state it."""
    parts = ("title", "author", "address")
    origins = [dialogue.origin for dialogue in each(splits)]
    return Counter(
        part
        for origin in origins
        for part, stated in zip(parts, (origin.title, origin.author, origin.url), strict=True)
        if not stated
    )


def written_by_a_model(splits: Splits) -> Counter[str]:
    """Author who says to be a language model -> how many dialogues."""
    authors = (dialogue.origin.author for dialogue in each(splits))
    return Counter(author for author in authors if NAMES_A_MODEL.search(author))


def each(splits: Splits) -> Iterable[Example | Prompt]:
    return (dialogue for dialogues in splits.values() for dialogue in dialogues)
