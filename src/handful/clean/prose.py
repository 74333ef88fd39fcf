"""The words of an answer that are the author's own, for the rules about wording.

A variable `I`, a decorator `@property`, "$I$" in a formula, or "I have a dream" in quotation marks is neither first
person nor a reference. Works on text as `html.py` makes it. The text itself is never changed, only what is searched.
"""

from __future__ import annotations

import re
from functools import lru_cache

FORMULAS = {
    "$": re.compile(r"\$\$.{1,2000}?\$\$|\$(?=\S)[^$\n]{1,300}?(?<=\S)\$(?!\d)", re.DOTALL),
    "\\(": re.compile(r"\\\(.{1,300}?\\\)", re.DOTALL),
    "\\[": re.compile(r"\\\[.{1,2000}?\\\]", re.DOTALL),
}
QUOTED_LINE = re.compile(r"[ \t]*(?:(?:[-*]|\d+\.)[ \t]+)*>")
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
    runs = runs_of_backticks(text)
    later: dict[int, list[int]] = {}
    for number in range(len(runs) - 1, -1, -1):
        start, end = runs[number]
        later.setdefault(end - start, []).append(number)
    kept, position, number = [], 0, 0
    while number < len(runs):
        start, end = runs[number]
        same = later[end - start]
        while same and same[-1] <= number:
            same.pop()
        if same and is_code(text, runs[number], runs[same[-1]]):
            kept += [text[position:start], " "]
            number = same[-1]
            position = runs[number][1]
        number += 1
    return "".join([*kept, text[position:]])


def runs_of_backticks(text: str) -> list[tuple[int, int]]:
    """Where each begins and ends. By `find`: a regular expression looks at every character between."""
    runs = []
    start = text.find("`")
    while start >= 0:
        end = start + 1
        while text.startswith("`", end):
            end += 1
        runs.append((start, end))
        start = text.find("`", end)
    return runs


def is_code(text: str, opening: tuple[int, int], closing: tuple[int, int]) -> bool:
    """Whether two equal runs of backticks belong together: not across paragraphs, unless they are fences."""
    start, end = opening
    return end - start >= 3 or text.find("\n\n", end, closing[0]) < 0


def without_formulas(text: str) -> str:
    return without(text, FORMULAS) if "$" in text or "\\" in text else text


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
        lines = words.split("\n")
        words = "\n".join(" " if ">" in line and QUOTED_LINE.match(line) else line for line in lines)
    return without(words, SPEECHES)
