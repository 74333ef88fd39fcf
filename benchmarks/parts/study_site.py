"""A study made up for a benchmark, `handful serve study` over it in its own process, and a PostgreSQL to keep it in.

The study is laid down as the stage `study` leaves it; no model has written a word of it.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from handful import STAGES, load, plan
from handful.core import jsonl
from handful.core.types import Comparison, Seal, Turn
from handful.run.environment import environment
from handful.run.store import Manifest, content_hashes, write_manifest

SYSTEMS = ("tuned", "rival")
RECIPE = """
name = "load"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
[train]
model = "gemma3-270m"
[generate.systems.tuned]
kind = "checkpoint"
[generate.systems.rival]
kind = "base"
[annotate]
people = {people}
shared = {shared}
"""
WORDS = (
    "water stone edge angle light slow press turn hold dry clean thin steel hand board cloth oil both then"
)
LINK = re.compile(r"http://[^\s]+/link/[\w-]+")


def text(rng: random.Random, characters: int) -> str:
    """Markdown as models write it: paragraphs, a list in every fourth, code in every ninth."""
    parts, length = [], 0
    while length < characters:
        words = " ".join(rng.choices(WORDS.split(), k=60))
        number = len(parts)
        if number % 9 == 8:
            part = f"```python\nprint({words[:60]!r})\n```"
        elif number % 4 == 3:
            part = "\n".join(
                f"- **{line.strip()}** and `{line[:5]}`" for line in re.findall(".{60}", words)[:4]
            )
        else:
            part = words.capitalize() + "."
        parts.append(part)
        length += len(part) + 2
    return "\n\n".join(parts)[:characters]


def make_study(root: Path, count: int, characters: int, *, people: int, shared: int) -> Path:
    """The recipe's path. Its work folder `work`, beside it, holds the finished study."""
    (root / "mine.jsonl").write_text('{"messages": []}\n')
    recipe, work = root / "load.toml", root / "work"
    recipe.write_text(RECIPE.format(people=people, shared=shared))
    work.mkdir()
    step = next(step for step in plan(STAGES, load(recipe), work) if step.label == "study")
    (step.folder / "sealed").mkdir(parents=True)
    (step.folder / "instructions").mkdir()
    rng = random.Random(0)
    bodies = [text(rng, characters) for _ in range(50)]

    def comparisons() -> Iterator[Comparison]:
        for n in range(count):
            asked = (Turn("user", f"How do I sharpen knife number {n}?"),)
            left, right = (
                f"Reply {n}{side}. {bodies[(n + shift) % 50]}"[:characters]
                for side, shift in (("a", 0), ("b", 7))
            )
            yield Comparison(f"c{n}", f"mine/{n}", asked, left, right)

    jsonl.write(step.folder / "comparisons.jsonl", comparisons())
    jsonl.write(step.folder / "submissions.jsonl", [])
    seals = (Seal(f"c{n}", f"mine/{n}", *(SYSTEMS if n % 2 else SYSTEMS[::-1])) for n in range(count))
    jsonl.write(step.folder / "sealed" / "key.jsonl", seals)
    for name in ("instructions.md", "instructions/preference.md"):
        (step.folder / name).write_text("Which of the two answers would you rather have?\n")
    manifest = Manifest(
        step.label,
        1,
        step.key,
        step.plain_params,
        step.inputs,
        {},
        content_hashes(step.folder),
        environment(),
    )
    write_manifest(step.folder, manifest)
    return recipe


@dataclass
class Site:
    url: str
    links: list[str]
    pid: int
    seconds_to_start: float

    def memory(self) -> float:
        """Of the server, in MB: what it holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


@contextmanager
def serving(recipe: Path, people: int, database: str = "") -> Iterator[Site]:
    """`handful serve study` with so many annotators, stopped as by Ctrl-C at the end."""
    command = [str(Path(sys.executable).with_name("handful")), "serve", "study", str(recipe), "--port", "0"]
    command += ["--work", str(recipe.with_name("work"))]
    command += [part for n in range(people) for part in ("--annotator", f"person{n:03}")]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "HANDFUL_DATABASE": database}
    if not database:
        del env["HANDFUL_DATABASE"]
    began = time.perf_counter()
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env)
    try:
        assert process.stdout is not None
        links: list[str] = []
        while len(links) <= people:  # the admin's first
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                raise SystemExit(f"the server ended: {errors.read()[-2000:]}")
            links += LINK.findall(line)
        url = links[0].split("/link/")[0]
        yield Site(url, links[1:], process.pid, time.perf_counter() - began)
    finally:
        ended = process.poll()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        errors.seek(0)
        told = errors.read()
        errors.close()
        if told:
            print(f"the server said: {told[-2000:]}", file=sys.stderr)
        if ended is not None:
            raise SystemExit("the server ended by itself")


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database in a cluster of its own, as the tests make it."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from postgres import Cluster

    cluster = Cluster()
    try:
        yield cluster.empty()
    finally:
        cluster.close()
