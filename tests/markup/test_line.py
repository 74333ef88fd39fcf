"""White space, control characters and code within a line."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.markup.line import code_span, one_line, without_control


def test_control_characters_and_lone_surrogates_go_and_all_others_stay():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    for text in (every, re.sub("[\ud800-\udfff]", "", every)):
        gone = set(text) - set(without_control(text))
        assert {ord(character) for character in gone} - set(range(0xD800, 0xE000)) == {
            *range(9),
            11,
            12,
            *range(14, 32),
            127,
        }
    assert not re.search("[\ud800-\udfff]", without_control(every))


@given(st.text(st.sampled_from("ab \t\n\r\xa0\u2028\u200b\ufeffé😀`")))
def test_a_line_has_single_blanks_between_its_words(text):
    assert one_line(text) == " ".join(re.sub("[\u200b\ufeff]", "", text).split())


@pytest.mark.parametrize(
    ("code", "span"),
    [("", ""), ("a b", "`a b`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a``", "``` a`` ```")],
)
def test_more_backticks_stand_around_code_than_in_it(code, span):
    assert code_span(code) == span
