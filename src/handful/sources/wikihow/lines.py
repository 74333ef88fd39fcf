"""Articles from JSON: lines, or one list. A row is an article, or one of its methods.

    {"title": "…", "categories": ["Health", "…"], "summary": "…", "method": "Part 1 of 3: …", "steps": ["…", "…"]}
    {"title": "…", "category": "Health", "sections": [{"heading": "…", "steps": [{"headline": "…", "text": "…"}]}]}

Other keys are passed over. `intro` and `overview` are read as `summary` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from handful.core.types import Dropped
from handful.markup.line import without_control
from handful.sources.json_rows import BadRow, rows
from handful.sources.wikihow.article import Article, Section
from handful.sources.wikihow.categories import top_of
from handful.sources.wikihow.rows import CONTROLS, Text
from handful.sources.wikihow.tables import heading_of, steps_of
from handful.sources.wikihow.wording import clean_text

INTRO = ("summary", "intro", "introduction", "overview")
HEADING = ("heading", "method", "part", "section", "title", "name")
HEADLINE = ("headline", "heading", "title", "summary", "name")
BODY = ("text", "description", "paragraph", "body")


def read_lines(
    path: Path, text: Text, drop: Callable[[Dropped], None] = lambda record: None
) -> Iterator[tuple[str, Article]]:
    """Yield the title and the article of each row; a row that is none goes to `drop`.

    Raises:
        DataError: a list that cannot be read, or a file of which most lines are not JSON.
    """
    text.unreadable = 0
    for where, row in rows(path, lambda raw: decodable(raw, text)):
        try:
            if isinstance(row, BadRow):
                raise row
            article = article_of(where, row)
        except BadRow as error:
            drop(Dropped(where, "bad_row", f"{where}: {error}"))
        else:
            yield article.title, article


def decodable(raw: bytes, text: Text) -> bytes:
    """`raw` as UTF-8, without control characters; what was none is U+FFFD, and counted."""
    raw = raw.translate(None, CONTROLS)
    try:
        raw.decode()
    except UnicodeDecodeError:
        replaced = raw.decode(errors="replace")
        text.unreadable += replaced.count("\ufffd")
        return replaced.encode()
    return raw


def article_of(where: str, row: Any) -> Article:
    """Raises BadRow where the row is not an object with a title and steps."""
    if not isinstance(row, dict):
        raise BadRow("a row must be an object")
    title = row.get("title")
    if not isinstance(title, str) or not title.strip():
        raise BadRow(f"has no title, but {', '.join(map(str, row)) or 'nothing'}")
    parts = next(
        (row[name] for name in ("sections", "methods", "parts") if isinstance(row.get(name), list)), None
    )
    if parts is None:
        parts = [row]
    return Article(
        without_control(title),
        where,
        intro=clean_text(named(row, INTRO)),
        sections=[section_of(part, whole=part is row) for part in parts],
        category=top_of(categories_of(row)),
        url=named(row, ("url", "link")),
    )


def section_of(part: Any, whole: bool) -> Section:
    """Raises BadRow where it has no list of steps. A part that is the `whole` has no heading of its own."""
    steps = part.get("steps") if isinstance(part, dict) else None
    if not isinstance(steps, list):
        raise BadRow("has no steps, which must be a list")
    heading = named(part, tuple(name for name in HEADING if not (whole and name == "title")))
    pairs = [parted(step) for step in steps]
    texts = steps_of([headline for headline, _ in pairs], [text for _, text in pairs])
    return Section(heading_of(heading), [text for text in texts if text])


def parted(step: Any) -> tuple[str, str]:
    """A step's headline and text. Raises BadRow where it is neither text nor an object."""
    if isinstance(step, str):
        return "", without_control(step)
    if isinstance(step, dict):
        return named(step, HEADLINE), named(step, BODY)
    raise BadRow("a step must be text, or an object with a headline and text")


def named(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these keys that holds text, without the control characters that JSON may write as "\\u0000"."""
    texts = (row[name] for name in names if isinstance(row.get(name), str) and row[name].strip())
    return without_control(next(texts, ""))


def categories_of(row: Mapping[str, Any]) -> list[str]:
    found = row.get("categories", row.get("category"))
    names = found if isinstance(found, list) else [found]
    return [name for name in names if isinstance(name, str)]
