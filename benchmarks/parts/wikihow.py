"""wikiHow: pages and CSV to questions and answers; ours and the usual way.

Words of titles and openings are changed by the same functions on both sides, marks by the same patterns; reading,
taking apart, cleaning and putting together is each side's own.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import lxml.html

from handful.core.types import Example, Noun
from handful.recipe.sources import WikiHow
from handful.recipe.values import InputPath
from handful.sources.wikihow.read import read
from handful.sources.wikihow.tables import heading_of
from handful.sources.wikihow.titles import question, sentence_case
from handful.sources.wikihow.wording import MARK, POLL, following_answer, in_place_of
from parts.made_up import generate_pages, generate_steps
from parts.section import DATA, Found, Section

BLANK = re.compile(r"\s+")
SPLIT = re.compile(r"(?<=[a-z)])\.(?=[A-Z][a-z]+ )")


def wikihow_pages(folder: Path, megabytes: float) -> Section:
    files = sorted((DATA / "wikihow" / "html").glob("*.html"))
    what = f"{len(files)} real pages"
    if not files:
        files = generate_pages(folder, megabytes)
        what = f"{len(files)} generated pages"
    size = sum(path.stat().st_size for path in files)
    peer = "lxml.html and XPath, a page whole"
    return Section(f"{what} to examples", size, lambda: our_articles(files), lambda: lxml_pages(files), peer)


def wikihow_csv(folder: Path, megabytes: float) -> Section:
    path = DATA / "wikihow" / "wikihow_steps.csv"
    what = "real CSV of steps"
    if not path.exists():
        path, what = generate_steps(folder, megabytes), "generated CSV of steps"
    size = path.stat().st_size
    peer = "csv.DictReader and re, a step at a time"
    return Section(f"{what} to examples", size, lambda: our_articles([path]), lambda: csv_steps(path), peer)


def wikihow_sep(folder: Path, megabytes: float) -> Section:
    """In the layout of wikihowSep.csv, larger than what is held in memory: we read it twice."""
    path = generate_steps(folder, max(megabytes, 80))
    size = path.stat().st_size
    peer = "csv.DictReader and re, all in memory"
    return Section(
        "generated wikihowSep.csv to examples",
        size,
        lambda: our_articles([path]),
        lambda: csv_steps(path),
        peer,
    )


def our_articles(files: list[Path]) -> Found:
    found: Found = set()

    def put(file: str, record: Noun) -> None:
        if isinstance(record, Example):
            found.add((record.turns[0].text, record.turns[1].text))

    read(
        "wikihow", WikiHow(kind="wikihow", paths=tuple(map(InputPath, files)), sections=()), {}, put, files[0]
    )
    return found


def lxml_pages(files: list[Path]) -> Found:
    found: Found = set()
    for path in files:
        page = lxml.html.document_fromstring(path.read_bytes())
        for junk in page.xpath(
            "//script|//style|//img|//iframe|//sup[contains(@class,'reference')]|//*[contains(@class,'mwimg')]"
            "|//*[contains(@class,'altblock')]|//*[@id='byline_info' or @id='byline_hover' or @id='method_toc']"
        ):
            junk.drop_tree()
        for fraction in page.xpath("//*[contains(@class,'frac')]"):
            before = (
                fraction.getprevious().tail
                if fraction.getprevious() is not None
                else fraction.getparent().text
            )
            space = " " if before and before[-1].isdigit() else ""
            fraction.text = space + fraction.text_content().replace("\u2044", "/")
            for inner in list(fraction):
                fraction.remove(inner)
        title = line(page.xpath("//h1")[0].text_content())
        intro = "\n\n".join(filter(None, (line(p.text_content()) for p in page.xpath("//*[@id='intro']//p"))))
        sections: list[tuple[str, list[str]]] = []
        for step in page.xpath("//div[@class='step']"):
            heads = step.xpath(
                "ancestor::div[contains(@class,'section steps')][1]//h3//span[@class='mw-headline']"
            )
            name = line(heads[0].text_content()) if heads else ""
            if not sections or sections[-1][0] != name:
                sections.append((name, []))
            sections[-1][1].append(lxml_step(step))
        found |= written(title, intro, sections)
    return found


def lxml_step(step: Any) -> str:
    """The text of a step, or of an item, and its lists below it."""
    lists = step.xpath("./ul|./ol")
    bullets = [f"- {lxml_step(item)}".replace("\n", "\n  ") for one in lists for item in one.xpath("./li")]
    for one in lists:
        one.drop_tree()
    return "\n".join([line(step.text_content()), *bullets])


def line(text: str) -> str:
    return BLANK.sub(" ", text).strip()


def csv_steps(path: Path) -> Found:
    articles: dict[str, tuple[str, list[tuple[str, list[str]]], set[str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            intro, sections, seen = articles.setdefault(row["title"], (row.get("overview") or "", [], set()))
            name = heading_of(row.get("sectionLabel") or "")
            if not sections or sections[-1][0] != name:
                sections.append((name, []))
            head = cleaned(row.get("heading") or row.get("headline") or "")
            body = cleaned(row.get("paragraph") or row.get("text") or "")
            if head and not body.startswith(head):
                body = f"{head} {body}".strip() if head[-1] in ".!?:" else f"{head}. {body}"
            if body not in seen or len(body) < 40:
                sections[-1][1].append(body)
                seen.add(body)
    found: Found = set()
    for title, (intro, sections, _) in articles.items():
        found |= written(title, cleaned(intro), sections)
    return found


def cleaned(text: str) -> str:
    text = BLANK.sub(" ", SPLIT.sub(". ", POLL.sub(" ", MARK.sub(in_place_of, text.strip() + "\0")))).rstrip(
        "\0"
    )
    return text.replace(" \x08", "").replace("\x08", "").strip()


def written(title: str, intro: str, sections: list[tuple[str, list[str]]]) -> Found:
    asked = question(title)
    if asked is None or sum(len(steps) for _, steps in sections) < 2:
        return set()
    prose = "\n".join([intro, *(step for _, steps in sections for step in steps)])
    blocks = [following_answer(intro)] if intro else []
    for name, steps in sections:
        if name:
            blocks.append(f"## {name}")
        numbered = [f"{number}. " + step for number, step in enumerate(steps, start=1)]
        blocks.append("\n".join(step.replace("\n", "\n" + " " * (step.index(" ") + 1)) for step in numbered))
    answer = "\n\n".join(blocks)
    return {(sentence_case(asked, prose), answer)} if len(answer) >= 500 else set()
