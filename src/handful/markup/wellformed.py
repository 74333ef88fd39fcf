"""The markup that Stack Exchange writes, turned into text without a parser: several times as fast as `html.py`'s walk.

Nearly all posts hold two dozen kinds of tags, each closed where it was opened. Splitting at tags reads those as a
browser would. Whatever else is found (another tag, an attribute that matters, a tag out of place) is left to the
parser: the answer is then None, never a guess. The tests hold both ways to the same text.
"""

from __future__ import annotations

import re
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
SPANS_ONLY = re.compile(rf"[^<]*+(?:<(a|b|em|i|kbd|strong|sub){ATTRIBUTES}>[^<]*+</\1>[^<]*+)*+")
SPAN_TAG = re.compile(rf"</?+(?:a|b|em|i|kbd|strong|sub){ATTRIBUTES}>")
RARE_ENTITY = re.compile("&(?:NewLine;|#(?!(?:3[2-9]|[4-9][0-9]|1[6-9][0-9]|[2-9][0-9]{2}|[1-9][0-9]{3});))")
"""Control characters, and (with others) those that browsers keep and Python's `unescape` drops."""

MOST_OPEN = 16
PAGE = ""
LISTS = ("ul", "ol")
SPANS = frozenset({"a", "b", "em", "i", "kbd", "strong", "sub"})
CODE_OR_STRUCK = frozenset({"code", "del", "s", "strike"})


def to_blocks(source: str) -> Blocks | None:
    """The blocks of a post, or None where it needs a parser. `source` has no control character but tab and "\\n"."""
    if RARE_ENTITY.search(source):
        return None
    blocks = Blocks()
    return blocks if read(source, blocks) else None


def read(source: str, blocks: Blocks) -> bool:
    """Put all blocks of a post, and the text between them, in place. False at the first thing out of place."""
    opened = [PAGE]
    before, *parts = BLOCK.split(source)
    if before and not put_leaf("", before, blocks):
        return False
    groups = iter(parts)
    for leaf, inner, tag, after in zip(groups, groups, groups, groups, strict=True):
        parent = opened[-1]
        if leaf == "p":
            if parent in LISTS or (parent == "li" and not blocks.loosen()):
                return False
            text = line_text(inner)
            if text is None:
                return False
            blocks.paragraph(text)
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
        if after and not put_leaf("", after, blocks):
            return False
    return opened == [PAGE]


def begin(tag: str, blocks: Blocks) -> str:
    """Open a list, an item or a quotation. Returns the name that its end must have."""
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
    """Set an item, code or a paragraph. False if what is in it needs the parser."""
    text = code_text(inner) if name == "pre" else line_text(inner)
    if text is None:
        return False
    if name == "pre":
        blocks.code(text)
    elif name == "li":
        blocks.item(text)
    else:
        blocks.paragraph(text)
    return True


def line_text(source: str) -> str | None:
    """The text of a line, "\n" for a break. None if there is a tag in it that is not known, or out of place."""
    source = source.replace("\n", " ")
    if "<" not in source:
        return unescape(source) if "&" in source else source
    if SPANS_ONLY.fullmatch(source):
        flat = SPAN_TAG.sub("", source)
        if "&" not in flat:  # else: an entity ends at a tag, each piece is decoded on its own
            return flat
    return resolve(source)


def resolve(source: str) -> str | None:
    """The same, tag by tag."""
    first, *parts = TAG.split(source)
    if source.count("<") * 2 != len(parts):
        return None
    written = [unescape(first)] if first else []
    opened: list[str] = []
    raised: int | None = None  # where in `written` an exponent begins
    groups = iter(parts)
    tags = zip(groups, groups, strict=True)
    for name, after in tags:
        if name in SPANS:
            if len(opened) == MOST_OPEN or (name == "a" and "/a" in opened):
                return None
            opened.append(f"/{name}")
        elif name in opened:
            if raised is not None and name != opened[-1]:
                return None
            opened.remove(name)  # to end them in another order changes no text
            if name == "/sup":
                before = written[raised - 1] if raised else ""
                exponent = superscript("".join(written[raised:]), before)
                written[raised:] = [exponent] if exponent else []
                raised = None
        elif raised is not None:
            return None
        elif name == "sup":
            opened.append("/sup")
            raised = len(written)
        elif name == "br":
            written.append("\n")
        elif name != "img":
            inner = after
            end, after = next(tags, ("", ""))
            if end != f"/{name}" or name not in CODE_OR_STRUCK:
                return None
            text = code_span(" ".join(unescape(inner).split())) if name == "code" else ""
            if text:
                written.append(text)
        if after:
            written.append(unescape(after))
    return None if opened else "".join(written)


def code_text(inner: str) -> str | None:
    """The code in a <pre>, with or without <code>; None if there are other tags in it."""
    inner = inner.removeprefix("\n")
    if "<" not in inner:
        return unescape(inner)
    first, *parts = TAG.split(inner)
    if inner.count("<") != 2 or parts[::2] != ["code", "/code"]:
        return None
    return "".join(map(unescape, (first, *parts[1::2])))
