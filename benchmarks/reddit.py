"""Reading a Pushshift dump: ours beside the usual way, a zstandard stream whose every line goes through json.loads.

    python benchmarks/reddit.py [--json] [--megabytes N]

Both read the same two generated files, a month's submissions and comments, packed with a window of 2 GiB, and do the
same job: of each submission to r/WritingPrompts (a twentieth of the rows) with at least 10 votes, the top-level comment
with the most, of 200 to 4,096 characters; no deleted, pinned or bot posts. Both must find the same pairs. They take
turns; the number of each is its median, in megabytes of JSON per second of one core's time. Decompression alone is
timed, too: nothing can be faster. The last line is JSON.

The files are those of `parts.reddit_month`. No packed comment may take fewer bytes than a real one does (100:
RC_2020-06 has 187.9 million in 19 GB), or decompression would be flattered. Half of decompression's time is the
system's, for the first touch of each page of the window: a file of more than 2 GiB of JSON has that behind it once.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import zstandard
from parts.reddit_month import OURS, generate

from handful.core import jsonl
from handful.core.types import Example
from handful.recipe.sources import Reddit
from handful.recipe.values import InputPath
from handful.sources.output import output
from handful.sources.reddit.read import read

ROUNDS = 5


def ours(first: Path, second: Path) -> set[tuple[str, str]]:
    source = Reddit(
        kind="reddit", submissions=(InputPath(first),), comments=(InputPath(second),), subreddits=(OURS,)
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        with output(out) as put:
            read("writing_prompts", source, {}, put, out / "scratch")
        return {
            tuple(part.partition("_")[2] for part in row.origin.item.split("/"))  # type: ignore[misc]
            for row in jsonl.read(out / "examples.jsonl", Example)
        }


def peer(first: Path, second: Path) -> set[tuple[str, str]]:
    """As most scripts for these files do it, with the stream wrapped as text, the fastest of their ways."""
    asked = {
        row["id"]
        for row in rows(first)
        if row["subreddit"] == OURS
        and row["score"] >= 10
        and not row["over_18"]
        and row["author"] != "[deleted]"
        and not row["stickied"]
    }
    tops: dict[str, tuple[int, int, str]] = {}
    for row in rows(second):
        thread = row["link_id"][3:]
        if row["score"] < 10 or thread not in asked or row["parent_id"] != row["link_id"]:
            continue
        if (
            row["author"] in ("[deleted]", "AutoModerator")
            or row["stickied"]
            or not 200 <= len(row["body"].strip()) <= 4096
        ):
            continue
        rank = row["score"], -int(row["id"], 36), row["id"]
        tops[thread] = max(rank, tops.get(thread, rank))
    return {(thread, top[2]) for thread, top in tops.items()}


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(file)
        for row in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(row)


def unpack(first: Path, second: Path) -> set[tuple[str, str]]:
    """Decompression alone: the wall."""
    for path in (first, second):
        with path.open("rb") as file:
            stream = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(file)
            while stream.read(1 << 18):
                pass
    return set()


def rate(
    run: Callable[[Path, Path], set[tuple[str, str]]], paths: tuple[Path, Path], size: int
) -> tuple[float, set[tuple[str, str]]]:
    """Megabytes of JSON per second of the processor, and what was found."""
    start = time.process_time()
    found = run(*paths)
    return size / 1e6 / (time.process_time() - start), found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--megabytes", type=float, default=400)
    arguments.add_argument("--share", type=float, default=0.05, help="of r/WritingPrompts among the rows")
    options = arguments.parse_args()
    rates: dict[str, list[float]] = {"ours": [], "peer": [], "unpack": []}
    with tempfile.TemporaryDirectory() as folder:
        first, second, size, packed = generate(Path(folder), options.megabytes, options.share)
        if not options.json:
            print(f"{size / 1e6:.0f} MB of JSON; a packed comment takes {packed} bytes")
        for number in range(ROUNDS):
            results = {run.__name__: rate(run, (first, second), size) for run in (ours, peer, unpack)}
            assert results["ours"][1] == results["peer"][1], "the two found different pairs"
            for name, (speed, found) in results.items():
                rates[name].append(speed)
                if not options.json:
                    print(f"round {number + 1}: {name} {speed:.0f} MB/s, {len(found)} pairs")
    mine, theirs, bare = (statistics.median(rates[name]) for name in ("ours", "peer", "unpack"))
    result = {
        "claim": f"reading {options.megabytes:.0f} MB of Reddit's JSON from .zst to joined pairs, one core",
        "ours": round(mine, 1),
        "peer": round(theirs, 1),
        "ratio": round(mine / theirs, 2),
        "decompression_alone": round(bare, 1),
        "packed_bytes_a_comment": packed,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "unit": "MB/s of JSON, CPU time (peer: zstandard stream + json.loads per line)",
        "versions": {name: metadata.version(name) for name in ("handful", "zstandard", "msgspec")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
