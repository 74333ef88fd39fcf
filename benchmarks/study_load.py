"""Claim: 100 annotators at once, on 2 cores: 95 of 100 pages and of 100 answers take less than 100 ms; none is lost.

The server is `handful serve study`, started as a user would, over a made-up study; the annotators are another process
that speaks HTTP (parts/annotators.py) and shares the two cores with it. They read for 0.5 to 1.5 s, which is some ten
to a hundred times as fast as people are; `--think 0 0` is the closed loop, which shows how many answers a second there
can be, and whose waiting says nothing about people. The same load runs on SQLite and on PostgreSQL, which is started
here. Afterwards each acknowledged answer is looked for in the ledger, by a reason that no other has.

A third study has 10,000 comparisons of 2 x 20,000 characters, whose readers take 5 to 15 s. The last line is 100 ms
over the worst of all 95th percentiles: 1 or more holds the claim.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing, nullcontext
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from parts.study_site import Site, make_study, postgres, serving

MOST_MS = 100.0
MOST_UNBALANCED = 0.01
"""Share of items with the first text on the left, away from a half."""


@dataclass(frozen=True)
class Load:
    """A study and how it is answered."""

    database: str
    comparisons: int
    characters: int
    annotators: int
    items: int
    think: tuple[float, float]
    shared: int = 50

    @property
    def people(self) -> int:
        """Answers wanted for each comparison, so that there is enough for everybody."""
        return max(2, -(-self.annotators * self.items * 2 // self.comparisons))


def drive(site: Site, load: Load) -> dict[str, Any]:
    """What the simulated annotators saw."""
    order = {"links": site.links, "items": load.items, "think": load.think, "seed": 0}
    command = [sys.executable, "-m", "parts.annotators"]
    run = subprocess.run(
        command, input=json.dumps(order), capture_output=True, text=True, cwd=Path(__file__).parent
    )
    if run.returncode:
        raise SystemExit(f"the annotators failed: {run.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def kept(target: Path | str, acknowledged: list[str]) -> dict[str, Any]:
    """What the ledger holds of what was acknowledged: how many are lost or there twice, and the share of sides."""
    from handful.annotate.ledger import open_ledger

    with closing(open_ledger(target)) as ledger:
        answers = [row for row in ledger.history() if row.reason.startswith("person ")]
    times = Counter(row.reason for row in answers)
    questions = Counter((row.person, row.item, row.round) for row in answers)
    forward = sum(row.shown == "forward" for row in answers) / max(len(answers), 1)
    return {
        "answers": len(answers),
        "lost": len(set(acknowledged) - set(times)),
        "doubled": sum(n > 1 for n in times.values()) + sum(n > 1 for n in questions.values()),
        "forward": round(forward, 4),
    }


def percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values, q)), 1) for q in (50, 95, 99)}


def measure(load: Load, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        recipe = make_study(
            Path(folder), load.comparisons, load.characters, people=load.people, shared=load.shared
        )
        with serving(recipe, load.annotators, url) as site:
            told = drive(site, load)
            memory = site.memory()
        found = kept(url or recipe.with_name("work") / "people.sqlite", told["acknowledged"])
    if told["wrong"]:
        raise SystemExit(f"{load}: {len(told['wrong'])} annotators failed, such as {told['wrong'][0]}")
    found["unacknowledged"] = found["answers"] - len(told["acknowledged"])
    return {
        "database": load.database,
        "comparisons": load.comparisons,
        "characters": load.characters,
        "page_bytes": int(np.median(told["bytes"])),
        "serve_ms": percentiles(told["serve_ms"]),
        "store_ms": percentiles(told["store_ms"]),
        "answers_a_second": round(len(told["acknowledged"]) / told["seconds"], 1),
        "start_seconds": round(site.seconds_to_start, 1),
        "server_mb": round(memory),
        **found,
    }


def loads(options: argparse.Namespace) -> list[Load]:
    think, items = tuple(options.think), options.items
    plain = [Load(name, 2000, 1500, options.annotators, items, think) for name in options.databases]
    if options.short:
        return plain
    return [*plain, Load("sqlite", 10_000, 20_000, options.annotators, max(items // 3, 1), (5.0, 15.0))]


def sound(result: dict[str, Any]) -> bool:
    """Whether nothing was lost or doubled, and the sides are balanced."""
    whole = not result["lost"] and not result["doubled"] and not result["unacknowledged"]
    return whole and abs(result["forward"] - 0.5) <= MOST_UNBALANCED


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON and the ratio alone")
    arguments.add_argument(
        "--short", action="store_true", help="without the study of 10,000 long comparisons"
    )
    arguments.add_argument("--annotators", type=int, default=100)
    arguments.add_argument("--items", type=int, default=20, help="answers of each annotator")
    arguments.add_argument("--think", type=float, nargs=2, default=(0.5, 1.5), help="seconds, from and to")
    arguments.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    options = arguments.parse_args()
    results = []
    for load in loads(options):
        with postgres() if load.database == "postgresql" else nullcontext("") as url:
            results.append(measure(load, url))
        if not options.json:
            print(json.dumps(results[-1]), flush=True)
    worst = max(result[what]["p95"] for result in results for what in ("serve_ms", "store_ms"))
    holds = all(map(sound, results))
    told = {
        "claim": f"{options.annotators} annotators at once: p95 below {MOST_MS:g} ms, nothing lost or doubled",
        "cores": len(os.sched_getaffinity(0)),
        "studies": results,
        "worst_p95_ms": worst,
        "nothing_lost_and_balanced": holds,
        "versions": {"python": platform.python_version()}
        | {
            name: metadata.version(name)
            for name in ("handful", "fastapi", "uvicorn", "sqlalchemy", "psycopg")
        },
        "ratio": round(MOST_MS / worst, 2) if holds else 0.0,
    }
    print(json.dumps(told))
    print(told["ratio"])


if __name__ == "__main__":
    main()
