"""The words of an answer that are the author's own, for the rules about wording.

A variable `I`, a decorator `@property`, "$I$" in a formula, or "I have a dream" in quotation marks is neither first
person nor a reference. Works on text as `html.py` makes it. The text itself is never changed, only what is searched.
"""

from __future__ import annotations

import re
from functools import lru_cache

BACKTICKS = re.compile("`+")
FORMULAS = {
    "$": re.compile(r"\$\$.{1,2000}?\$\$|\$(?=\S)[^$\n]{1,300}?(?<=\S)\$(?!\d)", re.DOTALL),
    "\\(": re.compile(r"\\\(.{1,300}?\\\)", re.DOTALL),
    "\\[": re.compile(r"\\\[.{1,2000}?\\\]", re.DOTALL),
}
QUOTED_LINE = re.compile(r"^[ \t]*(?:(?:[-*]|\d+\.)[ \t]+)*>.*$", re.MULTILINE)
SPEECHES = {
    '"': re.compile(r'"(?<!\w")[^"\n]{1,300}"(?!\w)'),
    "“": re.compile(r"“[^”\n]{1,300}”"),
    "«": re.compile(r"«[^»\n]{1,300}»"),
}
"""A pattern stands under what it starts with: most texts have none of them, which `in` sees at once."""


def prose(text: str) -> str:
    """`text` without code, fenced or inline. Each piece of code becomes a space."""
    if "`" not in text:
        return text
    runs = list(BACKTICKS.finditer(text))
    later: dict[int, list[int]] = {}
    for number in range(len(runs) - 1, -1, -1):
        later.setdefault(len(runs[number][0]), []).append(number)
    kept, position, number = [], 0, 0
    while number < len(runs):
        run = runs[number]
        same = later[len(run[0])]
        while same and same[-1] <= number:
            same.pop()
        if same and is_code(text, run, runs[same[-1]]):
            kept += [text[position : run.start()], " "]
            number = same[-1]
            position = runs[number].end()
        number += 1
    return "".join([*kept, text[position:]])


def is_code(text: str, opening: re.Match[str], closing: re.Match[str]) -> bool:
    """Whether two equal runs of backticks belong together: not across paragraphs, unless they are fences."""
    return len(opening[0]) >= 3 or "\n\n" not in text[opening.end() : closing.start()]


def without_formulas(text: str) -> str:
    return without(text, FORMULAS)


def without(text: str, patterns: dict[str, re.Pattern[str]]) -> str:
    for opening, pattern in patterns.items():
        if opening in text:
            text = pattern.sub(" ", text)
    return text


@lru_cache(maxsize=1)
def own_words(text: str) -> str:
    """`text` without code, formulas, block quotations and what stands between quotation marks."""
    words = without_formulas(prose(text))
    if ">" in words:
        words = QUOTED_LINE.sub(" ", words)
    return without(words, SPEECHES)
