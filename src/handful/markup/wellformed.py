"""The markup that Stack Exchange writes, turned into text without a parser: several times as fast as `html.py`'s walk.

Nearly all posts hold two dozen kinds of tags, each closed where it was opened. Splitting at tags reads those as a
browser would. Whatever else is found (another tag, an attribute that matters, a tag out of place) is left to the
parser: the answer is then None, never a guess. The tests hold both ways to the same text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import unescape

from handful.markup.blocks import Blocks
from handful.markup.line import code_span, superscript

ATTRIBUTES = r'(?: (?!start|value)[a-z-]++="[^"<]*+")*+ ?+/?+'
BLOCK = re.compile(
    # one without others in it, and what it holds ...
    rf"<(?:(p|li|h[1-6]|pre){ATTRIBUTES}>([^<]*+(?:<(?!/?+(?:[hlopu]|bl))[^<]*+)*+)</\1|"
    # ... or the beginning or the end of one
    rf'(/?+(?:li|ul|ol|blockquote)|hr|ol start="[0-9]{{1,6}}"){ATTRIBUTES})>\s*+'
)
TAG = re.compile(rf"<(/?+[a-z]++){ATTRIBUTES}>")
RARE_NUMBER = re.compile("&#(?!(?:3[2-9]|[4-9][0-9]|1[6-9][0-9]|[2-9][0-9]{2}|[1-9][0-9]{3});)")
"""Among the others are control characters, and those that browsers keep and Python's `unescape` drops."""

PAGE = ""
LISTS = ("ul", "ol")
SPANS = frozenset({"a", "b", "em", "i", "kbd", "strong", "sub"})
STRUCK = ("del", "s", "strike")


def to_blocks(source: str) -> Blocks | None:
    """The blocks of a post, or None where it needs a parser. `source` has no control character but tab and "\\n"."""
    if "&#" in source and RARE_NUMBER.search(source):
        return None
    blocks = Blocks()
    return blocks if read(source, blocks) else None


def read(source: str, blocks: Blocks) -> bool:
    """Put all blocks of a post, and the text between them, in place. False at the first thing out of place."""
    opened = [PAGE]
    before, *parts = BLOCK.split(source)
    if before and not put_line(before, blocks):
        return False
    groups = iter(parts)
    for leaf, inner, tag, after in zip(groups, groups, groups, groups, strict=True):
        parent = opened[-1]
        if leaf == "p":
            if parent in LISTS or (parent == "li" and not blocks.loosen()) or not put_line(inner, blocks):
                return False
        elif leaf:
            if (leaf == "li") != (parent in LISTS) or not put_leaf(leaf, inner, blocks):
                return False
        elif tag[0] == "/":
            if opened.pop() != tag[1:]:
                return False
            blocks.close()
        elif tag != "hr":
            if (tag == "li" and parent not in LISTS) or (tag == "blockquote" and parent in LISTS):
                return False
            opened.append(begin(tag, blocks))
        if after and not put_line(after, blocks):
            return False
    return opened == [PAGE]


def begin(tag: str, blocks: Blocks) -> str:
    if tag == "li":
        blocks.open_item(None)
    elif tag == "blockquote":
        blocks.open_quote()
    elif tag == "ul":
        blocks.open_list(None, loose=False)
    else:
        blocks.open_list(int(tag[len('ol start="') : -1] or "1"), loose=False)
    return tag[:2] if tag[0] == "o" else tag


def put_leaf(name: str, inner: str, blocks: Blocks) -> bool:
    if name == "pre":
        code = raw_text(inner)
        if code is not None:
            blocks.code(code)
        return code is not None
    if name == "li":
        blocks.open_item(None)
        known = put_line(inner, blocks)
        blocks.close()
        return known
    return put_line(inner, blocks)


def put_line(text: str, blocks: Blocks) -> bool:
    """Set a paragraph. False if there is a tag in it that is not known, or out of place."""
    if "\n" in text:
        text = text.replace("\n", " ")
    if "<" in text:
        parts = TAG.split(text)
        if text.count("<") * 2 != len(parts) - 1:
            return False
        texts, tags = parts[::2], tuple(parts[1::2])
        if "&" in text:
            texts = [unescape(part) for part in texts]
        if not only_spans(tags):
            texts = resolve(tags, texts)
        blocks.paragraph("".join(texts))
        return bool(texts)
    blocks.paragraph(unescape(text) if "&" in text else text)
    return True


@lru_cache(4096)
def only_spans(tags: tuple[str, ...]) -> bool:
    """Whether these tags only set words off, each ended in its turn. The same few sequences come again and again."""
    opened = [PAGE]
    for name in tags:
        if name in SPANS:
            opened.append(name)
        elif opened.pop() != name[1:] or not opened: return False
    return opened == [PAGE]


def resolve(tags: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The text of a line in pieces; none if there is a tag in it that is not known, or out of place.

    `texts` stand before, between and behind the tags.
    """
    written = [texts[0]] if texts[0] else []
    opened: list[str] = []
    raised = 0
    following = zip(tags, texts[1:], strict=True)
    for name, text in following:
        if name in SPANS:
            opened.append(f"/{name}")
        elif opened and opened[-1] == name:
            opened.pop()
            if name == "/sup":
                before = written[raised - 1] if raised else ""
                written[raised:] = [superscript("".join(written[raised:]), before)]
        elif "/sup" in opened:
            return []
        elif name == "sup":
            opened.append("/sup")
            raised = len(written)
        elif name == "br":
            written.append("\n")
        elif name != "img":
            end, after = next(following, ("", ""))
            if end != f"/{name}" or name not in ("code", *STRUCK):
                return []
            if name == "code":
                written.append(code_span(" ".join(text.split())))
            text = after
        if text:
            written.append(text)
    return [] if opened else ["", *written]


def raw_text(inner: str) -> str | None:
    """The code in a <pre>, with or without <code>; None if there are other tags in it."""
    inner = inner.removeprefix("\n")
    if "<" not in inner:
        return unescape(inner)
    first, *parts = TAG.split(inner)
    if inner.count("<") != 2 or parts[::2] != ["code", "/code"]:
        return None
    return "".join(map(unescape, (first, *parts[1::2])))
