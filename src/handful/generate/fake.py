"""A system that answers every prompt with the same text, to try a recipe without a model."""

from __future__ import annotations

from collections.abc import Iterator

from handful.core.types import Response
from handful.generate.systems import Answers, Given
from handful.recipe.evaluation import FakeSystem


def answers(given: Given) -> Answers:
    return Answers(_groups(given))


def _groups(given: Given) -> Iterator[list[Response]]:
    assert isinstance(given.system, FakeSystem)
    for ask in given.asks:
        if ask.key not in given.done:
            text = given.system.text.replace("{prompt}", ask.prompt.turns[-1].text)
            words = len(text.split())
            yield [Response(ask.prompt.id, given.name, text, ask.sample, finish="eot", tokens=words)]
