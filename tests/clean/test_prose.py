import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.clean.prose import own_words, prose


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a `I` b", "a b"),
        ("a ``I ` I`` b", "a b"),
        ("a\n\n```\nI `x`\n\nme\n```\n\nb", "a b"),
        ("a\n\n````\n```\nI\n```\n````\n\nb", "a b"),
        ("- a\n\n  ```\n  my\n  ```\n- b", "- a - b"),
        ("a ` b\n\nc ` d", "a ` b c ` d"),
        ("a ``` b", "a ``` b"),
    ],
)
def test_code_is_no_prose(text, words):
    assert prose(text).split() == words.split()


@pytest.mark.parametrize(
    "text",
    [
        'He said "I am", twice.',
        "> I am\n>\n> - me",
        "- > I am",
        "so $I = 2$ and $$I$$",
        "“my” «me»",
        r"\(I\) \[me\]",
    ],
)
def test_quotations_and_formulas_are_not_the_authors_own_words(text):
    assert not {"I", "me", "my", "am"} & set(own_words(text).replace('"', " ").split())


@pytest.mark.parametrize(
    "text", ["it cost $5 and I paid $6", 'a 5" disk that I own, 3" wide', "a\n\n> b\n\nI c"]
)
def test_what_only_looks_like_one_stays(text):
    assert "I" in own_words(text).split()


@given(st.text(st.sampled_from('`ab \n$>"')))
def test_nothing_is_added(text):
    assert set(own_words(text)) <= set(text) | {" "}


def test_a_hundred_thousand_backticks_end_soon():
    assert prose("` `` " * 50_000) is not None
