"""A dump's .7z archive to cleaned candidates, beside bare decompression of the same archive by the same decoder.

    python benchmarks/curate_archive.py [--json] [--megabytes N] [--rounds N] [--until parquet]

Decompression is the wall: no reader can be faster than its decoder. So each archive (LZMA2 and BZip2, Posts.xml alone,
as the largest sites come) is unpacked to nowhere, and read, joined and filtered by the stage `sources`, by the same
decoder on the same cores: 7-Zip's program in one thread, and the standard library. "One core" pins both sides, with all
their processes, to one core: what reading costs on top. "All cores" pins neither, and there 7-Zip may unpack BZip2 with
as many threads as there are cores. Every run is a fresh process, imports included; the sides take turns; the figure of
each is the median of its megabytes of XML per second of wall time. Beside it stands the same by processor time, which
is what to look at on a machine that others use. `--until parquet` takes `clean` and the writing of Parquet along;
`--solid` adds an archive of all tables, where others lie in front of Posts.xml. What is done once a run (starting,
imports) takes 0.3 s, so the ratio grows with `--megabytes`. The last line is JSON, BZip2 on one core by 7-Zip last.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from parts.measure import Spent, median, python, spend, take_turns

from handful.sources.stackexchange.archive import seven_zip

SITE = "bench.stackexchange.com"
METHODS = {"lzma2": ("-m0=lzma2", "-mx=3"), "bzip2": ("-m0=bzip2", "-mx=5")}
"""As in the dumps, but for LZMA2's level: 9 takes minutes and is unpacked at the same speed."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    archive: Path
    megabytes: float
    """Of Posts.xml."""
    cores: tuple[int, ...]
    """Empty: all."""
    program: str
    """7-Zip's, or "none" for the standard library."""
    threads: int
    """Of bare decompression."""


def pack(
    folder: Path, megabytes: float, methods: Sequence[str], solid: bool
) -> dict[str, tuple[Path, float]]:
    """Archives by name, and the size of Posts.xml in each."""
    tables = folder / "tables"
    spend(python("dumps", tables, "--megabytes", str(megabytes)))
    made = {name: (tables, METHODS[name]) for name in methods}
    if solid:
        spend(python("dumps", folder / "all", "--megabytes", str(megabytes / 4), "--tables"))
        made["solid"] = (folder / "all", METHODS["bzip2"])
    found = {}
    for name, (source, switches) in made.items():
        path = folder / name / f"{SITE}.7z"
        command = [seven_zip() or "7zz", "a", *switches, str(path), *map(str, sorted(source.iterdir()))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found[name] = path, (source / "Posts.xml").stat().st_size / 1e6
    return found


def cases(archives: dict[str, tuple[Path, float]]) -> list[Case]:
    """What to measure, the one that counts last."""
    program = seven_zip()
    everywhere = sorted(os.sched_getaffinity(0))
    found = []
    for name, (path, size) in archives.items():
        found.append(Case(f"{name}, standard library, one core", path, size, (everywhere[-1],), "none", 1))
        if program and len(everywhere) > 1:
            threads = len(everywhere) if name != "lzma2" else 1
            found.append(
                Case(f"{name}, 7-Zip, all {len(everywhere)} cores", path, size, (), program, threads)
            )
        if program:
            found.append(Case(f"{name}, 7-Zip, one core", path, size, (everywhere[-1],), program, 1))
    return sorted(found, key=lambda case: (case.name.startswith("bzip2"), case.name.endswith("one core")))


def bare(case: Case) -> list[str]:
    """Posts.xml to nowhere: of the standard library by our own reader of the container, without looking at a byte."""
    if case.program == "none":
        return [*python("parts.unpack", case.archive)]
    switches = ("-so", f"-mmt={case.threads}")
    return [case.program, "x", *switches, str(case.archive), "Posts.xml"]


def sides(case: Case, folder: Path, until: str) -> dict[str, Callable[[], Spent]]:
    numbers = itertools.count()

    def ours() -> Spent:
        out = folder / f"out-{next(numbers)}"
        workers = len(case.cores) or len(os.sched_getaffinity(0))
        options = ("--workers", str(workers), "--until", until, "--program", case.program)
        spent = spend(python("parts.stage", case.archive, out, *options), case.cores)
        shutil.rmtree(out)
        return spent

    return {"ours": ours, "bare": lambda: spend(bare(case), case.cores, discard=True)}


def compare(
    case: Case, folder: Path, rounds: int, until: str, report: Callable[[str], None]
) -> dict[str, float]:
    report(f"{case.name}, {case.megabytes:.0f} MB of XML in {case.archive.stat().st_size / 1e6:.0f} MB")
    spent = take_turns(sides(case, folder, until), rounds, report)
    rates = {name: case.megabytes / median(runs) for name, runs in spent.items()}
    cpu = {name: case.megabytes / median(runs, lambda run: run.cpu) for name, runs in spent.items()}
    result = {
        "ours": round(rates["ours"], 1),
        "bare": round(rates["bare"], 1),
        "ours_cpu": round(cpu["ours"], 1),
        "bare_cpu": round(cpu["bare"], 1),
        "ratio": round(rates["ours"] / rates["bare"], 3),
        "ratio_cpu": round(cpu["ours"] / cpu["bare"], 3),
    }
    report(f"{case.name}: {result}")
    return result


def versions() -> dict[str, str]:
    said = subprocess.run([seven_zip() or "true"], capture_output=True, text=True, check=False).stdout.split()
    number = said[said.index("(z)") + 1] if "(z)" in said else "none"
    return {"handful": metadata.version("handful"), "python": platform.python_version(), "7zip": number}


def main(given: Sequence[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--megabytes", type=float, default=200)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--until", choices=("sources", "parquet"), default="sources")
    arguments.add_argument("--solid", action="store_true", help="an archive of all tables, too")
    arguments.add_argument("--method", choices=METHODS, action="append", help="this alone  [default: all]")
    options = arguments.parse_args(given)
    report: Callable[[str], None] = (lambda line: None) if options.json else print
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archives = pack(folder, options.megabytes, options.method or list(METHODS), options.solid)
        found = {
            case.name: compare(case, folder, options.rounds, options.until, report)
            for case in cases(archives)
        }
    last = list(found.values())[-1]
    result = {
        "claim": f"{options.megabytes:.0f} MB of Posts.xml from .7z to candidates, beside bare decompression",
        "cases": {name: [case["ratio"], case["ratio_cpu"]] for name, case in found.items()},
        "unit": "MB/s of XML; cases: ratio by wall time and by processor time",
        "versions": versions(),
        "ours": last["ours"],
        "peer": last["bare"],
        "ratio": last["ratio"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
