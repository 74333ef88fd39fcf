"""How memory and time grow with a dump: a Posts.xml of 0.5, 1, 2 and 4 GB to Parquet, by one worker and by two.

    python benchmarks/scaling.py [--json] [--gigabytes 0.5 1 2 4] [--rounds N]

Memory is the most that all processes of a run held together at any moment: looked at every 20 ms, the resident pages of
each, those that they share counted in each (so a little too much). Time is wall time, start and imports included. How
much faster two workers are is measured at 4 GB, taking turns with one, as the ratio of the medians of N rounds: for the
stage `sources`, which reads the bytes, for `clean` with it, and for all. Half a second of starting and importing is the
same at every size, so the ratio grows with the dump.

Where other work takes the cores, wall time says nothing; so the same ratio is computed from seconds of the processor,
too, as two free cores would have it: one worker's, to those of the driver of two and half of its workers'. That leaves
out the last shards, for which one worker may wait. Needs 9 GB of disk. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import metadata
from operator import attrgetter
from pathlib import Path

from parts.measure import Spent, median, python, spend, take_turns
from parts.stage import UNTIL

SITE = "bench.stackexchange.com"
FOOT = b"</posts>"
COMPARED = 4.0
"""GB at which one worker and two are compared, or the size that is there."""


def first_part(whole: Path, folder: Path, gigabytes: float) -> Path:
    """The first rows of a dump, as a dump."""
    path = folder / SITE / "Posts.xml"
    path.parent.mkdir(parents=True)
    left = int(gigabytes * 1e9)
    with whole.open("rb") as file, path.open("wb") as part:
        while left > 0 and (chunk := file.read(min(left, 1 << 24))):
            part.write(chunk)
            left -= len(chunk)
        part.write(file.readline() + FOOT)
    return path


def curate(posts: Path, out: Path, workers: int, until: str, memory: bool) -> Spent:
    spent = spend(
        python("parts.stage", posts, out, "--workers", str(workers), "--until", until), memory=memory
    )
    spent.said[:] = spent.said[-1:]
    shutil.rmtree(out)
    return spent


def grow(posts: Path, out: Path, report: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Memory and time by workers, for one size."""
    found = {}
    for workers in (1, 2):
        spent = curate(posts, out, workers, "parquet", memory=True)
        megabytes = posts.stat().st_size / 1e6
        read = spent.told["counts"]["sources"]
        found[f"{workers}"] = {
            "peak_mb": round(spent.peak_mb),
            "seconds": round(spent.seconds, 1),
            "cpu": round(spent.cpu, 1),
            "bytes_a_post": round(spent.peak_mb * 1e6 / read["posts"]),
        }
        report(
            f"{megabytes:.0f} MB, {read['posts']:,} posts, {read['questions']:,} questions, {workers} workers: "
            f"{found[str(workers)]}"
        )
    return found


def speed_up(
    posts: Path, out: Path, rounds: int, report: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """One worker's time to two workers', up to each stage: as it was, and as the processor's seconds have it."""
    ratios = {}
    for until in UNTIL:
        sides = {
            f"{workers} workers to {until}": partial(curate, posts, out, workers, until, memory=False)
            for workers in (1, 2)
        }
        one, two = take_turns(sides, rounds, report).values()
        ratios[until] = {
            "wall": round(median(one) / median(two), 2),
            "computed": round(median(one, attrgetter("cpu")) / median(two, longest_path), 2),
        }
    return ratios


def longest_path(spent: Spent) -> float:
    """Seconds that a run of two workers takes of two free cores, if both end at once."""
    driver: float = sum(spent.told["seconds"].values())
    return driver + (spent.cpu - driver) / 2


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--gigabytes", type=float, nargs="+", default=[0.5, 1, 2, 4])
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    report: Callable[[str], None] = (lambda line: None) if options.json else print
    sizes = sorted(options.gigabytes)
    compared = COMPARED if COMPARED in sizes else sizes[-1]
    found: dict[str, dict[str, dict[str, float]]] = {}
    ratios: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spend(python("dumps", folder / "whole", "--megabytes", str(sizes[-1] * 1000 + 50)))
        for gigabytes in sizes:
            posts = first_part(folder / "whole" / "Posts.xml", folder / f"{gigabytes}", gigabytes)
            found[f"{gigabytes:g} GB"] = grow(posts, folder / "out", report)
            if gigabytes == compared:
                ratios = speed_up(posts, folder / "out", options.rounds, report)
            shutil.rmtree(posts.parent)
    result = {
        "claim": f"Posts.xml to Parquet by workers; two to one at {compared:g} GB on {os.cpu_count()} cores",
        "sizes": found,
        "speed_up": ratios,
        "unit": "ratio of wall times, or computed of the processor's; peak_mb of all processes together",
        "versions": {"handful": metadata.version("handful"), "python": platform.python_version()},
        "peak_mb": found[f"{compared:g} GB"]["1"]["peak_mb"],
        "ratio": ratios["parquet"]["wall"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
