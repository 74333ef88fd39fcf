"""Numbers of a dialogue that a reviewer weighs: how long, how readable, in which form it asks and answers.

Readability is Flesch's reading ease, which is made for English prose; of other languages it says little. Forms are told
by a few marks of the text; they sort, and judge nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from handful.core.types import Turn

CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)|\n\s*\n")
VOWELS = re.compile(r"[aeiouy]+", re.IGNORECASE)
LIST = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+\S", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)
ASKS = ("how", "what", "why", "which", "who", "when", "where")
YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|should|would|will|shall|may|has|have|had|am)(?:n['\u2019]t)?"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a dialogue as it would be trained on."""

    prompt_words: int
    answer_words: int
    """Of all answers together."""
    answer_characters: int
    turns: int
    asks: str
    """The form of the prompt: "how", "what", …, "yes or no", "request" or "statement"."""
    answers: str
    """The form of the answer: "code", "headings", "list", "paragraphs" or "one paragraph"."""


def facts_of(turns: Sequence[Turn]) -> Facts:
    asked = " ".join(turn.text for turn in turns if turn.role == "user")
    answered = "\n\n".join(turn.text for turn in turns if turn.role == "assistant")
    return Facts(
        len(asked.split()),
        len(answered.split()),
        len(answered),
        len(turns),
        form_of_prompt(turns[0].text),
        form_of_answer(answered),
    )


def form_of_prompt(text: str) -> str:
    """By the last question of the prompt; without a question mark it is a request, or a statement of many words."""
    questions: list[str] = re.findall(r"[^.!?\n]+\?", text)
    if not questions:
        return "request" if len(text.split()) <= 60 else "statement"
    words: list[str] = [word.casefold() for word in WORD.findall(questions[-1])]
    for word in words[:4]:
        if word in ASKS:
            return word
    return "yes or no" if words and YES_NO.fullmatch(words[0]) else "other question"


def form_of_answer(text: str) -> str:
    if "```" in text:
        return "code"
    if HEADING.search(text):
        return "headings"
    if LIST.search(text):
        return "list"
    return "paragraphs" if "\n\n" in text.strip() else "one paragraph"


@dataclass(frozen=True, slots=True)
class Reading:
    """How hard a text is to read."""

    sentences: int
    words_a_sentence: float
    ease: float | None
    """Flesch's reading ease, 0 to 100 and beyond, the higher the easier; None where there are too few words."""


def reading(text: str) -> Reading:
    """Of the prose of a text: code is left out."""
    prose = CODE.sub(" ", text)
    words = WORD.findall(prose)
    sentences = max(1, sum(bool(WORD.search(part)) for part in SENTENCE_END.split(prose)))
    if len(words) < 20:
        return Reading(sentences, len(words) / sentences, None)
    a_sentence = len(words) / sentences
    a_word = sum(map(syllables, words)) / len(words)
    return Reading(sentences, round(a_sentence, 1), round(206.835 - 1.015 * a_sentence - 84.6 * a_word, 0))


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e: right for most English words."""
    count = len(VOWELS.findall(word))
    lower = word.casefold()
    if lower.endswith("e") and not lower.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)
