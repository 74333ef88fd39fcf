"""Markdown to HTML: laid out where it is harmless, shown as characters where it is not."""

import re
import time
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web.xss import FAMILIES, PAYLOADS

from handful.web.rendering import ATTRIBUTES, LONGEST, TAGS, asset, from_file, markdown


class Elements(HTMLParser):
    """Names and attributes, as a parser sees them that is not ours."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(str(html))  # Markup would escape what it is joined to

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


ALLOWED = {("p", "class"), *((tag, name) for tag, names in ATTRIBUTES.items() for name in names)}


def words(html):
    return " ".join(Elements(html).text.split())


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** and *italic*", "<p><strong>bold</strong> and <em>italic</em></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>'),
        ("```python\nif a < b: pass\n```", "<pre><code>if a &lt; b: pass\n</code></pre>"),
        ("# Top\n\n##### Deep", "<h3>Top</h3>\n<h6>Deep</h6>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
    ],
)
def test_what_answers_are_written_in_is_laid_out(text, html):
    assert str(markdown(text)).strip() == html


def test_a_table_is_a_table():
    assert {"table", "th", "td"} <= Elements(markdown("|a|b|\n|-|-|\n|1|2|")).tags


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[guide](https://example.org/a)", "guide (https://example.org/a)"),
        ("[guide](javascript:alert(1))", "guide (javascript:alert(1))"),
        ("<https://example.org>", "https://example.org"),
        ("![a cat](https://example.org/cat.png)", "[picture: a cat] (https://example.org/cat.png)"),
        ("[![x](a.png)](b)", "[picture: x] (a.png) (b)"),
        ('[a](b "title")', "a (b)"),
    ],
)
def test_links_and_pictures_are_text_that_leads_nowhere_and_loads_nothing(text, shown):
    html = markdown(text)
    assert words(html) == shown
    assert not {"a", "img"} & Elements(html).tags


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "<script>x</script>", "a <!-- b --> c", "&lt;b&gt; <i", "<![CDATA[x]]>"]
)
def test_html_is_shown_as_the_characters_it_is(text):
    assert words(markdown(text)) == " ".join(unescape(text).split())


@pytest.mark.parametrize("family", FAMILIES)
def test_no_payload_becomes_an_element_or_attribute_beyond_the_list(family):
    for payload in FAMILIES[family]:
        ways = [payload, f"|{payload}|b|\n|-|-|\n|{payload}|c|", f"[{payload}]({payload})", f"> - {payload}"]
        for text in ways[: 1 if len(payload) > 5_000 else None]:
            html = markdown(text)
            found = Elements(html)
            assert found.tags <= TAGS
            assert found.attributes <= ALLOWED
            assert "\x00" not in html


def test_instructions_pass_the_same_list():
    found = Elements(from_file("\n\n".join(payload for payload in PAYLOADS if len(payload) < 5_000)))
    assert found.tags <= TAGS
    assert found.attributes <= ALLOWED


@given(st.text(alphabet=st.sampled_from("<>\"'&`*_[]()!#|-\n \\/ax:;=\u202e\x00"), max_size=120))
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_stays_within_the_list(text):
    found = Elements(markdown(text))
    assert found.tags <= TAGS
    assert found.attributes <= ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "*a_ " * 5_000,
        ">" * 20_000,
        "![](" * 5_000,
        "|a" * 2_000 + "\n" + "|-" * 2_000 + "\n" + "|\n" * 3_000,
    ],
    ids=["brackets", "emphasis", "quotes", "pictures", "table"],
)
def test_text_made_to_be_slow_is_not(text):
    since = time.process_time()
    markdown(text)
    assert time.process_time() - since < 3


def test_a_very_long_text_is_shown_whole_as_it_is():
    text = "<b>*long*</b> " * (LONGEST // 10)
    html = markdown(text)
    assert Elements(html).text == text
    assert Elements(html).tags == {"p"}


def test_wrapped_lines_of_a_file_are_joined():
    assert str(from_file("one\ntwo")).strip() == "<p>one\ntwo</p>"


def test_the_address_of_an_asset_follows_its_content():
    assert re.fullmatch(r"/static/study\.css\?v=[0-9a-f]{12}", asset("study.css"))
    assert asset("study.css") != asset("study.js").replace("js", "css")
