"""What the tests of markup share: posts put together at random, and real ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
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
    ">",
    "\t",
    "\u200bé”",
    "cm",
    "th",
    "a < b",
    "\xa0",
]
ENTITIES = ["&", "&lt;", "&amp;lt;", "&am", "p;", "&nbsp;", "&#39;", "&#1;", "&NewLine;", "&copy=1"]
VOID = ["<br>", "<br />", '<img src="a" alt="b">', "<code>a &lt; `b`</code>", "<s>no</s>", "<sup>2</sup>"]
SPANS = ["em", "strong", "b", "i", "sub", "sup", "kbd", "code"]
OUT_OF_PLACE = ["</p>", "<li>", "<em>", "<b", "</ul>", "<", "<table>", "<!-- -->"]
CODE = [
    "<pre><code>a\n\n\n  b &lt; c\n</code></pre>",
    '<pre class="lang-py"><code>\nx</code></pre>',
    "<pre>\n\ny</pre>",
]


@pytest.fixture(scope="session")
def random_post() -> Callable[[random.Random], str]:
    """A post as Stack Exchange renders it, in its few kinds of tags; in one of five a tag is out of place."""

    def line(draw: random.Random, depth: int = 0) -> str:
        pieces = []
        for _ in range(draw.randrange(5)):
            kind = draw.random()
            if kind < 0.6 or depth > 3:
                pieces.append(draw.choice(draw.choice([WORDS, WORDS, ENTITIES])))
            elif kind < 0.75:
                pieces.append(draw.choice(VOID))
            elif kind < 0.85:
                pieces.append(f'<a href="/?a=1&amp;b=2" rel="nofollow">{line(draw, depth + 1)}</a>')
            else:
                name = draw.choice(SPANS)
                pieces.append(f"<{name}>{line(draw, depth + 1)}</{name}>")
        return "".join(pieces)

    def block(draw: random.Random, depth: int = 0) -> str:
        kind = draw.random()
        if kind < 0.5 or depth > 3:
            name = draw.choice(["p", "p", "p", "h2"])
            return f"<{name}>{line(draw)}</{name}>" + draw.choice(["\n\n", "", line(draw)])
        if kind < 0.6:
            return draw.choice([*CODE, f"<pre><code>{line(draw)}\n</code></pre>", "<hr>", "<hr />"])
        if kind < 0.7:
            return f"<blockquote>\n  {blocks(draw, depth + 1)}\n</blockquote>\n"
        name = draw.choice(["ul", "ul", "ol", 'ol start="3"'])
        loose = draw.random() < 0.3
        items = "\n".join(f"<li>{item(draw, depth + 1, loose)}</li>" for _ in range(draw.randrange(4)))
        return f"<{name}>\n{items}\n</{name[:2]}>\n"

    def item(draw: random.Random, depth: int, loose: bool) -> str:
        nested = blocks(draw, depth) if draw.random() < 0.3 else ""
        return f"<p>{line(draw)}</p>\n{nested}" if loose else f"{line(draw)}{nested}"

    def blocks(draw: random.Random, depth: int = 0) -> str:
        return "".join(block(draw, depth) for _ in range(draw.randrange(4)))

    def post(draw: random.Random) -> str:
        made = blocks(draw)
        if draw.random() < 0.2:
            at = draw.randrange(len(made) + 1)
            made = made[:at] + draw.choice(OUT_OF_PLACE) + made[at:]
        return made

    return post


@pytest.fixture(scope="session")
def shared_bodies(shared_data: Path) -> list[str]:
    """Every third question and answer of a real site."""
    path = shared_data / "stackexchange" / "cardano.stackexchange.com" / "Posts.xml"
    rows = etree.iterparse(path, tag="row", huge_tree=True, recover=True)
    bodies = [row.get("Body") for _, row in rows if row.get("PostTypeId") in ("1", "2")]
    return [body for body in bodies if body][::3]
