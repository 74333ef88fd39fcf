"""Pieces of articles (a step, a method) put together, though those of one article may stand far apart.

A small file is read once and held. A large one is read twice: first to count the pieces of each title, then to hand
out each article when its last piece has come, so that memory holds only what is under way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from handful.sources.wikihow.article import Article

HELD_WHOLE = 64 << 20
"""Bytes of a file that is read once."""

LIKE_ANOTHER = 40
"""Characters of a step from which on a second one like it means that the file holds the article twice."""

ANOTHER_NUMBER = re.compile(r"(?<!\d)(?:[12]|\d{3})$")
"""What may be the beginning of a number itself: of "iOS 11" and "Excel 2011"."""

WORD_BEFORE = re.compile(r"[a-z\u2019']{4,}$")

T = TypeVar("T")


def split_number(title: str, titles: Counter[str]) -> tuple[str, int]:
    """A title without the number of its method, and that number; or the title as it is, and 0.

    "How to Be an Organized Artist1" has one, "How to Install iOS 61" has one where "How to Install iOS 62" stands in
    the file, too; "How to Use Windows 7" has none: the number of a method follows without a blank. "iOS 11" is left as
    it is.
    """
    for digits in (1, 2):
        base, number = title[:-digits], title[-digits:]
        if number.isdecimal() and number[0] != "0" and base and not base[-1].isspace():
            siblings = f"{base}1" in titles and f"{base}2" in titles
            if siblings and not ANOTHER_NUMBER.search(base):
                return base, int(number)
            if WORD_BEFORE.search(base):
                return base, int(number)
    return title, 0


def whole_articles(
    read: Callable[[], Iterable[tuple[str, T]]],
    read_titles: Callable[[], Iterable[str]],
    build: Callable[[str, list[tuple[int, T]]], Article],
    bytes_of_file: int,
    numbered: bool,
) -> Iterator[Article]:
    """Articles, each when the last of its pieces has come.

    Args:
        read: reads (title, piece) from the beginning of the file, at each call; `read_titles` the titles alone.
        build: makes an article of its title and its pieces (number of the method or 0, piece).
        numbered: whether titles may end in the number of a method.
    """
    held = list(read()) if bytes_of_file <= HELD_WHOLE else None
    titles = Counter(read_titles() if held is None else (title for title, _ in held))
    names: dict[str, tuple[str, int]] = {}
    if numbered:
        names = {title: split_number(title, titles) for title in titles if title[-1:].isdecimal()}
    left = Counter[str]()
    for title, count in titles.items():
        left[names[title][0] if title in names else title] += count
    begun: dict[str, list[tuple[int, T]]] = {}
    for title, piece in read() if held is None else held:
        number = 0
        if title in names:
            title, number = names[title]
        begun.setdefault(title, []).append((number, piece))
        left[title] -= 1
        if not left[title]:
            yield build(title, begun.pop(title))


def joined(pieces: list[tuple[int, Article]]) -> Article:
    """One article of several with the same title: methods in their order, a step that stands there twice only once."""
    pieces.sort(key=lambda piece: piece[0])
    article = pieces[0][1]
    if len(pieces) == 1:
        return article
    seen = {step for section in article.sections for step in section.steps}
    for number, piece in pieces[1:]:
        article.intro = article.intro or piece.intro
        article.category = article.category or piece.category
        article.url = article.url or piece.url
        for section in piece.sections:
            new = [step for step in section.steps if step not in seen or len(step) < LIKE_ANOTHER]
            article.repeated += len(section.steps) - len(new)
            seen.update(new)
            section.steps = new
            last = article.sections[-1] if article.sections else None
            if last is not None and last.heading == section.heading and not number:
                last.steps += new
            elif new:
                article.sections.append(section)
    if pieces[-1][0]:
        for number, section in enumerate(article.sections, start=1):
            section.heading = section.heading or f"Method {number}"
    return article
