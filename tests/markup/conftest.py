"""What the tests of markup share: pieces of HTML to put together at random."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st
from lxml import etree

WORDS = [
    "word",
    "two  words",
    "\n",
    " ",
    "x",
    "10",
    "(n)",
    "`",
    "|",
    "&",
    "&lt;",
    "&amp;lt;",
    "&am",
    "p;",
    "&nbsp;",
    "&#39;",
    "&#1;",
    "&NewLine;",
    "\u200bé”",
    "\t",
    ">",
]


def wrapped(inner: st.SearchStrategy[str], names: list[str]) -> st.SearchStrategy[str]:
    return st.builds("<{0}>{1}</{0}>".format, st.sampled_from(names), inner)


def joined(inner: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=most).map("".join)


def in_line() -> st.SearchStrategy[str]:
    """Text with tags in it, each ended in its turn."""
    atom = st.sampled_from(
        [*WORDS, *WORDS, "<br>", "<br />", '<img src="a" alt="b">', "<code>a &lt; `b`</code>", "<s>no</s>"]
    )
    return joined(
        st.recursive(
            atom,
            lambda inner: (
                wrapped(joined(inner), ["em", "strong", "b", "i", "sub", "sup", "kbd", "code"])
                | joined(inner).map('<a href="/?a=1&amp;b=2" rel="nofollow">{}</a>'.format)
            ),
            max_leaves=6,
        ),
        5,
    )


@pytest.fixture(scope="session")
def posts() -> st.SearchStrategy[str]:
    """Posts as Stack Exchange renders them, with its few kinds of tags, and now and then a tag too many."""
    line = in_line()
    leaf = st.one_of(
        wrapped(line, ["p", "p", "p", "h2"]),
        st.sampled_from(
            ["<hr>", "<hr />", "\n\n", "<p></p>", "<pre>\n\n\n y</pre>", "</p>", "<li>", "<em>", "<b"]
        ),
        line.map("<pre><code>{}\n</code></pre>".format),
        st.just('<pre class="lang-py"><code>a\n\n\n  b &lt; c\n</code></pre>'),
    )

    def nested(blocks: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        item = wrapped(line | joined(blocks) | st.builds("{}{}".format, line, blocks), ["li"])
        return st.one_of(
            wrapped(joined(item), ["ul", "ol"]),
            joined(item).map('<ol start="3">\n{}</ol>'.format),
            wrapped(joined(blocks), ["blockquote"]),
        )

    return joined(st.recursive(leaf, nested, max_leaves=8), 6)


@pytest.fixture(scope="session")
def shared_bodies(shared_data: Path) -> list[str]:
    """Every third body of a real site's questions and answers."""
    path = shared_data / "stackexchange" / "cardano.stackexchange.com" / "Posts.xml"
    rows = etree.iterparse(path, tag="row", huge_tree=True, recover=True)
    bodies = [row.get("Body") for _, row in rows if row.get("PostTypeId") in ("1", "2")]
    return [body for body in bodies if body][::3]
