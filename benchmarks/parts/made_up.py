"""Files of the smaller sources for where there are no real ones: their layouts and sizes, filled with a dozen words."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

TEXT = "the of a water copper seven when because light slow root people would after story find"
WORDS = TEXT.split()
PAGE = """<!DOCTYPE html><html lang="en"><head><link rel="canonical" href="https://www.wikihow.com/{slug}"/>
<script>{script}</script></head><body><ul id="breadcrumb"><li><a href="/c">Categories</a></li><li>
<a href="/Category:Youth">Youth</a></li></ul><h1><a>How to {title}</a></h1><div id="intro"><p>{intro}</p></div>
<h2><span class="mw-headline">Steps</span></h2>{steps}<div class="qa section"><h2>Community Q&amp;A</h2>{questions}
</div><div class="section relatedwikihows"><h2>Related wikiHows</h2><script>{script}</script></div></body></html>"""
PAGE_STEP = """<li><script>{script}</script><div class="step_num">1</div><div class="step"><b class="whb">{head}</b>
{text}<sup id="_ref-1" class="reference">[1]<span>X</span><span>Research source</span></sup><ul><li>{text}</li></ul>
</div><div class="clearall"></div></li>"""


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


def generate_pages(folder: Path, megabytes: float) -> list[Path]:
    """Pages of 300 kB, of which two thirds are scripts and questions, as on the real ones."""
    draw, files = random.Random(0), []
    for number in range(int(megabytes / 0.3) + 1):
        script = "var a=[1,2,3];" * 400
        steps = "".join(
            f'<div class="section steps"><h3><span class="mw-headline">Day {part}</span></h3><ol class="steps_list_2">'
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


def sentence(draw: random.Random, words: float) -> str:
    return " ".join(draw.choices(WORDS, k=int(words)))
