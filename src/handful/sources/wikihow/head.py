"""What a wikiHow page says of itself: address, licence, categories, language; and its JSON-LD "HowTo".

Read from the bytes, by looking for the few words that mark each: no need to parse a page for them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from handful.markup.html import to_text
from handful.sources.wikihow.article import Article, Section, add
from handful.sources.wikihow.categories import top_of

ADDRESS = re.compile(rb"(?:href|content)=[\"'](https?://[^\"'\s>]{1,500})", re.IGNORECASE)
LANGUAGE = re.compile(rb"<html\b[^>]{0,300}?\blang=[\"']?([a-zA-Z]{2})", re.IGNORECASE)
LICENSE = re.compile(rb"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa)?)/(\d\.\d)")
LINK_TEXT = re.compile(rb"<a\b[^>]*>\s*(?:<span\b[^>]*>)?([^<]+)<", re.IGNORECASE)
LIST_END = re.compile(rb"</(?:ul|ol|div|nav)>")
JSON_LD = re.compile(rb"<script\b[^>]*application/ld\+json[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def address(raw: bytes) -> str:
    """Where the page says it is published."""
    for mark in (b"canonical", b"og:url"):
        place = raw.find(mark)
        if place >= 0:
            tag = raw[max(0, raw.rfind(b"<", 0, place)) : max(place, raw.find(b">", place))]
            if found := ADDRESS.search(tag):
                return html.unescape(found[1].decode("utf-8", "replace"))
    return ""


def license_of(raw: bytes) -> str:
    """The licence that the page names for its text, as "CC BY-NC-SA 3.0"; "" where it names none."""
    place = raw.find(b"creativecommons.org/licenses/")
    found = LICENSE.match(raw, place) if place >= 0 else None
    return f"CC {found[1].decode().upper()} {found[2].decode()}" if found else ""


def category_of(raw: bytes, body: int) -> str:
    """The top category: of the breadcrumb in the body or, where that has none, of those that a script lists."""
    names = []
    for mark in (b'id="breadcrumb', b"id='breadcrumb", b'class="breadcrumb'):
        place = raw.find(mark, body)
        if place >= 0:
            ending = LIST_END.search(raw, place)
            links = LINK_TEXT.findall(raw, place, ending.start() if ending else place)
            names = [html.unescape(name.decode("utf-8", "replace")).strip() for name in links]
            break
    if top := top_of(names):
        return top
    place = raw.find(b'"wgCategories":')
    start, end = raw.find(b"[", place), raw.find(b"]", place)
    if min(place, start, end) < 0:
        return ""
    try:
        return top_of(list(reversed(msgspec.json.decode(raw[start : end + 1], type=list[str]))))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def language_of(raw: bytes) -> str:
    """The page's language in two letters, or "" where it does not say."""
    found = LANGUAGE.search(raw, 0, 4096)
    return found[1].decode().lower() if found else ""


def read_json_ld(raw: bytes, article: Article) -> None:
    """Steps from the page's own description of itself (schema.org HowTo), where its markup shows none."""
    for found in JSON_LD.finditer(raw):
        try:
            data = msgspec.json.decode(found[1])
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        for entry in entries(data):
            if entry.get("@type") == "HowTo":
                article.title = article.title or plain(entry.get("name"))
                article.intro = article.intro or plain(entry.get("description"))
                article.sections = sections_of(entry.get("step"))
                return


def entries(data: Any) -> Iterator[dict[str, Any]]:
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict):
            yield entry
            yield from (inner for inner in entry.get("@graph", ()) if isinstance(inner, dict))


def sections_of(steps: Any) -> list[Section]:
    sections: list[Section] = []
    for step in steps if isinstance(steps, list) else [steps]:
        if not isinstance(step, dict):
            continue
        inner = step.get("itemListElement")
        if step.get("@type") == "HowToSection" and isinstance(inner, list):
            for one in inner:
                add(sections, "steps", plain(step.get("name")), step_in(one))
        else:
            add(sections, "steps", "", step_in(step))
    return sections


def step_in(step: Any) -> str:
    """The text of a HowToStep: its own, or that of its directions."""
    if not isinstance(step, dict):
        return plain(step)
    inner = step.get("itemListElement")
    parts = (
        [plain(one.get("text")) for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
    )
    return plain(step.get("text")) or " ".join(filter(None, parts))


def plain(text: Any) -> str:
    return " ".join(to_text(text).split()) if isinstance(text, str) else ""
