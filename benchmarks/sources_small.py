"""Reading the smaller sources: ours beside the same job written with the standard library.

    python benchmarks/sources_small.py [--json] [--only NAME] [--megabytes N]

A section is a function that prepares input in a folder and says what the two sides are. Both sides must find the same;
they take turns, and the number of each is the median of five, in megabytes of input a second of processor time. What a
library takes to import is not in it. Real files are used where they are ($HANDFUL_TEST_DATA, or ../shared/data), else
generated ones. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import lxml.html
import zstandard

from handful.core.rng import rng_for
from handful.core.types import Dropped, Example, Noun
from handful.recipe.schema import InputPath, SuperNaturalInstructions, WikiHow
from handful.sources.instructions.read import read as read_instructions
from handful.sources.instructions.read import shuffled
from handful.sources.instructions.rules import LETTERS
from handful.sources.instructions.task import MEASURED
from handful.sources.wikihow.read import read as read_wikihow
from handful.sources.wikihow.tables import heading_of
from handful.sources.wikihow.titles import question, sentence_case
from handful.sources.wikihow.wording import MARK, POLL, following_answer, in_place_of

ROUNDS = 5
AT_LEAST = 30e6
"""Bytes in a round: a smaller input is read several times over, since a few milliseconds cannot be measured well."""
DATA = Path(os.environ.get("HANDFUL_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
TEXT = "the of a water copper seven when because light slow root people would after story find"
WORDS = TEXT.split()

Found = set[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Section:
    claim: str
    size: int
    """Bytes of input, unpacked."""
    ours: Callable[[], Found]
    peer: Callable[[], Found]
    peer_is: str
    unpack: Callable[[], object] | None = None
    """What both sides do alike, with the same library: it bounds the ratio."""


# --- Super-NaturalInstructions: pick the generation tasks of a folder, draw an instance of each


def instructions_json(folder: Path, megabytes: float) -> Section:
    """Plain JSON, indented, as the collection publishes it; the peer as most write it."""
    return instructions(task_files(folder, megabytes), folder, load_open, "json.load of an open text file")


def instructions_bytes(folder: Path, megabytes: float) -> Section:
    """The same, and the fastest that the peer can be."""
    return instructions(task_files(folder, megabytes), folder, load_bytes, "json.loads of a file's bytes")


def instructions_zst(folder: Path, megabytes: float) -> Section:
    """Packed: both sides unpack with the same library."""
    what = task_files(folder, megabytes)
    for path in sorted(folder.glob("*.json")):
        path.with_name(path.name + ".zst").write_bytes(zstandard.compress(path.read_bytes()))
        path.unlink()
    section = instructions(f"{what}, packed", folder, load_zst, "zstandard and json.loads")
    files = sorted(folder.iterdir())
    return replace(section, unpack=lambda: [len(unzst(path)) for path in files])


def instructions(what: str, folder: Path, load: Callable[[Path], Any], peer_is: str) -> Section:
    files = sorted(folder.iterdir())
    size = sum(len(unzst(path)) if path.suffix == ".zst" else path.stat().st_size for path in files)
    return Section(f"{what} to examples", size, lambda: ours(folder), lambda: plain(files, load), peer_is)


def load_open(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        return json.load(file)


def load_bytes(path: Path) -> Any:
    return json.loads(path.read_bytes())


def load_zst(path: Path) -> Any:
    return json.loads(unzst(path))


def unzst(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())


def task_files(folder: Path, megabytes: float) -> str:
    """Fill `folder` with task files, and say which."""
    real = sorted((DATA / "super_natural_instructions" / "tasks").glob("*.json*"))
    for path in real:
        content = unzst(path) if path.suffix == ".zst" else path.read_bytes()
        (folder / path.name.removesuffix(".zst")).write_bytes(content)
    if not real:
        generate_tasks(folder, megabytes)
    count = sum(1 for _ in folder.iterdir())
    return f"{count} {'real' if real else 'generated'} tasks"


def generate_tasks(folder: Path, megabytes: float) -> None:
    """Tasks in the collection's layout. As in the whole of it, 36% are not in English; half the rest ask for labels."""
    draw = random.Random(0)
    made = number = 0
    while made < megabytes * 1e6:
        number += 1
        kind = draw.choices(("label", "text", "translation"), (32, 32, 36))[0]
        label, length = kind == "label", draw.lognormvariate(3.5, 0.8)
        instances = [
            {
                "id": f"task{number:03}-{draw.getrandbits(128):032x}",
                "input": "Text: " + sentence(draw, 10 + draw.expovariate(1 / length)),
                "output": [draw.choice(WORDS[:4])]
                if label
                else [sentence(draw, 4 + draw.expovariate(1 / 8))],
            }
            for _ in range(draw.choice((200, 1000, 3000, 6500)))
        ]
        task = {
            "Contributors": ["A. Writer"],
            "Source": ["generated"],
            "URL": ["https://example.com/"],
            "Categories": ["Text Categorization" if label else "Paraphrasing"],
            "Definition": [sentence(draw, 60)],
            "Input_language": ["English"],
            "Output_language": ["Spanish" if kind == "translation" else "English"],
            "Instruction_language": ["English"],
            "Domains": ["Story"],
            "Positive Examples": [{"input": "a", "output": "b", "explanation": "c"}] * 2,
            "Negative Examples": [{"input": "a", "output": "b", "explanation": "c"}] * 2,
            "Instances": instances,
            "Instance License": ["CC BY 4.0"],
        }
        text = json.dumps(task, indent=4, ensure_ascii=False)
        (folder / f"task{number:03}_generated.json").write_text(text, encoding="utf-8")
        made += len(text)


def sentence(draw: random.Random, words: float) -> str:
    return " ".join(draw.choices(WORDS, k=int(words)))


def ours(folder: Path) -> Found:
    found: Found = set()

    def put(file: str, record: Noun) -> None:
        if isinstance(record, Example):
            found.add((record.id, *(turn.text for turn in record.turns)))
        elif isinstance(record, Dropped):
            found.add((record.id, record.rule))

    read_instructions("ni", settings(folder), {}, put, folder)
    return found


def settings(folder: Path) -> SuperNaturalInstructions:
    return SuperNaturalInstructions(kind="super_natural_instructions", paths=(InputPath(folder),))


def plain(files: list[Path], load: Callable[[Path], Any]) -> Found:
    """The same rules and the same draw over whole decoded tasks. What real tasks never are is not checked."""
    source = settings(files[0].parent)
    found: Found = set()
    for path in files:
        title = path.name.partition(".")[0]
        task = load(path)
        rule = why_not(task, source)
        if rule:
            found.add((title, rule))
            continue
        rng = rng_for(source.seed, "sources", "super_natural_instructions", title)
        one = task["Instances"][next(shuffled(len(task["Instances"]), rng))]
        prompt = f"{task['Definition'][0].strip()}\n\n{one['input'].strip()}"
        found.add((f"ni/{title}/{one['id']}", prompt, one["output"][0].strip()))
    return found


def why_not(task: Any, source: SuperNaturalInstructions) -> str:
    languages = {*task["Instruction_language"], *task["Input_language"], *task["Output_language"]}
    if languages - set(source.languages):
        return "language"
    if task["Categories"][0] in source.exclude_categories:
        return "category"
    measured = task["Instances"][:MEASURED]
    answers = [one["output"][0].strip() for one in measured]
    count = len(answers)
    if len(set(answers)) / count < source.min_distinct_share:
        return "label_task"
    joined = " ".join(answers)
    if len(joined.split()) / count < source.min_mean_words:
        return "label_task"
    if sum(one["output"][0].strip() in one["input"] for one in measured) / count > source.max_copied_share:
        return "copied_answers"
    encoded = joined.encode()
    if 1 - len(encoded.translate(None, LETTERS)) / len(encoded) < source.min_letter_share:
        return "not_prose"
    return ""


# --- wikiHow: pages and CSV to questions and answers. Words of titles and openings are changed by the same functions
# on both sides, marks by the same patterns; reading, taking apart, cleaning and putting together is each side's own.

PAGE = """<!DOCTYPE html><html lang="en"><head><link rel="canonical" href="https://www.wikihow.com/{slug}"/>
<script>{script}</script></head><body><ul id="breadcrumb"><li><a href="/c">Categories</a></li><li>
<a href="/Category:Youth">Youth</a></li></ul><h1><a>How to {title}</a></h1><div id="intro"><p>{intro}</p></div>
<h2><span class="mw-headline">Steps</span></h2>{steps}<div class="qa section"><h2>Community Q&amp;A</h2>{questions}
</div><div class="section relatedwikihows"><h2>Related wikiHows</h2><script>{script}</script></div></body></html>"""
PAGE_STEP = """<li><script>{script}</script><div class="step_num">1</div><div class="step"><b class="whb">{head}</b>
{text}<sup id="_ref-1" class="reference">[1]<span>X</span><span>Research source</span></sup><ul><li>{text}</li></ul>
</div><div class="clearall"></div></li>"""
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

    read_wikihow(
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


def generate_pages(folder: Path, megabytes: float) -> list[Path]:
    """Pages of 300 kB, of which two thirds are scripts and questions, as on the real ones."""
    draw, files = random.Random(0), []
    for number in range(int(megabytes / 0.3) + 1):
        script = "var a=[1,2,3];" * 400
        steps = "".join(
            f'<div class="section steps"><h3><span class="mw-headline">Part {part}</span></h3><ol class="steps_list_2">'
            + "".join(
                PAGE_STEP.format(
                    script=script[:300], head=sentence(draw, 8) + ".", text=sentence(draw, 60) + "."
                )
                for _ in range(6)
            )
            + "</ol></div>"
            for part in range(3)
        )
        page = PAGE.format(
            slug=f"Make-{number}-Things",
            title=f"Make {number} Things",
            script=script * 8,
            intro=sentence(draw, 60) + ".",
            steps=steps,
            questions=f"<div>{sentence(draw, 200)}</div>" * 100,
        )
        files.append(folder / f"{number}.html")
        files[-1].write_text(page, encoding="utf-8")
    return files


def generate_steps(folder: Path, megabytes: float) -> Path:
    """Rows in the layout of wikihowSep.csv, all fields in quotation marks."""
    draw, path = random.Random(0), folder / "wikihowSep.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(("overview", "headline", "text", "sectionLabel", "title"))
        number = 0
        while file.tell() < megabytes * 1e6:
            number += 1
            intro = f"This article tells you how. {sentence(draw, 60)}."
            for part in range(3):
                for _ in range(5):
                    text = f' {sentence(draw, draw.randrange(40, 120))}, said "{draw.choice(WORDS)}". {draw.random()}'
                    head = f"\n{sentence(draw, 8).capitalize()}."
                    rows.writerow((intro, head, text, f"Part {part}", f"How to Make {number} Things"))
    return path


SECTIONS: dict[str, Callable[[Path, float], Section]] = {
    "instructions-json": instructions_json,
    "instructions-bytes": instructions_bytes,
    "instructions-zst": instructions_zst,
    "wikihow-pages": wikihow_pages,
    "wikihow-csv": wikihow_csv,
    "wikihow-sep": wikihow_sep,
}


def measure(section: Section, report: Callable[[str], None]) -> dict[str, Any]:
    """Rates of both sides; they must have found the same."""
    sides: dict[str, Callable[[], Any]] = {"ours": section.ours, "peer": section.peer}
    if section.unpack:
        sides["unpacking"] = section.unpack
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    times = max(1, int(AT_LEAST / section.size))
    for number in range(ROUNDS):
        found = {}
        for side, run in sides.items():
            start = time.process_time()
            for _ in range(times):
                found[side] = run()
            seconds[side].append((time.process_time() - start) / times)
            rate = section.size / 1e6 / seconds[side][-1]
            report(f"round {number + 1}: {side} {rate:.0f} MB/s, {len(found[side])} found")
        differing = found["ours"] ^ found["peer"]
        assert not differing, f"{len(differing)} found by one side only: {sorted(differing)[:2]}"
    ours, peer, *unpacking = (statistics.median(seconds[side]) for side in sides)
    result = {
        "claim": f"{section.claim}, {section.size / 1e6:.0f} MB, one process",
        "ours": round(section.size / 1e6 / ours, 1),
        "peer": round(section.size / 1e6 / peer, 1),
        "ratio": round(peer / ours, 2),
        "unit": f"MB/s of processor time (peer: {section.peer_is})",
    }
    for shared in unpacking:
        result["unpacking_alone"] = round(section.size / 1e6 / shared, 1)
        result["ratio_if_all_but_unpacking_were_free"] = round(peer / shared, 2)
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--only", choices=SECTIONS, help="run one section")
    arguments.add_argument(
        "--megabytes", type=float, default=60, help="of generated input, where no real one is"
    )
    options = arguments.parse_args()
    results = {}
    for name, prepare in SECTIONS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                section = prepare(Path(folder), options.megabytes)
                results[name] = measure(section, lambda line: None if options.json else print(line))
    versions = {
        library: metadata.version(library)
        for library in ("handful", "lxml", "msgspec", "pyarrow", "selectolax", "zstandard")
    }
    print(json.dumps({"sections": results, "versions": versions}))


if __name__ == "__main__":
    main()
