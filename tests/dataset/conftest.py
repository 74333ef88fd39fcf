import pytest

from handful.core.types import Example, Origin, Turn


@pytest.fixture
def make_example():
    def make(id, asked=None, answered="Yes.", source="other", tags=(), **origin):
        turns = (Turn("user", asked or f"question {id}"), Turn("assistant", answered))
        return Example(id, turns, Origin(source, "cooking", id, **origin), tags)

    return make
