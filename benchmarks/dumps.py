"""Realistic Stack Exchange dumps of any size, of text that nobody wrote: what other scripts of this folder read.

    python benchmarks/dumps.py FOLDER [--megabytes N] [--seed N] [--tables] [--code SHARE]
    python benchmarks/dumps.py --check [Posts.xml ...]

writes FOLDER/Posts.xml in the form of the dump: byte order mark, CRLF, a row a line, attributes in their order; Ids
upwards with gaps; answers some rows behind their questions, most near, some far; questions that say how many answers
they have; tag wikis; a few answers whose question is gone; the two false posts at the end. `--tables` adds the other
tables of a site, in the proportions of beer.stackexchange.com's dump of 2020. Equal seeds give equal bytes.

Scores, lengths and the rest follow six real sites; `--check` measures a dump of its own, and real ones beside it where
they are given, by the same code. With `--json` the last line is JSON: how fast 100 MB are written.
"""

from __future__ import annotations

import argparse
import bz2
import json
import lzma
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from parts.others import TABLES, table
from parts.posts import CODE, Site

from handful.sources.stackexchange.rows import FABRICATED

ROW_BYTES = 1400
"""About: a dump of N MB has N MB give or take a hundredth."""
SAMPLE = 100e6
ROW = re.compile(rb'\s*<row Id="(\d+)" PostTypeId="(\d+)".*? Score="(-?\d+)".*? Body="([^"]*)"')
PARENT = re.compile(rb' ParentId="(\d+)"')
ENTITY = re.compile(rb"&[^;]*;")
SHOWN = (b"a", b"pre", b"li", b"blockquote")
ELEMENT = re.compile(rb"&lt;(p|a|pre|code|li|blockquote|img)\b")


def write(path: Path, megabytes: float, seed: int = 0, code: float = CODE) -> Path:
    """Write a Posts.xml of about so many megabytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in Site(max(10, int(megabytes * 1e6 / ROW_BYTES)), seed, code).posts():
            file.write(piece)
    return path


def write_tables(folder: Path, megabytes: float, seed: int = 0) -> list[Path]:
    """All tables of a site whose Posts.xml has about so many megabytes, in the order of an archive."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.xml" for name in TABLES]
    for path in paths:
        if path.stem == "Posts":
            write(path, megabytes, seed)
        else:
            with path.open("wb") as file:
                file.writelines(table(path.stem, int(megabytes * 1e6), seed))
    return paths


def measure(path: Path) -> dict[str, Any]:
    """What the design's figures are about, of the first SAMPLE bytes of a Posts.xml."""
    with path.open("rb") as file:
        content = file.read(int(SAMPLE))
    kinds: Counter[bytes] = Counter()
    elements: Counter[bytes] = Counter()
    sizes: list[int] = []
    answers: list[tuple[int, int]] = []
    distances: list[int] = []
    tops: dict[int, int] = {}
    bodies = entities = 0
    for line in content.split(b"\n"):
        if not (row := ROW.match(line)) or int(row[1]) >= FABRICATED:
            continue
        kinds[row[2]] += 1
        sizes.append(len(row[4]))
        bodies += len(row[4])
        entities += len(ENTITY.findall(row[4]))
        elements.update(set(ELEMENT.findall(row[4])))
        if row[2] == b"1":
            tops.setdefault(int(row[1]), -99)
        elif row[2] == b"2" and (parent := PARENT.search(line[:200])):
            answers.append((int(row[3]), len(row[4])))
            distances.append(int(row[1]) - int(parent[1]))
            tops[int(parent[1])] = max(tops.get(int(parent[1]), -99), int(row[3]))
    scores, lengths = sorted(score for score, _ in answers), sorted(size for _, size in answers)
    rows = kinds.total()
    packed = content[: int(3e7)]
    return {
        "MB": round(len(content) / 1e6, 1),
        "row": round(len(content) / rows),
        "body %": round(100 * bodies / len(content), 1),
        "entities/KB": round(entities / bodies * 1000, 1),
        "answers %": round(100 * kinds[b"2"] / rows, 1),
        "score p50 p90 p99": " ".join(map(str, quantiles(scores, 0.5, 0.9, 0.99))),
        ">=10 %": share(score >= 10 for score in scores),
        "and long %": share(score >= 10 and size >= 1200 for score, size in answers),
        "top >=10 %": share(score >= 10 for score in tops.values()),
        "no answer %": share(score == -99 for score in tops.values()),
        "answer p10 p50 p90 p99": " ".join(map(str, quantiles(lengths, 0.1, 0.5, 0.9, 0.99))),
        "distance p50 p90 p99": " ".join(map(str, quantiles(sorted(distances), 0.5, 0.9, 0.99))),
        **{f"<{name.decode()}> %": round(100 * elements[name] / rows, 1) for name in SHOWN},
        "not ASCII %": round(100 * sum(map(content.count, range(128, 256))) / len(content), 3),
        "bzip2": round(len(packed) / len(bz2.compress(packed)), 2),
        "xz": round(len(packed) / len(lzma.compress(packed, preset=1)), 2),
    }  # fmt: skip


def quantiles(ordered: list[int], *shares: float) -> list[int]:
    return [ordered[int(len(ordered) * share)] for share in shares]


def share(holds: Iterable[bool]) -> float:
    values = list(holds)
    return round(100 * sum(values) / len(values), 1)


def check(real: list[Path], megabytes: float, seed: int, code: float) -> None:
    """Print the figures of a dump of ours, and of others beside it."""
    with tempfile.TemporaryDirectory() as folder:
        made = measure(write(Path(folder) / "Posts.xml", megabytes, seed, code))
    columns = {"ours": made, **{path.parent.name.split(".stackexchange")[0]: measure(path) for path in real}}
    print(f"{'':24}" + "".join(f"{name[:18]:>20}" for name in columns))
    for name in made:
        print(f"{name:24}" + "".join(f"{figures[name]:>20}" for figures in columns.values()))


def speed(megabytes: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        size = write(Path(folder) / "Posts.xml", megabytes).stat().st_size
        seconds = time.process_time() - start
    return {
        "claim": f"writing {size / 1e6:.0f} MB of invented Posts.xml",
        "ours": round(size / 1e6 / seconds, 1),
        "unit": "MB/s of processor time",
        "versions": {name: metadata.version(name) for name in ("handful", "numpy")},
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("paths", nargs="*", type=Path, help="a folder to write; with --check, real files")
    arguments.add_argument("--megabytes", type=float, default=100)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--code", type=float, default=CODE, help="share of posts with blocks of code")
    arguments.add_argument("--tables", action="store_true", help="all tables of a site")
    arguments.add_argument("--check", action="store_true", help="print measured figures")
    arguments.add_argument("--json", action="store_true", help="measure the speed of writing")
    options = arguments.parse_args()
    if options.check:
        check(options.paths, options.megabytes, options.seed, options.code)
    elif options.json:
        print(json.dumps(speed(options.megabytes)))
    elif not options.paths:
        arguments.error("name a folder to write, or --check, or --json")
    elif options.tables:
        write_tables(options.paths[0], options.megabytes, options.seed)
    else:
        write(options.paths[0] / "Posts.xml", options.megabytes, options.seed, options.code)


if __name__ == "__main__":
    main()
