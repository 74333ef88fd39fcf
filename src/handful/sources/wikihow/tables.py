"""Articles from CSV: a row a step, as scraped; or the published wikihowAll.csv and wikihowSep.csv.

Koupaee and Wang (2018) publish two files. `wikihowSep.csv` has a row a step: overview, headline, text, sectionLabel,
title. `wikihowAll.csv` has a row a method: headline (all headlines, a line each), title, text (all texts). Their
quirks, all met here: headlines end in ".,", texts are joined by a line that begins with a comma and the first ends in
";", the bullets of a step stand below an empty line, an article of several methods has the number of the method
behind its title ("How to Be an Organized Artist1"), and the methods of one article do not stand together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from handful.core.beginnings import ENOUGH, foreign
from handful.core.errors import DataError
from handful.sources.wikihow.article import Article, Section
from handful.sources.wikihow.assemble import LIKE_ANOTHER, joined
from handful.sources.wikihow.categories import top_of
from handful.sources.wikihow.rows import Text, header_of, read_rows
from handful.sources.wikihow.wording import clean_text, clean_texts

COLUMNS = {
    "title": "title",
    "headline": "headline",
    "heading": "headline",
    "step": "headline",
    "text": "text",
    "paragraph": "text",
    "description": "text",
    "overview": "intro",
    "intro": "intro",
    "introduction": "intro",
    "summary": "intro",
    "sectionlabel": "section",
    "section": "section",
    "method": "section",
    "part": "section",
    "category": "category",
    "categories": "category",
    "url": "url",
    "link": "url",
}
"""Names of columns, in small letters without "_" and blanks -> what they hold."""

WITHOUT_HEADER = ("title", "headline", "text")
TITLE = re.compile(r"\b(?:how|ways|wikihow)\b", re.IGNORECASE)
JOINT = re.compile(r";?\s*\n\s*,\s*")
BLANK_LINE = re.compile(r"\n\s*\n")
METHOD_OF = re.compile(r"\s*(?:method|part|section|way)\s+\d+\s+of\s+\d+\s*:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what."""

    columns: Mapping[str, int]
    width: int
    header: bool = True

    @property
    def row_is_a_method(self) -> bool:
        """As in wikihowAll.csv: nothing but these three."""
        return (
            self.header
            and set(self.columns) == {"headline", "title", "text"}
            and self.columns["headline"] == 0
        )

    @property
    def titles_are_numbered(self) -> bool:
        """As in both files of Koupaee and Wang."""
        return self.row_is_a_method or set(self.columns) == {"intro", "headline", "text", "section", "title"}


def layout_of(path: Path) -> Layout:
    """Raises DataError where the columns hold no title, or nothing of the steps; says what is there."""
    header = header_of(path)
    if not header:
        raise DataError(f"{path}: is empty")
    columns: dict[str, int] = {}
    for number, name in enumerate(header):
        if held := COLUMNS.get(re.sub(r"[\s_]+", "", name.lower())):
            columns.setdefault(held, number)
    if "title" in columns and ("headline" in columns or "text" in columns):
        return Layout(columns, len(header))
    if len(header) == len(WITHOUT_HEADER) and TITLE.search(header[0]):
        return Layout({name: number for number, name in enumerate(WITHOUT_HEADER)}, len(header), header=False)
    with path.open("rb") as file:
        if words := foreign(file.read(ENOUGH)):
            raise DataError(f"{path}: {words}")
    names = (name[:40] for name in header[:8])
    found = ", ".join(name if name.isprintable() else repr(name) for name in names)
    advice = "; a table of categories goes into categories = [...]" if "category" in columns else ""
    raise DataError(f"{path}: its columns are {found}; a title and a headline or text are needed{advice}")


Row = tuple[int, tuple[str, ...]]
"""A row's number in the file, from 1 at its beginning, and its fields in the order of `Layout.columns`."""


def read_titles(layout: Layout, text: Text) -> Iterator[str]:
    """The title of each row. Raises DataError where the file cannot be read as CSV."""
    rows = read_rows(text, layout.width, (layout.columns["title"],))
    for (title,) in islice(rows, layout.header, None):
        yield title.strip()


def read_pieces(layout: Layout, text: Text) -> Iterator[tuple[str, Row]]:
    """Each row with its title. Raises DataError where the file cannot be read as CSV."""
    rows = read_rows(text, layout.width, tuple(layout.columns.values()))
    at = list(layout.columns).index("title")
    for number, row in enumerate(islice(rows, layout.header, None), start=1 + layout.header):
        yield row[at].strip(), (number, row)


def build(layout: Layout, file: str, title: str, rows: list[tuple[int, Row]]) -> Article:
    """The article of a title's rows."""
    names = tuple(layout.columns)
    pieces = []
    if layout.row_is_a_method:
        for method, (number, row) in rows:
            cells = dict(zip(names, row, strict=True))
            section = section_of(cells["headline"], cells["text"])
            pieces.append((method, Article(title, f"{file}: row {number}", sections=[section])))
        return joined(pieces)
    for method in sorted({method for method, _ in rows}):
        own = [row for its, row in rows if its == method]
        cells_of = dict(zip(names, zip(*(row for _, row in own), strict=True), strict=True))
        pieces.append((method, article_of_steps(cells_of, title, f"{file}: row {own[0][0]}")))
    return joined(pieces)


def article_of_steps(columns: Mapping[str, tuple[str, ...]], title: str, where: str) -> Article:
    """An article of rows that are steps; one that comes again, word for word, is left out and counted."""
    article = Article(title, where)
    none = ("",) * len(columns["title"])
    named, section = None, Section()
    seen = set[str]()
    steps = steps_of(columns.get("headline", none), columns.get("text", none))
    for label, step in zip(columns.get("section", none), steps, strict=True):
        if label != named:
            named = label
            section = Section(heading_of(label))
            article.sections.append(section)
        if step in seen and len(step) >= LIKE_ANOTHER:
            article.repeated += 1
        elif step:
            seen.add(step)
            section.steps.append(step)
    article.sections = [section for section in article.sections if section.steps]
    intro, category, url = (
        next(filter(None, columns.get(name, ())), "") for name in ("intro", "category", "url")
    )
    article.intro = clean_text(intro)
    article.category = top_of([category])
    article.url = url.strip()
    return article


def heading_of(label: str) -> str:
    """A section's name without "Method 1 of 3:"; none for plain "Steps"."""
    heading = METHOD_OF.sub("", " ".join(label.split()), count=1)
    return "" if heading.lower() in ("steps", "step") else heading


def section_of(headlines: str, texts: str) -> Section:
    """A method: each headline with its text, where there are as many of the one as of the other."""
    heads = [line.strip(" ,\t\r") for line in headlines.split("\n")]
    heads = [head for head in heads if head]
    parts = JOINT.split(texts.replace("\r", ""))
    section = Section()
    if len(heads) == len(parts):
        section.steps = [step for step in steps_of(heads, parts) if step]
    else:
        section.steps = clean_texts(heads)
        section.text = "\n\n".join(filter(None, map(with_bullets, clean_texts(parts))))
    return section


def steps_of(headlines: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Steps: headline and text in one paragraph, then the bullets.

    Some files repeat the headline at the beginning of the text; it stands there once.
    """
    pairs = zip(clean_texts(headlines), clean_texts(texts), strict=True)
    return [step_text(head, body) for head, body in pairs]


def step_text(head: str, body: str) -> str:
    if "\n" in body or body[-1:] == ";":
        body = with_bullets(body)
    if not head or body.startswith(head):
        return body
    head = " ".join(head.strip(" ,").split())
    if not head or not body or body.startswith(head):
        return body or head
    return f"{head} {body}" if head[-1] in ".!?:" else f"{head}. {body}"


def with_bullets(text: str) -> str:
    """A paragraph, and below it as bullets the lines that follow an empty one."""
    first, _, rest = BLANK_LINE.sub("\n\n", text.strip(" ;,\n")).partition("\n\n")
    bullets = [line.strip(" ;,") for line in rest.split("\n") if line.strip(" ;,.")]
    lines = [" ".join(first.split()).rstrip(" ;"), *(f"- {bullet}" for bullet in bullets)]
    return "\n".join(filter(None, lines))
