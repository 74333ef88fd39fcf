"""What a task says to people, and how long is left."""

import pytest

from handful.core.types import Turn
from handful.study.work import instructions
from handful.web.asking import ASKED, choices_of, conversation, for_people
from handful.web.pages import time_left


def test_the_options_of_a_preference_are_those_of_figure_11():
    assert [choice.text for choice in choices_of("preference", "")] == [
        "Answer A is significantly better.",
        "Neither is significantly better.",
        "Answer B is significantly better.",
    ]


def test_grades_are_named_and_explained_as_in_the_instructions_that_models_get():
    found = choices_of("helpfulness", instructions("helpfulness"))
    assert [(choice.value, choice.key, choice.text) for choice in found][::5] == [
        ("1", "1", "Not helpful"),
        ("6", "6", "Highly helpful"),
    ]
    assert found[1].meaning == "It touches the point, but it is unclear or unfinished, or only partly of use."
    quality = choices_of("quality", instructions("quality"))
    assert [choice.key for choice in quality] == ["f", "p", "e"]
    assert quality[0].meaning == "The response does not meet the requirements of the request."


@pytest.mark.parametrize("task", ASKED)
def test_no_key_does_two_things(task):
    asked = ASKED[task]
    keys = [*(choice.key for choice in asked.choices), asked.skip_key, asked.undo_key, "r", "?"]
    assert len(set(keys)) == len(keys)


def test_people_are_not_told_how_a_model_should_write_its_answer():
    told = for_people("helpfulness", instructions("helpfulness"))
    assert "six levels" in told
    assert "step by step" not in told
    assert not told.startswith("#")
    assert "empathy" in for_people("preference", instructions("preference"))


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("User: Hi\n\nAssistant: Hello", [("user", "Hi"), ("assistant", "Hello")]),
        ("User: a\n\nb\n\nAssistant: c\n\nUser: d", [("user", "a\n\nb"), ("assistant", "c"), ("user", "d")]),
        ("User: a\n\nUser: b\n\nAssistant: c", [("user", "a\n\nUser: b"), ("assistant", "c")]),
        ("just text", [("assistant", "just text")]),
        ("", [("assistant", "")]),
    ],
)
def test_a_conversation_that_was_written_out_is_told_apart_again(text, turns):
    assert conversation(text) == [Turn(role, said) for role, said in turns]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "less than a minute left"),
        (29, "less than a minute left"),
        (31, "about 1 min left"),
        (3600, "about 60 min left"),
        (7200, "about 2 hours left"),
    ],
)
def test_time_left_is_told_in_round_figures(seconds, text):
    assert time_left(seconds) == text
