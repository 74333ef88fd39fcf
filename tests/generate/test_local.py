"""How a response is read from tokens, and how a prompt is made to fit."""

from __future__ import annotations

import pytest

from handful.core.types import Origin, Prompt, Turn
from handful.generate.local import _fit, _stopped, read
from handful.generate.systems import Ask
from handful.models.layout import FEW_SHOT_STOP
from handful.models.load import load_tokenizer
from handful.models.sampling import Output

ASK = Ask(Prompt("p", (Turn("user", "Hm?"),), Origin("authored", "", "p")), sample=0, seed=1)


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(str(tiny_model))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("An answer.\n\n# Query:\nAnd", "An answer."),
        ("\n\n  An answer \n# Query:", "An answer"),
        ("# Query:", ""),
        ("It says # Query: here\n# Query:", "It says # Query: here"),
    ],
)
def test_a_stop_string_ends_the_answer_and_is_not_part_of_it(tokenizer, written, text):
    stopped = _stopped(FEW_SHOT_STOP, tokenizer)
    assert stopped is not None
    ids = tokenizer.encode(written, add_special_tokens=False)
    length = next(n for n in range(1, len(ids) + 1) if stopped(ids[:n]))
    response = read("it", ASK, Output(ids[:length], "stop"), tokenizer, FEW_SHOT_STOP)
    assert (response.text, response.finish, response.tokens) == (text, "stop", length)


def test_text_that_only_mentions_the_stop_string_goes_on(tokenizer):
    stopped = _stopped(FEW_SHOT_STOP, tokenizer)
    assert stopped is not None
    ids = tokenizer.encode("A heading such as # Query: is written so. " * 3, add_special_tokens=False)
    assert not any(stopped(ids[:n]) for n in range(1, len(ids) + 1))


@pytest.mark.parametrize(
    ("length", "window", "kept"),
    [
        (100, 256, 100),
        (192, 256, 192),
        (193, 256, 192),
        (300, 256, 192),
        (30, 40, 30),
        (31, 40, 30),
        (9, 0, 9),
    ],
)
def test_a_prompt_leaves_room_for_an_answer(length, window, kept):
    """At least 64 tokens, or a quarter of a small window; the start token stays."""
    ids = list(range(length))
    (asked,), truncated = _fit([ASK], lambda turns: ids, window or None, start=1)
    assert len(asked.ids) == kept
    assert asked.ids[0] == 0
    assert asked.ids[1:] == ids[length - kept + 1 :]
    assert len(truncated) == (kept < length)
