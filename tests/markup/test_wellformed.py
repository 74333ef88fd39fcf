"""Both ways to the text of a post, by splitting and by the parser, must lead to the same text."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from handful.markup import wellformed
from handful.markup.blocks import Blocks
from handful.markup.html import to_text, walk
from handful.markup.line import without_control


def by_parser(source):
    blocks = Blocks()
    walk(LexborHTMLParser(source, is_fragment=True).root, blocks)
    return blocks.text()


def by_splitting(source):
    blocks = wellformed.to_blocks(source)
    return None if blocks is None else blocks.text()


def test_splitting_gives_what_the_parser_gives_or_nothing(random_post):
    draw = random.Random(0)
    split = 0
    for _ in range(4_000):
        source = random_post(draw)
        text = by_splitting(source)
        assert text in (None, by_parser(source))
        split += text is not None
    assert split > 1_500  # else the test says nothing


PIECES = (
    "<p> </p> <ul> </ul> <li> </li> <ol> <pre> </pre> <code> </code> <em> </em> <a> </a> <sup> </sup> <br> "
    '<blockquote> </blockquote> <h2> </h2> <hr/> <p <a title="> "> < > & &am p; \n <b/> a 1 '
    "<img/> <code>b</code> <3 | \xa0"
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PIECES.split(" ")]), max_size=12).map("".join))
def test_tags_in_any_order_are_read_as_by_the_parser_or_left_to_it(source):
    assert by_splitting(source) in (None, by_parser(source))


@pytest.mark.parametrize(
    "source",
    [
        "<p>a</p>\n\n<p>b <em>c</em> <a href='x'>d</a></p>".replace("'", '"'),
        "<ul>\n<li>a</li>\n<li>b\n<ol>\n<li>c</li>\n</ol></li>\n</ul>",
        "<ul>\n<li><p>a</p>\n\n<pre><code>b\n\n  c\n</code></pre></li>\n<li><p>d</p></li>\n</ul>",
        "<blockquote>\n  <p>a</p>\n</blockquote>\n\n<hr />\n\n<h2>b</h2>",
        '<ol start="3">\n<li>a</li>\n</ol>',
        "<p>a<br>b <code>c &lt; d</code> 10<sup>-3</sup> <img src='x'></p>".replace("'", '"'),
        "<p><strong><em>a</strong></em></p>",
        '<p><a href="x" rel="y"><strong>a</strong> <img src="z"></a> <code>b</code></p>',
        "<p>a < b, <3 and <</p>",  # no tag begins there
        "<pre><code>if (a < b && c<1)\n</code></pre>",
    ],
)
def test_what_stack_exchange_writes_needs_no_parser(source):
    assert by_splitting(source) == by_parser(source)


@pytest.mark.parametrize(
    "source",
    [
        "<p>a<p>b",  # no ends
        "<p>a <ul><li>b</li></ul></p>",  # a list ends the paragraph
        "<em><p>a</p></em>",
        "<ul><li>a</ul></li>",
        '<ol><li value="7">a</li></ol>',
        "<table><tr><td>a</td></tr></table>",
        "<p>a <b</p>",
        "<p>a </ b</p>",
        "<p>a <? b</p>",
        "<P>a</P>",
        "<p>a</p><!-- b -->",
        "<p>&#1;</p>",
        "<p>&#xFFFE;</p>",
        "<ul><li>a</li><li><p>b</p></li></ul>",  # loose, as only its second item tells
        "<p>" + "<b>" * 17 + "a" + "</b>" * 17 + "</p>",
    ],
)
def test_what_only_a_parser_can_tell_is_left_to_it(source):
    assert by_splitting(source) is None


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>&am<b>p;</b></p>", "&amp;"),
        ('<p>a<<em>p title="</em>">b</p>', 'a<p title="">b'),
        ('<p><a title=">"<em></em>>b</a></p>', ">b"),
    ],
)
def test_to_take_tags_out_makes_no_new_ones(source, text):
    assert to_text(source) == text == by_parser(source)


@pytest.mark.parametrize(
    "source",
    [
        "<p>0<code></code><sup>2</sup></p>",
        "<p>0<sup> </sup><sup>2</sup></p>",
        "<p><a>0<a>1</a></a>m<sup>2</sup></p>",
        "<p><sup><sup>1</sup> a</sup></p>",
        "a<ol></ol>b",
        "<p>a&NewLine;b</p>",
        "<p>a</p>\xa0|",
        "<p>a</p><p>\xa0|</p><ul><li>|\xa0</li></ul>",
        "<p>a &am<img>p; b</p>",
        "<p>a < <em>b</em> &lt<em>;</em></p>",
        "<p><code> </code>a<code>`</code><code>\xa0b</code></p>",
    ],
)
def test_what_a_fuzzer_found_between_the_two_ways(source):
    assert by_splitting(source) in (None, by_parser(source))


def test_real_posts_are_read_as_by_the_parser_and_seldom_need_it(shared_bodies):
    needed = 0
    for body in shared_bodies:
        source = without_control(body.replace("\r\n", "\n").replace("\r", "\n"))
        text = by_splitting(source)
        needed += text is None
        assert text in (None, by_parser(source))
    assert needed < len(shared_bodies) / 100
