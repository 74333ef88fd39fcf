"""Who wrote what, under which licence: what CC BY-SA asks to be kept with the text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from handful.core.types import Example, Prompt

COLUMNS = ("id", "url", "author", "license", "source", "community", "split", "prompt")
PROMPT_TAG = "prompt="
NAMES_A_MODEL = re.compile(r"\b(?:language model|LLM|ChatGPT|GPT-?\d|text-davinci)", re.IGNORECASE)
"""An author field that says so. Names that people also have ("Claude") are not enough."""
IDENTIFIERS = {
    "cc by-sa 2.5": "cc-by-sa-2.5",
    "cc by-sa 3.0": "cc-by-sa-3.0",
    "cc by-sa 4.0": "cc-by-sa-4.0",
    "cc by 4.0": "cc-by-4.0",
    "cc by-nc 4.0": "cc-by-nc-4.0",
    "cc by-nc-sa 3.0": "cc-by-nc-sa-3.0",
    "cc by-nc-sa 4.0": "cc-by-nc-sa-4.0",
    "cc0 1.0": "cc0-1.0",
    "cc0-1.0": "cc0-1.0",
    "apache-2.0": "apache-2.0",
    "mit": "mit",
}

Splits = Mapping[str, Sequence[Example] | Sequence[Prompt]]


def attribution(splits: Splits) -> str:
    """A CSV file with a line for each dialogue, in the order of the splits."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for split, dialogues in splits.items():
        for dialogue in dialogues:
            origin = dialogue.origin
            kind = next(
                (tag.removeprefix(PROMPT_TAG) for tag in dialogue.tags if tag.startswith(PROMPT_TAG)), ""
            )
            rows.writerow(
                (
                    dialogue.id,
                    origin.url,
                    origin.author,
                    origin.license,
                    origin.source,
                    origin.community,
                    split,
                    kind,
                )
            )
    return file.getvalue()


def licenses(splits: Splits) -> Counter[str]:
    """License as its source states it -> how many dialogues. "" where none is stated."""
    return Counter(dialogue.origin.license for dialogue in each(splits))


def license_identifier(license: str) -> str:
    """The name that a dataset card uses for a license: "other" for one that it has no name for."""
    return IDENTIFIERS.get(" ".join(license.casefold().split()), "other" if license else "unknown")


def written_by_a_model(splits: Splits) -> Counter[str]:
    """Author who says to be a language model -> how many dialogues."""
    authors = (dialogue.origin.author for dialogue in each(splits))
    return Counter(author for author in authors if NAMES_A_MODEL.search(author))


def each(splits: Splits) -> Iterable[Example | Prompt]:
    return (dialogue for dialogues in splits.values() for dialogue in dialogues)
