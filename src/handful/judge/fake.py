"""A judge with a known preference: to test a study, and the statistics, before paying for a real one."""

from __future__ import annotations

from typing import Literal

from handful.core.types import Choice
from handful.judge.items import Question, Said
from handful.judge.tasks import WORDINGS, values

Preference = Literal["longer", "shorter", "left", "right", "tie"]
FULL_CHARS = 1000
"""The length at which a grade ends to rise, or to fall."""


def fake_said(prefers: Preference, question: Question) -> Said:
    """What such a judge says of what it is shown."""
    item, order = question
    texts = item.shown(order)
    value = (
        fake_choice(prefers, *texts) if len(texts) == 2 else fake_level(prefers, texts[0], values(item.task))
    )
    option = next(option for option in WORDINGS[item.task].options if option.value == value)
    return Said(item.id, order, value, option.sentence if len(texts) == 2 else option.word)


def fake_choice(prefers: Preference, left: str, right: str) -> Choice:
    """One of two texts. "left" and "right" are pure position bias."""
    if prefers in ("left", "right", "tie"):
        return prefers
    if len(left) == len(right):
        return "tie"
    return "left" if (len(left) > len(right)) == (prefers == "longer") else "right"


def fake_level(prefers: Preference, text: str, levels: tuple[str, ...]) -> str:
    """A level by length, the last one the best; one in the middle of a judge that knows only sides."""
    place = min(len(text) * len(levels) // FULL_CHARS, len(levels) - 1)
    if prefers == "shorter":
        place = len(levels) - 1 - place
    elif prefers != "longer":
        place = (len(levels) - 1) // 2
    return levels[place]
