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
SPANS = ("a", "b", "em", "i", "kbd", "strong", "sub")


def spans(within: str) -> str:
    """Each span from its name to its end. No group holds the name: in possessive repeats `re` gets groups wrong."""
    return "|".join(rf"{name}{ATTRIBUTES}>[^<]*+{within}</{name}" for name in SPANS)


INNER = rf"(?:<(?:{spans('')}|img{ATTRIBUTES})>[^<]*+)*+"
PLAIN = rf"[^<]*+(?:<(?:{spans(INNER)}|code>[^<]*+</code|img{ATTRIBUTES})>[^<]*+)*+"
"""A line with no tags but those that only have to be taken out, and those of code."""
BLOCK = re.compile(
    # one without others in it, and what it holds: a plain line or anything else ...
    rf"<(?:(p|li|h[1-6]|pre){ATTRIBUTES}>(?:({PLAIN})</\1|([^<]*+(?:<(?!/?+(?:[hlopu]|bl))[^<]*+)*+)</\1)|"
    # ... or the beginning or the end of one
    rf'(/?+(?:li|ul|ol|blockquote)|hr|ol start="[0-9]{{1,6}}"){ATTRIBUTES})>[ \n\t]*+'
)
TAG = re.compile(rf"<(/?+[a-z]++){ATTRIBUTES}>")
SPAN_TAG = re.compile(rf"</?+(?:{'|'.join(SPANS)}|img){ATTRIBUTES}>")
PLAIN_CODE = re.compile(r"<code>(?!\s)([^<`]++)(?<!\s)</code>")
CODE_BLOCK = re.compile(rf"\n?+([^<]*+)(?:<code{ATTRIBUTES}>([^<]*+)</code>([^<]*+))?+")
BARE = re.compile("<(?![a-zA-Z/!?])")
"""A "<" that begins no tag, to a browser: it is text. Stack Exchange itself always writes "&lt;"."""
RARE_ENTITY = re.compile("&(?:NewLine;|#(?!(?:3[2-9]|[4-9][0-9]|1[6-9][0-9]|[2-9][0-9]{2}|[1-9][0-9]{3});))")
"""Control characters, and (with others) those that browsers keep and Python's `unescape` drops."""

MOST_OPEN = 16
PAGE = ""
LISTS = ("ul", "ol")
CODE_OR_STRUCK = frozenset({"code", "del", "s", "strike"})


def to_blocks(source: str) -> Blocks | None:
    """The blocks of a post, or None where it needs a parser. `source` has no control character but tab and "\n"."""
    if "&" in source and RARE_ENTITY.search(source):
        return None
    blocks = Blocks()
    if read(source, blocks):
        return blocks
    escaped = BARE.sub("&lt;", source)
    return to_blocks(escaped) if escaped != source else None


def read(source: str, blocks: Blocks) -> bool:
    """Put all blocks of a post, and the text between them, in place. False at the first thing out of place."""
    opened = [PAGE]
    before, *parts = BLOCK.split(source)
    if before and not put_leaf("", before, blocks):
        return False
    groups = iter(parts)
    for leaf, plain, other, tag, after in zip(groups, groups, groups, groups, groups, strict=True):
        if leaf:
            if (leaf == "li" or opened[-1]) and not belongs(leaf, opened[-1], blocks):
                return False
            done = other is None and put_plain(leaf, plain, blocks)
            if not done and not put_leaf(leaf, other or plain, blocks):
                return False
        elif tag[0] == "/":
            if opened.pop() != tag[1:]:
                return False
            blocks.close()
        elif tag != "hr":
            parent = opened[-1]
            if (tag == "li" and parent not in LISTS) or (tag == "blockquote" and parent in LISTS):
                return False
            opened.append(begin(tag, blocks))
        if after and not put_leaf("", after, blocks):
            return False
    return opened == [PAGE]


def belongs(leaf: str, parent: str, blocks: Blocks) -> bool:
    """Whether a leaf may stand in what is open. A paragraph in an item makes the list a loose one, if it still can."""
    if (leaf == "li") != (parent in LISTS):
        return False
    return leaf != "p" or parent != "li" or blocks.loosen()


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


def put_plain(name: str, words: str, blocks: Blocks) -> bool:
    """Set an item or a paragraph that is a plain line. False if it is more than that, or code."""
    if name == "pre":
        return False
    if "<" in words:
        if "&" in words:  # an entity ends at a tag: each piece is decoded on its own
            return False
        words = SPAN_TAG.sub("", words)
        if "<" in words:
            words = "`".join(PLAIN_CODE.split(words))
            if "<" in words:
                return False
    if "&" in words:
        words = unescape(words)
    words = words.replace("\n", " ")
    if name == "li":
        blocks.item(words)
    else:
        blocks.paragraph(words)
    return True


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
    return resolve(source) if "<" in source else unescape(source)


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
    found = CODE_BLOCK.fullmatch(inner)
    return found and "".join(map(unescape, found.groups("")))
