"""Our side: a dump in, Parquet out, in a fresh process. The stages are the pipeline's own, called as it calls them.

    python -m parts.stage DUMP OUT [--workers N] [--program PROGRAM|none] [--until sources|clean|parquet]

The last line is JSON: what was counted, and this process's seconds of processor time by stage, its imports first.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.types import Candidate
from handful.recipe.curation import Clean
from handful.recipe.sources import StackExchange
from handful.recipe.values import InputPath
from handful.run.engine import Engine, using
from handful.run.store import Manifest, write_manifest
from handful.sources.stackexchange import archive
from handful.sources.work import work as read

SOURCE = "stem"
UNTIL = ("sources", "clean", "parquet")


def curate(dump: Path, out: Path, workers: int, until: str, clock: dict[str, float]) -> dict[str, Any]:
    """`sources`, `clean` and the candidates as Parquet with all of their attribution, each into a folder of `out`."""
    params, counts = Clean(), {}
    folders = {name: out / name for name in UNTIL}
    for folder in folders.values():
        folder.mkdir(parents=True)
    entry = {
        "source": StackExchange(kind="stackexchange", paths=(InputPath(dump),)),
        "rules": {"min_answer_score": params.min_answer_score, "min_chars": params.min_chars},
    }
    with using(Engine(workers=workers)):
        counts["sources"] = read({SOURCE: entry}, {}, folders["sources"])
        write_manifest(
            folders["sources"],
            Manifest(f"sources/{SOURCE}", 1, "0" * 12, {}, {}, counts["sources"], {}, {}),
        )
        clock["sources"] = time.process_time()
        if until != "sources":
            from handful.clean.work import work as clean  # as late as in the product

            counts["clean"] = clean(params, {f"sources/{SOURCE}": folders["sources"]}, folders["clean"])
            clock["clean"] = time.process_time()
        if until == "parquet":
            from handful.dataset.parquet import write_parquet

            kept = jsonl.read(folders["clean"] / "candidates.jsonl", Candidate)
            counts["rows"] = write_parquet(kept, folders["parquet"] / "candidates.parquet")
            clock["parquet"] = time.process_time()
    return counts


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("dump", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--program", default="", help='7-Zip\'s; "none" for the standard library')
    arguments.add_argument("--until", choices=UNTIL, default="parquet")
    options = arguments.parse_args()
    if options.program == "none":
        archive.seven_zip = lambda: None
    clock = {"imports": time.process_time()}
    counts = curate(options.dump, options.out, options.workers, options.until, clock)
    times = list(clock.values())
    spent = {
        name: round(end - start, 3) for name, end, start in zip(clock, times, [0.0, *times[:-1]], strict=True)
    }
    print(json.dumps({"counts": counts, "seconds": spent}))


if __name__ == "__main__":
    main()
