"""From a judge's words to what was offered, or to None. Never to a guess."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from handful.core.types import Task
from handful.judge.tasks import WORDINGS
from handful.models.asking import spoken

WRAPPING = (
    " \t*_`'\"#.()[]{}:-\u2018\u2019\u201c\u201d"  # Markdown and brackets; not ">", which quotes someone else
)
OF_PAIRS = re.compile(r"(?:final )?verdict\b(.*)", re.IGNORECASE)
OF_ONE = re.compile(r"(?:final )?(?:verdict|grade|score|rating|label)\b(.*)", re.IGNORECASE)
OUT_OF = re.compile(r"\s*(?:/|\bout of)\s*6$", re.IGNORECASE)
FENCE = re.compile(r"^```\w*\s*\n(.*)\n```$", re.DOTALL)


def read_choice(reply: str, task: Task = "preference", whole: bool = True) -> str | None:
    """The choice on the last verdict line, or None where there is none to read.

    A verdict line is "Verdict: A" with one of the words that were offered, or an option word for word; of one text
    also the word alone, and "Grade:" for "Verdict:". The last one counts, since a judge may weigh another choice aloud
    first; if it holds anything but a choice that was offered, nothing is read from an earlier one. A reply that is a
    JSON object is read from its field "verdict" alone. An unreadable verdict is not a tie: None keeps it out of the
    rates and in the count of what was lost.

    Args:
        whole: False where the reply was cut off: only a verdict on its very last line counts then.
    """
    said = spoken(reply).strip()
    fields = json_object(said)
    if fields is not None:
        return read_field(fields, task)
    lines = [line.strip() for line in said.splitlines() if line.strip(WRAPPING)]
    pattern = OF_PAIRS if len(WORDINGS[task].texts) == 2 else OF_ONE
    for own in reversed(lines if whole else lines[-1:]):
        if (fields := json_object(own)) and "verdict" in fields:
            return read_field(fields, task)
        line = own.strip(WRAPPING)
        if found := pattern.fullmatch(line):
            return read_word(found[1], task)
        if line.lower() in sentences(task):
            return sentences(task)[line.lower()]
        if WORDINGS[task].bare and (value := read_word(line, task)):
            return value
    return None


def read_word(text: str, task: Task) -> str | None:
    """The option that a text is, whatever stands around it."""
    word = text.strip(WRAPPING).lower()
    if task == "helpfulness":
        word = OUT_OF.sub("", word).strip(WRAPPING)
    return words(task).get(word) or sentences(task).get(word)


def read_field(fields: dict[str, Any], task: Task) -> str | None:
    """The option in the field "verdict", where that is a text or a number."""
    value = fields.get("verdict")
    return read_word(str(value), task) if isinstance(value, str | int) else None


@cache
def words(task: Task) -> dict[str, str]:
    """A choice's short forms, in lower case."""
    wording = WORDINGS[task]
    found = {option.word.lower(): option.value for option in wording.options}
    if len(wording.texts) == 2:
        found |= {
            title.lower(): option.value for title, option in zip(wording.texts, wording.options, strict=False)
        }
    return found


@cache
def sentences(task: Task) -> dict[str, str]:
    """A choice as the people's text has it, in lower case, without what is stripped from a line."""
    wording = WORDINGS[task]
    if len(wording.texts) == 2:
        return {option.sentence.lower().strip(WRAPPING): option.value for option in wording.options}
    return {
        f"{option.word}: {option.sentence}".lower().strip(WRAPPING): option.value
        for option in wording.options
        if option.sentence
    }


def json_object(said: str) -> dict[str, Any] | None:
    """The reply's fields where all of it is one JSON object, in a fence of Markdown or not."""
    fenced = FENCE.match(said)
    text = fenced[1].strip() if fenced else said
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
