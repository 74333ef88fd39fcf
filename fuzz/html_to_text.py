"""Fuzz of HTML to text: each byte adds a piece of markup, so that all of them are near to what a post can be.

For every post: no crash, no hang, no control character, no tag that was not text before, and the two ways through it
(splitting at tags, the parser) lead to the same text. See `driver.py` for how to run it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import driver

NAMES = (
    "p ul ol li pre code blockquote em strong a b i sub sup kbd h1 h2 s del strike table tbody tr td th div span "
    "figure script style textarea title xmp plaintext noscript select option svg math template button dl dt dd tt"
)
TAGS = NAMES.split()
PIECES = [
    *(f"<{name}>" for name in TAGS),
    *(f"</{name}>" for name in TAGS),
    *(
        "<br>",
        "<br />",
        "<hr>",
        "<hr/>",
        '<img src="a">',
        "<!-- c -->",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x?>",
    ),
    *(
        '<a href="/?a=1&amp;b" rel="x">',
        '<a title=">">',
        '<ol start="3">',
        '<ol start="-7">',
        '<li value="9">',
    ),
    *(
        '<pre class="lang-py">',
        "<A>",
        "</P>",
        "<p/>",
        "<",
        ">",
        "</",
        "<p",
        '"',
        "'",
        "=",
        "/",
        "&",
        ";",
        "#",
    ),
    *(
        "&lt;",
        "&amp;",
        "&am",
        "p;",
        "&nbsp;",
        "&#39;",
        "&#1;",
        "&#13;",
        "&#xd800;",
        "&NewLine;",
        "&lt",
        "&copy=1",
    ),
    *(
        "\n",
        "\n\n",
        " ",
        "  ",
        "\t",
        "\r\n",
        "\r",
        "\0",
        "\x0c",
        "\x1b",
        "\ud800",
        "\u200b",
        "\xa0",
        "\ufeff",
    ),
    *("x", "word", "10", "(n)", "cm", "th", "`", "```", "|", "- ", "1. ", "> ", "é", "’", "𝕏"),  # noqa: RUF001
]
TAG_LIKE = re.compile(r"</?[a-zA-Z][^<>]*>")
MAKES_TEXT_OF_TAGS = re.compile(
    r"<[\s\u200b\ufeff\0-\x1f\ud800]*<|<[\u200b\ufeff]|&|<xmp|<plaintext|<noscript|<!|<\?|<svg|<math"
)
CODE = re.compile(r"(?s)(`{3,})\n.*?\n[> ]*\1(?!`)|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def load() -> Callable[[bytes], None]:
    from selectolax.lexbor import LexborHTMLParser

    from handful.markup import html, wellformed
    from handful.markup.blocks import Blocks

    def by_parser(source: str) -> str:
        blocks = Blocks()
        html.walk(LexborHTMLParser(source, is_fragment=True).root, blocks)
        return blocks.text()

    def feed(data: bytes) -> None:
        source = "".join(PIECES[byte % len(PIECES)] for byte in data)
        text = html.to_text(source)
        html.to_line(source)
        assert not FORBIDDEN.search(text), "a control character"
        if not MAKES_TEXT_OF_TAGS.search(source):
            prose = CODE.sub("", text)
            assert not TAG_LIKE.search(prose), f"a tag in {prose!r} of {source!r}"
        clean = html.without_control(source.replace("\r\n", "\n").replace("\r", "\n"))
        quick = wellformed.to_blocks(clean)
        assert quick is None or quick.text() == by_parser(clean), f"two ways through {clean!r}"

    return feed


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    driver.main(load)
