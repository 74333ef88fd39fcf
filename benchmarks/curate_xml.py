"""A plain Posts.xml to filtered, joined, cleaned and attributed Parquet, beside the ways of two well-known data sets.

    python benchmarks/curate_xml.py [--json] [--megabytes N] [--peer-megabytes N] [--rounds N]

Ours are the stages `sources` and `clean` and the table of candidates, in one process (parts/stage.py). The peers take
the steps of EleutherAI/stackexchange-dataset and of RedPajama's stack_exchange, with their libraries: how, and what
differs, is in parts/eleutherai.py and parts/redpajama.py. Every run is a fresh process: starting Python and importing
libraries is in its time. The sides take turns; the figure of each is the median of its megabytes per second of wall
time, all on one core. The peers read a smaller dump of the same kind, since their speed does not depend on its size and
ours gains by it (what is done once a run); `--peer-megabytes 0` gives them the same file.

On the peers' dump all sides must keep the same pairs where their rules agree: what EleutherAI's way keeps that has 10
votes and 1,200 bytes, RedPajama's best answers with both, and the candidates of our scan are the same pairs. The last
line is JSON, its ratio to EleutherAI's way last.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from parts.measure import Spent, median, python, spend, take_turns

from handful.core import jsonl
from handful.core.types import Candidate

SITE = "bench.stackexchange.com"
LIBRARIES = ("handful", "numpy", "pyarrow", "selectolax", "msgspec", "beautifulsoup4", "lxml")
MIN_SCORE, MIN_BYTES = 10, 1200

Pairs = set[tuple[int, int]]


def generate(folder: Path, megabytes: float) -> Path:
    """In a process of its own: what this one holds counts as the peak of those that it starts."""
    spend(python("dumps", folder, "--megabytes", str(megabytes)))
    return folder / "Posts.xml"


def sides(large: Path, small: Path, folder: Path) -> dict[str, Callable[[], Spent]]:
    """What to run, each on one core and into a folder that was not there."""
    core = [max(os.sched_getaffinity(0))]
    fresh = (folder / f"out-{number}" for number in itertools.count())

    def run(module: str, posts: Path) -> Spent:
        out = next(fresh)
        spent = spend(python(module, posts, out), core)
        shutil.rmtree(out) if out.is_dir() else out.unlink()
        return spent

    return {
        "ours": lambda: run("parts.stage", large),
        "eleutherai": lambda: run("parts.eleutherai", small),
        "redpajama": lambda: run("parts.redpajama", small),
    }


def compare(posts: Path, folder: Path) -> dict[str, int]:
    """Check that all sides take the same pairs from a dump. Returns how many each has."""
    ours = pairs_of_ours(posts, folder / "ours")
    listed = spend(python("parts.eleutherai", posts, folder / "texts.zip")).told["kept"]
    theirs = {
        (question, answer)
        for question, answer, score, size in listed
        if score >= MIN_SCORE and size >= MIN_BYTES
    }
    spend(python("parts.redpajama", posts, folder / "redpajama"))
    best = pairs_of_redpajama(folder / "redpajama" / "pairs.jsonl")
    assert ours == theirs, f"ours and EleutherAI's differ in {sorted(ours ^ theirs)[:5]}"
    assert ours == best, f"ours and RedPajama's differ in {sorted(ours ^ best)[:5]}"
    return {"ours": len(ours), "eleutherai": len(listed), "redpajama": len(best)}


def pairs_of_ours(posts: Path, out: Path) -> Pairs:
    spend(python("parts.stage", posts, out, "--until", "sources"))
    items = (
        row.origin.item.split("/") for row in jsonl.read(out / "sources" / "candidates.jsonl", Candidate)
    )
    return {(int(question), int(answer)) for _, question, _, answer in items}


def pairs_of_redpajama(path: Path) -> Pairs:
    """The best answer of each question, where it has the votes and the length."""
    found = set()
    with path.open() as file:
        for pair in map(json.loads, file):
            question = int(pair["question"]["id"])
            if pair["answers"] and question < 10**9:  # the dump's false posts: they keep them
                best = max(pair["answers"], key=lambda answer: (int(answer["score"]), -int(answer["id"])))
                if int(best["score"]) >= MIN_SCORE and len(best["text"].encode()) >= MIN_BYTES:
                    found.add((question, int(best["id"])))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--megabytes", type=float, default=1000)
    arguments.add_argument("--peer-megabytes", type=float, default=50)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    report: Callable[[str], None] = (lambda line: None) if options.json else print
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = small = generate(folder / "large" / SITE, options.megabytes)
        if options.peer_megabytes:
            small = generate(folder / "small" / SITE, options.peer_megabytes)
        (folder / "compared").mkdir()
        report(f"pairs on the smaller dump: {compare(small, folder / 'compared')}")
        spent = take_turns(sides(large, small, folder), options.rounds, report)
        sizes = {name: (large if name == "ours" else small).stat().st_size / 1e6 for name in spent}
    rates = {name: round(sizes[name] / median(runs), 1) for name, runs in spent.items()}
    by_cpu = {name: round(sizes[name] / median(runs, lambda run: run.cpu), 1) for name, runs in spent.items()}
    for name, runs in spent.items():
        report(f"{name}: {rates[name]} MB/s, {by_cpu[name]} of processor time, {sizes[name]:.0f} MB")
        if name == "ours":
            report(f"ours by stage, seconds of the processor, last round: {runs[-1].told['seconds']}")
    result = {
        "claim": f"{sizes['ours']:.0f} MB of Posts.xml to cleaned, attributed Parquet, one core, imports included",
        "ours": rates["ours"],
        "peer": rates["eleutherai"],
        "redpajama": rates["redpajama"],
        "cpu": by_cpu,
        "unit": f"MB/s; peers on {sizes['eleutherai']:.0f} MB",
        "peak_mb": {name: round(median(runs, lambda run: run.peak_mb)) for name, runs in spent.items()},
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in LIBRARIES},
        "ratio_redpajama": round(rates["ours"] / rates["redpajama"], 2),
        "ratio": round(rates["ours"] / rates["eleutherai"], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
