"""Which tasks are used: by what a task says of itself, and by what its answers look like.

The paper chose 50 "natural language generation tasks such as summarization, paraphrasing, and style transfer" by hand.
A task's category alone does not tell: "Cause Effect Classification" has tasks that ask for a sentence, and "Question
Generation" has some with four answers in all. So a sample of each task's answers is measured, too. The thresholds
were judged on 71 real tasks, and lie where these leave wide gaps: see docs/inputs.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import ceil

import msgspec

from handful.recipe.sources import SuperNaturalInstructions
from handful.sources.instructions.task import BAD_JSON, INSTANCES, MEASURED, Task, Unused, readable, texts

NO_CATEGORY = "Uncategorized"
LETTERS = bytes(c for c in range(256) if c > 127 or chr(c).isalpha() or chr(c).isspace())
"""Bytes of UTF-8 that count as letters: ASCII's own, blanks, and all beyond ASCII."""
NON_COMMERCIAL = re.compile(
    r"\bNC\b|\bnon\W?commercial|\bresearch(?: purposes?| use)? only\b|\bacademic (?:use|purposes?)\b",
    re.IGNORECASE,
)
UNKNOWN = re.compile(
    r"\W*(?:unknown|none|n/?a|not (?:known|available|specified|found|provided|mentioned))?\W*", re.IGNORECASE
)


def check_claims(task: Task, source: SuperNaturalInstructions) -> None:
    """Raise Unused where what a task says of itself is not what the recipe asks for."""
    if not texts(task.definition):
        raise Unused("bad_task", "its definition has no text")
    spoken = {language.casefold() for language in source.languages}
    for key in ("instruction_language", "input_language", "output_language"):
        for language in texts(getattr(task, key)) or ["English"]:
            if language.rpartition("->")[2].strip().casefold() not in spoken:
                raise Unused("language", f"{key.replace('_', ' ')} is {language}")
    category = category_of(task)
    if source.categories and not is_one_of(category, source.categories):
        raise Unused("category", f"{category} is not among those asked for")
    if is_one_of(category, source.exclude_categories):
        raise Unused("category", f"{category} is excluded")


def check_license(task: Task, source: SuperNaturalInstructions) -> None:
    """Raise Unused where the licence of a task's instances is not one that the recipe allows."""
    licenses = texts(task.license)
    if not source.allow_non_commercial and any(map(NON_COMMERCIAL.search, licenses)):
        raise Unused("non_commercial", ", ".join(licenses))
    if not source.allow_unknown_license and all(map(UNKNOWN.fullmatch, licenses)):
        raise Unused("unknown_license", ", ".join(licenses) or "states none")


def category_of(task: Task) -> str:
    return (texts(task.categories) or [NO_CATEGORY])[0]


def is_one_of(category: str, names: Iterable[str]) -> bool:
    """Whether a category, or one that it lies below ("Text Generation -> Dialogue Generation"), is among `names`."""
    path = category.casefold()
    return any(path == name or path.startswith(f"{name} ->") for name in map(str.casefold, names))


def check_answers(task: Task, source: SuperNaturalInstructions) -> None:
    """Raise Unused where the answers, by a sample, are labels, choices, spans or numbers rather than text."""
    measured = sample(task.instances)
    if not measured:
        raise Unused("no_instances", f"none of {len(task.instances):,} has an input and an output")
    answers = [answer for answer, _ in measured]
    count = len(answers)
    distinct = len(set(answers))
    if distinct / count < source.min_distinct_share:
        raise Unused("label_task", f"{distinct} different answers among {count}")
    joined = " ".join(answers)
    words = len(joined.split(None, ceil(source.min_mean_words * count))) / count  # no further than is asked
    if words < source.min_mean_words:
        raise Unused("label_task", f"answers have {words:.1f} words on average")
    copied = sum([answer in asked for answer, asked in measured]) / count
    if copied > source.max_copied_share:
        raise Unused("copied_answers", f"{copied:.0%} of the answers stand in their input")
    encoded = joined.encode()
    letters = 1 - len(encoded.translate(None, LETTERS)) / len(encoded)
    if letters < source.min_letter_share:
        raise Unused("not_prose", f"{letters:.0%} of the answers are letters")


def sample(instances: list[msgspec.Raw]) -> list[tuple[str, str]]:
    """(answer, input) of the first MEASURED instances, without those that have none."""
    chosen = instances[:MEASURED]
    try:
        found = INSTANCES.decode(b"[" + b",".join(chosen) + b"]")
    except BAD_JSON:
        found = [instance for raw in chosen if (instance := readable(raw))]
    return [(answer, instance.input) for instance in found if (answer := instance.answer)]
