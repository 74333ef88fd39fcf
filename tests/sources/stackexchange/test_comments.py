"""A comment's row is read whatever the order of its attributes, and its Markdown becomes plain text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.sources.stackexchange.comments import glance, person, read, to_turn
from handful.sources.stackexchange.rows import Fault

ROW = (
    b' Id="5" PostId="2" Score="1" Text="Why &lt;b&gt;?" CreationDate="2015-01-02T03:04:05.006" UserId="7" />'
)


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        ROW.replace(b' Score="1"', b""),
        b' UserId="7" CreationDate="2015-01-02T03:04:05.006" Text="Why &lt;b&gt;?" PostId="2" Id="5" />',
        b" Id='5' PostId='2' Score='1' Text='Why &lt;b&gt;?' CreationDate='2015-01-02T03:04:05.006' UserId='7'></row>",
    ],
)
def test_a_row_is_read_in_any_order(row):
    assert read(row)[:5] == (5, 2, "2015-01-02T03:04:05.006", 7, "Why <b>?")
    assert glance(row, lambda post: post + 100) == (102, 7)
    assert glance(row, lambda post: -1) is None


@pytest.mark.parametrize(
    ("row", "rule", "detail"),
    [
        (ROW[:60], "broken_row", "does not end"),
        (ROW.replace(b' PostId="2"', b""), "missing_attribute", "without PostId"),
        (ROW.replace(b' CreationDate="2015-01-02T03:04:05.006"', b""), "missing_attribute", "CreationDate"),
        (ROW.replace(b'"2"', b'"two"'), "missing_attribute", "PostId='two'"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row, rule, detail):
    found = glance(row, lambda post: post)
    assert isinstance(found, Fault)
    assert (found.rule, found.id) == (rule, "5")
    assert detail in found.detail


def test_people_are_told_apart_by_account_or_by_the_name_that_is_left():
    assert person("7", "Ann") == 7
    assert person("", "Ann") == person("", "Ann") < 0
    assert person("", "Ann") != person("", "Bob")
    assert person("", "") == person("-1", "Community") == 0


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        ("@Bob: no, @Ann is right", "no, @Ann is right"),
        ("@Bob @Ann-Lee - yes", "yes"),
        ("@Bob", ""),
        ("@ 5 volts", "@ 5 volts"),
        ('see [this page](https://a.org/x_(y) "Title") or https://b.org', "see this page or https://b.org"),
        ("[`f()`](https://a.org) and [not](a link) [1]", "`f()` and [not](a link) [1]"),
        ("`[x](http://y)` **as is** `**z** &lt;`", "`[x](http://y)` as is `**z** &lt;`"),
        ("``a ` b`` *em* ", "``a ` b`` em"),
        ("*one* **two** ***three*** _four_ **_five_**, (*six*)!", "one two three four five, (six)!"),
        ("2 * 3 * 4, a*b*c, snake_case_name, __init__", "2 * 3 * 4, a*b*c, snake_case_name, __init__"),
        ("$a_{1} * b_{2}$ costs $5 *more* than $4", "$a_{1} * b_{2}$ costs $5 more than $4"),
        ("1 &lt; 2 &amp;&#39;&nosuch; AT&T", "1 < 2 &'&nosuch; AT&T"),
        ("tagged [tag:rice] and [meta-tag:bug]", "tagged rice and bug"),
        ("two\n lines\x00 \ufeff", "two lines"),
    ],
)
def test_markdown_becomes_text(comment, text):
    assert to_turn(comment) == text


@given(st.text(alphabet="ab1 `*_[]()@:/$\\{}&lt;#\n", max_size=120))
def test_any_comment_becomes_one_line(comment):
    text = to_turn(comment)
    assert text == " ".join(text.split())


@given(st.text(alphabet=st.characters(whitelist_categories=["L", "N", "Zs"])))
def test_words_are_never_changed(comment):
    assert to_turn(comment) == " ".join(comment.split())


@pytest.mark.parametrize("mark", ["`", "*a ", "[x](http://", "@a", "_", "$a_", "[a[b]", "[a](http://b("])
def test_the_time_for_a_comment_grows_with_its_length_only(mark):
    start = time.process_time()
    to_turn(mark * 20_000)
    assert time.process_time() - start < 10  # some way is quadratic where this takes minutes
