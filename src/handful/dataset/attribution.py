"""Who wrote what, under which licence: what CC BY-SA asks to be kept with the text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from handful.core.types import Example, Prompt

COLUMNS = (
    "id",
    "title",
    "url",
    "author",
    "license",
    "source",
    "community",
    "split",
    "row",
    "prompt",
    "edited_by",
)
"""`row` counts from 1 in its split, so that a row is found in files without ids too. `prompt` says which text of a
question was asked: its title, or its body. `edited_by` names who changed the text at the curation desk."""
PROMPT_TAG, EDITED_TAG = "prompt=", "edited_by="
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
                    tagged(dialogue, PROMPT_TAG),
                    tagged(dialogue, EDITED_TAG),
                )
            )
    return file.getvalue()


def tagged(dialogue: Example | Prompt, tag: str) -> str:
    """What a tag of this kind says of a dialogue; "" where it has none."""
    found = (each.removeprefix(tag) for each in dialogue.tags if each.startswith(tag))
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
