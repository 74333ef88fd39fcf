"""Reading a dump: our scan of Posts.xml beside the usual way, an XML parser that keeps each element's attributes.

    python benchmarks/curate_xml.py [--json] [--megabytes N]

Both read the same generated Posts.xml and do the same job: every question's top answer with a score of at least 10
and at least 1,200 characters, joined with its question. Both must find the same pairs. They take turns; the number of
each is its median. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from handful.core.types import Candidate
from handful.recipe.schema import InputPath, StackExchange
from handful.sources.stackexchange.read import read

ROUNDS = 3
TEXT = "water copper seven <p> </p> &amp; <code>x = 1</code> why because a the of light slow root"
WORDS = TEXT.split()


def generate(path: Path, megabytes: float) -> None:
    """A Posts.xml in the layout of the dump: three answers a question, one in fifteen with a score of 10 or more."""
    draw = random.Random(0)
    body = " ".join(draw.choices(WORDS, k=4000))
    number = 1
    with path.open("w", encoding="utf-8") as file:
        file.write('\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
        while file.tell() < megabytes * 1e6:
            question = number
            for kind in (1, 2, 2, 2):
                start, length = draw.randrange(9000), int(draw.lognormvariate(6.6, 0.8))
                parent = "" if kind == 1 else f' ParentId="{question}"'
                title = ' Title="Why is it so?" Tags="&lt;light&gt;" AnswerCount="3"' if kind == 1 else ""
                score = 10 + draw.randrange(40) if draw.random() < 1 / 15 else draw.randrange(-2, 10)
                file.write(
                    f'  <row Id="{number}" PostTypeId="{kind}"{parent} CreationDate="2020-01-01T00:00:00.000" '
                    f'Score="{score}" Body={quoteattr(body[start : start + length])} OwnerUserId="5"{title} '
                    f'ContentLicense="CC BY-SA 4.0" />\n'
                )
                number += 1
        file.write("</posts>\n")


def ours(path: Path, scratch: Path) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def put(name: str, record: object) -> None:
        if isinstance(record, Candidate):
            found.add((record.id.partition("/")[2], record.origin.item.rpartition("/")[2]))

    source = StackExchange(kind="stackexchange", paths=(InputPath(path),))
    read("stem", source, {"min_answer_score": 10, "min_chars": 1200}, put, scratch)
    return found


def peer(path: Path, scratch: Path) -> set[tuple[str, str]]:
    """ElementTree's iterparse, clearing as it goes; the top answer by score, then by Id."""
    questions: dict[str, dict[str, str]] = {}
    tops: dict[str, dict[str, str]] = {}
    events = ElementTree.iterparse(path, events=("start", "end"))
    _, root = next(events)
    for event, row in events:
        if event == "end" and row.tag == "row":
            post = dict(row.attrib)
            if post["PostTypeId"] == "1":
                questions[post["Id"]] = post
            else:
                held = tops.get(post["ParentId"])
                if held is None or int(post["Score"]) > int(held["Score"]):
                    tops[post["ParentId"]] = post
            root.clear()
    return {
        (question, top["Id"])
        for question, top in tops.items()
        if question in questions and int(top["Score"]) >= 10 and len(top["Body"]) >= 1200
    }


def rate(run: Callable[[Path, Path], set[tuple[str, str]]], path: Path) -> tuple[float, set[tuple[str, str]]]:
    """Megabytes of XML a second, and what was found."""
    start = time.perf_counter()
    found = run(path, path.parent)
    return path.stat().st_size / 1e6 / (time.perf_counter() - start), found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--megabytes", type=float, default=200)
    options = arguments.parse_args()
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.stackexchange.com" / "Posts.xml"
        path.parent.mkdir()
        generate(path, options.megabytes)
        for number in range(ROUNDS):
            results = {run.__name__: rate(run, path) for run in (ours, peer)}
            # a body of 1,200 bytes as escaped may be shorter as text: the peer cannot have what we do not
            missing = results["peer"][1] - results["ours"][1]
            assert not missing, f"the peer found {len(missing)} pairs that we did not"
            for name, (speed, found) in results.items():
                rates[name].append(speed)
                if not options.json:
                    print(f"round {number + 1}: {name} {speed:.0f} MB/s, {len(found)} pairs")
    mine, theirs = statistics.median(rates["ours"]), statistics.median(rates["peer"])
    result = {
        "claim": f"reading {options.megabytes:.0f} MB of Posts.xml to candidates, one process",
        "ours": round(mine, 1),
        "peer": round(theirs, 1),
        "ratio": round(mine / theirs, 2),
        "unit": "MB/s (peer: ElementTree.iterparse)",
        "versions": {"handful": metadata.version("handful")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
