import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.text import prompt_key


@pytest.mark.parametrize(
    "other",
    [
        "how do i boil an egg",
        "How do I boil an egg?!",
        "  How do I\n boil\tan egg ",
        "“How do I boil an egg”",
    ],
)
def test_case_space_and_punctuation_at_the_ends_do_not_make_another_prompt(other):
    assert prompt_key("How do I boil an egg?") == prompt_key(other)


@pytest.mark.parametrize("other", ["How do I boil two eggs?", "How do I boil an egg-plant?", ""])
def test_other_words_do(other):
    assert prompt_key("How do I boil an egg?") != prompt_key(other)


def test_a_prompt_of_punctuation_alone_is_still_a_prompt():
    assert prompt_key("???") == "???"
    assert prompt_key(" \n") == ""


@given(st.one_of(st.text(), st.text(" _.?!aB1é²\u00a0\n\u2019")))
def test_a_key_is_what_the_regular_expression_leaves(text):
    words = " ".join(text.split()).casefold()
    assert prompt_key(text) == (re.sub(r"^[\W_]+|[\W_]+$", "", words) or words)
