"""A system that answers every prompt with the same text, to try a recipe without a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from handful.core.types import Response
from handful.generate.systems import Answers, Ask, Given, Group, Key
from handful.recipe.systems import FakeSystem


def answers(given: Given) -> Answers:
    assert isinstance(given.system, FakeSystem)
    text = given.system.text

    def groups(asks: Sequence[Ask], done: Collection[Key]) -> Iterator[Group]:
        return ([read(given.name, text, ask)] for ask in asks if ask.key not in done)

    return Answers(groups)


def read(system: str, text: str, ask: Ask) -> Response:
    text = text.replace("{prompt}", ask.prompt.turns[-1].text)
    return Response(ask.prompt.id, system, text, ask.sample, finish="eot", tokens=len(text.split()))
