"""Many texts at once are unescaped as each is alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.sources.stackexchange.entities import most_characters, unescape_all
from handful.sources.stackexchange.rows import unescape

PIECES = [
    "&lt;",
    "&gt;",
    "&amp;",
    "&quot;",
    "&#xA;",
    "&#xD;",
    "&apos;",
    "&#65;",
    "&#xD83D;&#xDE00;",
    "&nbsp;",
]
PIECES += ["&", "lt;", "amp;", "#xA;", "&l", "&amp;lt;", "é", "日本", "\x00", "a b", ""]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), max_size=8))
def test_as_each_alone(texts):
    assert unescape_all([text.encode() for text in texts]) == [unescape(text) for text in texts]


def test_an_entity_does_not_reach_into_the_next_text():
    assert unescape_all([b"a &", b"lt; b &l", b"t;", b"&amp;"]) == ["a &", "lt; b &l", "t;", "&"]


@pytest.mark.parametrize("text", [b"\xff &lt;", b"\xc3&lt;", b"&lt;\xa9"])
def test_bytes_that_are_no_text_are_marked(text):
    assert unescape_all([text]) == [unescape(text.decode("utf-8", "replace"))]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_text_has_more_characters_than_said(text):
    assert len(unescape(text)) <= most_characters(text.encode())


def test_of_plain_letters_and_known_entities_the_characters_are_counted():
    assert most_characters(b"&lt;p&gt;a &amp;lt; b&#xA;&quot;") == len('<p>a &lt; b\n"')
