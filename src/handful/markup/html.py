"""HTML to the text that a model is to read: Section 2.1, "remove links, images and other tags, keep code and lists".

What stays: paragraphs (one blank line between them), code blocks (fenced, verbatim), inline code (in backticks),
ordered and unordered lists (nested, numbered as in the source), quotations ("> "), the cells of tables (" | " between
them), headings as a plain line. Links become their text. What goes: images and figures with their captions,
scripts, rules, what the author struck out, and all other tags. Superscripts that are exponents become "^2", those
that are the number of a note "[1]".

Nothing is escaped: "&lt;b&gt;" becomes "<b>". This is for training text; it does not make anything safe to
show in a browser.
"""

from __future__ import annotations

import html
import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from handful.markup import wellformed
from handful.markup.blocks import Blocks
from handful.markup.line import code_span, one_line, superscript, without_control

TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")

CLOSES_PROSE = re.compile(r"</(?:p|a|li|ul|ol|em|strong|blockquote|h[1-6])>")
BEGINS_WITH_TAG = re.compile(r"\s*<(?:[a-zA-Z][a-zA-Z0-9]*[\s/>]|!--)")

CODE = frozenset({"code", "samp", "tt"})
QUOTED_CODE = frozenset({"pre", "xmp", "listing", "plaintext"})
LISTS = frozenset({"ul", "ol", "menu", "dir"})

HOLDERS = LISTS | {"li", "blockquote"}


def names(words: str) -> frozenset[str]:
    return frozenset(words.split())


BLOCK = names(
    "address article aside caption center dd details dialog div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 "
    "header hgroup hr legend main nav p search section summary table tbody tfoot thead"
)
DROPPED = names(
    "area audio button canvas datalist del embed figure head iframe img input map math meter noembed noframes "
    "object picture progress s script select source strike style svg template textarea title track video"
)
VOID = names("area base br col embed hr img input link meta source track wbr")
CLOSED_BY_THE_NEXT = names("p li dt dd td th tr option")

TANGLE_LIMIT = 2_000_000


def to_text(source: str) -> str:
    """The text of an HTML fragment, as Section 2.1 wants it. Never raises, whatever the markup.

    Text without "<" and "&" comes back as it is, but for control characters and blanks at the ends of lines. Of what
    may be text already (the code in it may hold both), `post_to_text` is the one to call.
    """
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    source = without_control(source)
    if "<" not in source and "&" not in source:
        return tidy(source)
    blocks = wellformed.to_blocks(source)
    if blocks is None:
        if is_tangled(source):
            return without_tags(source)
        blocks = Blocks()
        walk(LexborHTMLParser(source, is_fragment=True).root, blocks)
    return blocks.text()


def post_to_text(body: str) -> str:
    """The text of a rendered post; of what is text already, nothing is changed but control characters.

    A rendered post begins with a tag, always; prose does not. So to clean what is clean changes nothing, although
    the code in it may hold "<b>" or "&amp;". What begins as prose and yet closes a paragraph, a link or a list, outside
    code, is HTML, too. Use `to_text` for HTML of any other kind.
    """
    if BEGINS_WITH_TAG.match(body) or ("`" not in body and CLOSES_PROSE.search(body)):
        return to_text(body)
    return without_control(body)


def to_line(title: str) -> str:
    """A title on one line. The dump has titles as text, not HTML: only entities are decoded, no tag is removed."""
    decoded = ENTITY.sub(lambda entity: html.unescape(entity[0]), title)
    return one_line(without_control(decoded))


def walk(root: LexborNode | None, blocks: Blocks) -> None:
    """Put a tree into `blocks`, in the order of the text. On a stack of its own: trees are deeper than Python's."""
    stack: list[LexborNode | str] = [] if root is None else [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            leave(node, blocks)
            continue
        if node.next is not None:
            stack.append(node.next)
        tag = node.tag or ""
        if tag == "-text":
            blocks.write(without_control(node.text_content or "").replace("\n", " "))
        elif tag in DROPPED:
            continue
        elif tag == "br":
            blocks.write("\n")
        elif tag in QUOTED_CODE:
            blocks.code(raw_text(node))
        elif tag in CODE:
            blocks.write(code_span(" ".join(raw_text(node).split())))
        elif tag == "sup":
            blocks.write(superscript(raw_text(node).replace("\n", " "), blocks.written()))
        elif node.first_child is not None or tag in BLOCK or tag in HOLDERS:
            enter(tag, node, blocks)
            stack.append(tag)
            if node.first_child is not None:
                stack.append(node.first_child)


def enter(tag: str, node: LexborNode, blocks: Blocks) -> None:
    if tag in LISTS:
        blocks.open_list(first_number(node) if tag == "ol" else None, loose=has_paragraphs(node))
    elif tag == "li":
        blocks.open_item(whole_number(node.attributes.get("value")))
    elif tag == "blockquote":
        blocks.open_quote()
    elif tag in ("td", "th"):
        blocks.next_cell()
    elif tag in BLOCK or tag == "tr":
        blocks.end_paragraph()


def leave(tag: str, blocks: Blocks) -> None:
    if tag in HOLDERS:
        blocks.close()
    elif tag == "tr":
        blocks.end_paragraph("row")
    elif tag in BLOCK:
        blocks.end_paragraph()


def raw_text(node: LexborNode) -> str:
    """The text below a node as it stands, line breaks and blanks included, but what is dropped everywhere."""
    parts: list[str] = []
    stack = [node.first_child] if node.first_child is not None else []
    while stack:
        inner = stack.pop()
        if inner.next is not None:
            stack.append(inner.next)
        if inner.tag == "-text":
            parts.append(without_control(inner.text_content or ""))
        elif inner.tag == "br":
            parts.append("\n")
        elif inner.first_child is not None and inner.tag not in DROPPED:
            stack.append(inner.first_child)
    return "".join(parts)


def first_number(node: LexborNode) -> int:
    """The number that an ordered list starts with."""
    number = whole_number(node.attributes.get("start"))
    return 1 if number is None else number


def whole_number(value: str | None) -> int | None:
    """A number of at most six digits, or None."""
    return int(value) if value and re.fullmatch(r"-?[0-9]{1,6}", value.strip()) else None


def has_paragraphs(node: LexborNode) -> bool:
    """Whether the author set the items of a list apart: Markdown then makes each a paragraph."""
    item = node.first_child
    while item is not None:
        inner = item.first_child if item.tag == "li" else None
        while inner is not None:
            if inner.tag == "p":
                return True
            inner = inner.next
        item = item.next
    return False


def tidy(text: str) -> str:
    """Text without blanks at the ends of its lines, or lines without text at its ends."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def is_tangled(source: str) -> bool:
    """Whether so many tags are open at once that a parser's work, and its tree, would grow without bound.

    An HTML parser looks through all open elements at a tag, and opens formatting elements anew in each paragraph. No
    post comes near the limit; a million characters of "<div>" would take two minutes.
    """
    if source.count("<") ** 2 <= TANGLE_LIMIT:
        return False
    tags = depth = deepest = 0
    for closing, name in TAG.findall(source):
        tags += 1
        name = name.lower()
        if name in VOID or name in CLOSED_BY_THE_NEXT:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        deepest = max(deepest, depth)
    return deepest * tags > TANGLE_LIMIT


def without_tags(source: str) -> str:
    """The words of markup that no parser should be given: tags cut out, entities decoded, no structure kept."""
    text = html.unescape(re.sub(r"<[a-zA-Z/!?][^<>]*>", "\n", source))
    return tidy(re.sub(r"\n\s*\n", "\n\n", without_control(text)))
