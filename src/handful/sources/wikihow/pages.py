"""A wikiHow page (HTML) to an article: introduction, methods or parts, steps; and what the page says of itself.

The site changed its markup many times; what held from 2010 to today is used: an `h1`, an introduction before the first
step, `div.step` in lists, `h2` for sections and `h3` for methods. A page without `div.step` is read by the list below
its "Steps" heading, or by its JSON-LD "HowTo". Only the part of the page from its `h1` to the last list that is wanted
is parsed, since two thirds of a page are scripts, questions and links.

What goes, whatever the recipe says: scripts, images, videos, advertisements, references and their marks, bylines,
tables of contents, questions and answers, quizzes, polls, the names of experts, related articles, ratings. Links become
their text.
"""

from __future__ import annotations

import html
import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from handful.markup.blocks import Blocks, Container
from handful.markup.html import is_tangled, walk
from handful.markup.line import one_line, without_control
from handful.sources.wikihow.article import Article, add
from handful.sources.wikihow.head import address, category_of, license_of, read_json_ld
from handful.sources.wikihow.rows import UTF_16, without_controls
from handful.sources.wikihow.titles import plain_title

OTHERS = {
    "ingredients": "ingredients",
    "tips": "tips",
    "warnings": "warnings",
    "things you'll need": "things",
    "things you need": "things",
}
"""Headings (`h2`) of the sections that a recipe may keep -> their kind."""

AFTER_ALL = rb'relatedwikihows|sourcesandcitations|id="(?:aboutthisarticle"|article_rating|related-wikihows")'
AFTER_STEPS = re.compile(rb'id="(?:qa"|Community_Q)|class="qa section|' + AFTER_ALL)
AFTER_LISTS = re.compile(AFTER_ALL)
"""What begins behind the steps, and behind the last of the lists that a recipe may keep."""


def by_name(selectors: str) -> dict[str, str]:
    """A class or an id -> its selector."""
    return {selector.replace("#", ".").rpartition(".")[2]: selector for selector in selectors.split()}


JUNK = by_name(
    """
    sup.reference .mwimg .altblock .method_label .method_num .step_num .stepanchor .editsection .mw-editsection
    .edit_section .wh_ad_inner .wh_ad .ad_label .al_method #byline_info #byline_hover .article_byline .byline
    #coauthor_byline #info_link #originators #method_toc #toc .method_toc_item .qz_container .qz_question
    .reader_poll .userpoll .green_box_person_container .green_box_person .green_box_person_info
    .green_box_tab_label .green_box_expert_info .green_box_cta .expert_interview .whvid_cont .embedvideo
    .m-video .image_details .wh_vote_container .tip_thumbs .addTipElement .collapse_link .summarysection
    .mw-ui-icon .image_source .thumbcaption .rounders .template_top .pdf_link .ts_popup
    """
)
"""What stands within an introduction, a heading, a step or a list, and is none of their text."""

CLASS = re.compile(rb"class=[\"']([^\"']{1,200})")

CUT = re.compile(
    rb"<(?:script\b[^<]*+(?:<(?!/script>)[^<]*+)*+</script>"
    rb"|style\b[^<]*+</style>"
    rb'|sup id="_ref[^<]*+(?:<(?!/sup>)[^<]*+)*+</sup>)'
)
"""Elements that are cut from the bytes, which is faster than to parse and pass over them."""
JUNK_DIV = re.compile(
    rb'<div (?:class="(?:mwimg|wh_ad_inner)\b|id="byline_hover"|(?:role="navigation" )?id="method_toc")'
)
FRACTION_SLASH = "\u2044".encode()
FRACTION = re.compile(r"<sup>(\d+)</sup>(?:\u2044|&frasl;|/)<sub>(\d+)</sub>")
WHOLE_NUMBER = re.compile(r"\d(?:<span[^<>]*>)?$")
SPAN = re.compile(r'</?(?:a|b|em|i|span|strong)(?: [^<>"]*(?:"[^<>"]*"[^<>"]*)*)?>')
ITEMS = re.compile(r"\s*+(?:<li>[^<]*+</li>\s*+)*+</ul>\s*+")
ITEM = re.compile(r"<li>([^<]*)")
CHARSET = re.compile(rb"<meta\b[^>]{0,100}?charset=[\"']?([\w-]{3,20})", re.IGNORECASE)
TITLE = re.compile(rb"<title\b[^>]*>([^<]*)</title>", re.IGNORECASE)
PART_OF = re.compile(r"^\s*(?:method|part|section|way)\s*\d+(?:\s+of\s+\d+)?\s*:?\s*", re.IGNORECASE)


def read_page(raw: bytes, where: str, keep: tuple[str, ...]) -> tuple[Article, int]:
    """The article of a page, with no steps where it has none, and how many characters could not be read.

    Args:
        keep: the kinds of sections to keep beside the steps.
    """
    raw = as_utf8(raw)
    body = max(raw.find(b"<body"), 0)
    article = Article("", where, url=address(raw), license=license_of(raw), category=category_of(raw, body))
    source = without_controls(without_junk(CUT.sub(b"", wanted(raw, body, keep))))
    text = source.decode("utf-8", "replace")
    unreadable = text.count("\ufffd")
    if unreadable or FRACTION_SLASH in source or b"&frasl;" in source:
        text = FRACTION.sub(plain_fraction, text)
        source = text.encode()
    if not is_tangled(text):
        read_body(LexborHTMLParser(source), article, keep, junk_in(source))
    if not article.steps():
        read_json_ld(raw, article)
    if not article.title and (found := TITLE.search(raw)):
        article.title = html.unescape(found[1].decode("utf-8", "replace"))
    article.title = plain_title(article.title)
    return article, unreadable


def plain_fraction(found: re.Match[str]) -> str:
    """ "1/2", and "1 1/2" where a whole number stands before it."""
    before = found.string[max(0, found.start() - 80) : found.start()]
    return f"{' ' if WHOLE_NUMBER.search(before) else ''}{found[1]}/{found[2]}"


def as_utf8(raw: bytes) -> bytes:
    """A page's bytes as UTF-8, whatever it says it is in; those that are not, are replaced (U+FFFD)."""
    encoding = "utf-8"
    if raw.startswith(UTF_16):
        encoding = "utf-16"
    elif (found := CHARSET.search(raw, 0, 2048)) is not None:
        encoding = found[1].decode().lower()
    if encoding in ("utf-8", "utf8"):
        return raw
    try:
        return raw.decode(encoding, "replace").encode("utf-8", "replace")
    except LookupError:
        return raw


def without_junk(source: bytes) -> bytes:
    """`source` without images and advertisements, most of what is left: each from its <div> to where that ends.

    From one on that does not end before the next step or heading, all is left to the parser.
    """
    kept, end = [], 0
    while found := JUNK_DIV.search(source, end):
        start = found.start()
        after = end_of_div(source, start)
        if (
            after < 0
            or source.find(b'class="step"', start, after) > 0
            or source.find(b"<h", start, after) > 0
        ):
            break
        kept.append(source[end:start])
        end = after
    return b"".join(kept) + source[end:]


def end_of_div(source: bytes, start: int) -> int:
    """Where the <div> that begins at `start`, and all within it, are closed; -1 where they never are."""
    depth = 0
    while (end := source.find(b"</div>", start)) >= 0:
        depth += source.count(b"<div", start, end) - 1
        start = end + len(b"</div>")
        if depth <= 0:
            return start
    return -1


def wanted(raw: bytes, body: int, keep: tuple[str, ...]) -> bytes:
    """The part of a page that holds the article: from its h1 to the end of the last list that is wanted."""
    start = raw.find(b"<h1", body)
    while start >= 0 and raw.rfind(b"<script", 0, start) > raw.rfind(b"</script", 0, start):
        start = raw.find(b"<h1", start + 1)
    if start < 0:
        start = body
    last = raw.rfind(b'class="step"', start)
    if last < 0:
        last = raw.rfind(b"class='step'", start)
    if last < 0:
        return raw[start:]
    after = AFTER_LISTS if set(keep) - {"ingredients"} else AFTER_STEPS
    end = after.search(raw, last)
    return raw[start : end.start()] if end else raw[start:]


def junk_in(source: bytes) -> list[str]:
    """The selectors of junk that this page has: each that is looked for has its price."""
    classes = set(b" ".join(set(CLASS.findall(source))).decode("utf-8", "replace").split())
    return [junk for name, junk in JUNK.items() if junk[0] == "#" or name in classes]


def read_body(tree: LexborHTMLParser, article: Article, keep: tuple[str, ...], junk: list[str]) -> None:
    """Fill title, introduction and sections from the tree, in the order of the page.

    Args:
        junk: selectors of what goes.
    """
    for node in tree.css(",".join(junk)) if junk else ():
        node.decompose()
    region, heading, intro = "intro", "", list[str]()
    loose = not tree.css_first("div.step")
    for node in tree.css("h1,h2,h3,h4,p,div.step" + (",li" if loose or keep else "")):
        tag = node.tag
        if tag == "h1":
            article.title = article.title or line_of(node)
        elif tag == "h2":
            region, heading = region_of(line_of(node)), ""
        elif tag in ("h3", "h4"):
            heading = PART_OF.sub("", line_of(node))
        elif tag == "p":
            if region == "intro" and (text := prose_of(node)):
                intro.append(text)
        elif tag == "div" or (tag == "li" and loose and region == "steps" and is_outer_item(node)):
            region = "steps"
            add(article.sections, "steps", heading, prose_of(node))
        elif region in keep and is_outer_item(node):
            add(article.sections, region, heading, prose_of(node))
    article.intro = "\n\n".join(intro)


def region_of(title: str) -> str:
    name = title.lower().replace("\u2019", "'").strip(" :")
    return OTHERS.get(name, "steps" if name in ("steps", "step", "methods", "method") else "other")


def is_outer_item(node: LexborNode) -> bool:
    """Whether a list's item is not itself within another item."""
    above = node.parent.parent if node.parent is not None else None
    return above is None or above.tag != "li"


def line_of(node: LexborNode) -> str:
    inner = node.css_first(".mw-headline")
    return " ".join(((inner or node).text() or "").split())


def prose_of(node: LexborNode) -> str:
    """A step's text: its paragraph, and its bullets right below it."""
    text = plain_prose(node.inner_html or "")
    if text is not None:
        return text
    blocks = Blocks()
    blocks.open(Container("item", "", "", loose=False))
    walk(node.first_child, blocks)
    blocks.close()
    return blocks.text()


def plain_prose(markup: str) -> str | None:
    """The same of a paragraph with at most a plain list below it, as nearly all are; None of any other."""
    own, listed, bullets = SPAN.sub("", without_control(markup)).partition("<ul>")
    if "<" in own or (listed and not ITEMS.fullmatch(bullets)):
        return None
    text = "\0".join([own, *ITEM.findall(bullets)])
    if "|" in text:
        return None  # it may be a cell of a table
    first, *others = map(one_line, html.unescape(text).replace("\n", " ").split("\0"))
    return "\n".join(filter(None, [first, *(f"- {line}" for line in others if line)]))
