"""Read wikiHow's articles: category first, title as prompt, body as response (Section 2.1).

Each article becomes one example; its community is its top category, over which `select` draws evenly. The formats are
told apart by their content: a page begins with "<", JSON with "{" or "[", anything else is CSV.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from handful.core.errors import DataError
from handful.core.files import files_below
from handful.core.text import prompt_key
from handful.core.types import Dropped, Example, Noun, Origin, Turn
from handful.recipe.sources import WikiHow
from handful.run.progress import progress
from handful.sources.wikihow import categories
from handful.sources.wikihow.article import Article, answer
from handful.sources.wikihow.assemble import joined, whole_articles
from handful.sources.wikihow.head import language_of
from handful.sources.wikihow.lines import read_lines
from handful.sources.wikihow.pages import read_page
from handful.sources.wikihow.rows import UTF_16, Text
from handful.sources.wikihow.tables import Layout, build, layout_of, read_pieces, read_titles
from handful.sources.wikihow.titles import question, sentence_case, without_how_to
from handful.sources.wikihow.wording import following_answer

AUTHOR = "wikiHow contributors"
SITE = "https://www.wikihow.com/"
SUFFIXES = frozenset({".html", ".htm", ".csv", ".jsonl", ".json", ".ndjson"})
UNSORTED = "uncategorized"
"""The community of a page that names no category."""

Put = Callable[[str, Noun], None]


def read(name: str, source: WikiHow, rules: Mapping[str, int], put: Put, scratch: Path) -> dict[str, Any]:
    """Put an example for each article, or the reason why there is none, in the order of the files.

    Raises:
        DataError: a file is missing, empty or in no known form, or no article can be used.
    """
    reader = Reader(name, source, put)
    files = _files(source.paths)
    with progress(f"{name}: reading wikiHow", None, "articles") as advance:
        for path, named in files:
            for article in reader.articles(path, named):
                reader.take(article)
                advance()
    if not reader.kept:
        took = ", ".join(f"{rule} took {n:,}" for rule, n in reader.dropped.most_common())
        first = f"; the first is {reader.first}" if reader.first else ""
        raise DataError(
            f"{', '.join(source.paths)}: no article can be used: {took or 'there is none'}{first}"
        )
    return {
        "communities": dict(sorted(reader.kept.items())),
        "unreadable_characters": reader.unreadable,
        "repeated_steps": reader.repeated,
    }


def _files(paths: tuple[str, ...]) -> Iterator[tuple[Path, bool]]:
    """Each file, and whether the recipe names it itself rather than a folder that it lies in."""
    for path in map(Path, paths):
        if path.is_file():
            yield path, True
        elif path.is_dir():
            below = [file for file in files_below(path) if _is_readable(file)]
            if not below:
                raise DataError(f"{path}: holds no page, and no *.csv, *.jsonl or *.json file")
            yield from ((file, False) for file in below)
        else:
            raise DataError(f"{path}: no such file or folder")


def _is_readable(path: Path) -> bool:
    """Pages are often saved under their titles alone, so what a file without a known ending begins with decides."""
    if path.name.startswith("."):
        return False
    return path.suffix.lower() in SUFFIXES or _head(path).startswith(b"<")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(4096)
    return head if head.startswith(UTF_16) else head.removeprefix(b"\xef\xbb\xbf").lstrip()


class Reader:
    """What is known across the files of a source."""

    def __init__(self, name: str, source: WikiHow, put: Put) -> None:
        self.name = name
        self.source = source
        self.put = put
        self.by_title = categories.read_table(source.categories)
        self.kept = Counter[str]()
        self.dropped = Counter[str]()
        self.first = ""
        """Of what was dropped, in words."""
        self.seen: dict[str, str] = {}
        """Prompt's key -> the id of the article that has it."""
        self.ids: set[str] = set()
        self.unreadable = 0
        self.repeated = 0

    def drop(self, record: Dropped) -> None:
        self.put("dropped", record)
        self.dropped[record.rule] += 1
        self.first = self.first or f"{record.rule}: {record.detail}"

    def articles(self, path: Path, named: bool) -> Iterator[Article]:
        """The articles of one file. Where it is only one of a folder, a file of another kind is dropped by name."""
        head = _head(path)
        if not head.replace(b"\0", b"").strip():
            if named and len(self.source.paths) == 1:
                raise DataError(f"{path}: is empty")
            self.drop(Dropped(path.name, "empty_file", f"{path.name}: has no text"))
            return
        page = head.startswith((b"<", *UTF_16)) and b"<" in head[:8]
        if page:
            yield from self.page(path)
            return
        text, size = Text(path), path.stat().st_size
        if head.removeprefix(codecs.BOM_UTF16_LE).lstrip(b"\0\xfe\xff").startswith((b"{", b"[")):
            yield from self.lines(path, text, size)
        else:
            try:
                layout = layout_of(path)
            except DataError as error:
                if named:
                    raise
                self.drop(Dropped(path.name, "other_file", str(error).replace(str(path), path.name)))
                return
            yield from self.table_of(path, layout, text, size)
        if text.lost:
            self.drop(Dropped(text.lost.partition(": ")[0], "bad_row", text.lost))
        self.unreadable += text.unreadable

    def lines(self, path: Path, text: Text, size: int) -> Iterator[Article]:
        drops = [self.drop]  # a large file is read twice, and a bad row is told of once

        def pieces() -> Iterator[tuple[str, Article]]:
            return read_lines(path, text, *(drops.pop() for _ in range(len(drops))))

        def titles() -> Iterator[str]:
            return (title for title, _ in pieces())

        yield from whole_articles(pieces, titles, lambda title, found: joined(found), size, numbered=False)

    def table_of(self, path: Path, layout: Layout, text: Text, size: int) -> Iterator[Article]:
        """Articles of a CSV; those without a category go to the table's, or else to one named by the file."""
        for article in whole_articles(
            lambda: read_pieces(layout, text),
            lambda: read_titles(layout, text),
            partial(build, layout, path.name),
            size,
            layout.titles_are_numbered,
        ):
            article.category = article.category or self.category(article.title) or path.stem
            yield article

    def category(self, title: str) -> str:
        return self.by_title.get(categories.key(title), "") if self.by_title else ""

    def page(self, path: Path) -> Iterator[Article]:
        raw = path.read_bytes()
        if (language := language_of(raw)) not in ("", "en"):
            self.drop(Dropped(path.name, "not_english", f"{path.name}: the page is in {language!r}"))
            return
        article, unreadable = read_page(raw, path.name, self.source.sections)
        self.unreadable += unreadable
        yield article

    def take(self, article: Article) -> None:
        """Put an article as an example, or drop it."""
        self.repeated += article.repeated
        title = " ".join(article.title.split())
        asked = question(title)
        prompt = asked if self.source.question else title
        url = article.url or address_of(asked or title)
        id = f"{self.name}/{url.rpartition('/')[2] or article.where}"
        reason = self.reason_to_drop(article, prompt)
        if reason is None and prompt is not None:
            if self.source.sentence_case:
                prompt = sentence_case(prompt, article.prose())
            if self.source.replace_opening:
                article.intro = following_answer(article.intro)
            key = prompt_key(prompt)
            if key in self.seen:
                reason = "same_title", f"{prompt!r} is {self.seen[key]} already"
            response = answer(article)
            if reason is None and len(response) < self.source.min_chars:
                reason = "short_article", f"{len(response):,} characters < {self.source.min_chars:,}"
        if reason is not None or prompt is None:
            rule, seen = reason or ("not_a_question", repr(title))
            self.drop(Dropped(id, rule, f"{article.where}: {seen}"))
            return
        category = article.category or self.category(title) or UNSORTED
        while id in self.ids:
            id += "-2"
        self.ids.add(id)
        self.seen[key] = id
        self.kept[category] += 1
        origin = Origin(
            source=self.name,
            community=category,
            item=article.where,
            url=url,
            author=AUTHOR,
            license=article.license or self.source.license,
            title=title,
        )
        self.put("examples", Example(id, (Turn("user", prompt), Turn("assistant", response)), origin))

    def reason_to_drop(self, article: Article, prompt: str | None) -> tuple[str, str] | None:
        """The rule that an article breaks, and what that rule saw."""
        steps = article.steps()
        if not steps:
            return "no_steps", f"{article.title[:80]!r} has no steps"
        if not article.title.strip():
            return "no_title", "the article has no title"
        if steps < self.source.min_steps:
            return "few_steps", f"{steps} steps < {self.source.min_steps}"
        if prompt is None:
            return "not_a_question", f"{article.title[:120]!r} is a topic"
        return None


def address_of(title: str) -> str:
    """Where wikiHow publishes the article of a title: "How to Grill Fish?" -> https://www.wikihow.com/Grill-Fish."""
    bare = without_how_to(title).rstrip("?")
    return SITE + quote("-".join(bare.split()), safe="-'()!,.&:") if bare else ""
