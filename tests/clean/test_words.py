import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.clean.words import asked, words
from handful.core.types import Example, Origin, Turn


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello, World_1: it\u2019s “fine”—ok…", "hello world_1 it s fine ok"),
        ("NAÏVE straße\u00a0ÄRGER", "naïve strasse ärger"),
        ("米饭 rice", "米 饭 rice"),
        ("...", ""),
    ],
)
def test_words_have_no_case_and_no_punctuation(text, found):
    assert [word.decode() for word in words(text)] == found.split()


@given(st.text(st.sampled_from("aB _.é\u2019米かー・。\u00a0\u3000İ²")))
def test_a_chinese_or_japanese_sign_is_a_word_of_its_own(text):
    sign = "[\u3040-\u30ff\u3400-\u9fff]"
    apart = re.sub(sign, lambda hit: f" {hit[0]} ", text.casefold())
    assert [word.decode() for word in words(text)] == re.findall(r"\w+", apart)


@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_they_are_those_of_the_regular_expression(text):
    assert [word.decode() for word in words(text)] == re.findall(r"\w+", text.casefold())


def test_what_is_asked_in_a_dialogue_are_the_users_turns():
    turns = tuple(Turn(role, text) for role, text in zip(["user", "assistant"] * 2, "abcd", strict=True))
    assert asked(Example("x", turns, Origin("s", "c", "x"))) == ("a", "c")
