"""Super-NaturalInstructions: pick the generation tasks of a folder, draw an instance of each; ours and the usual way.

The peer decodes each task whole, and then applies the same rules and draws the same instance.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import zstandard

from handful.core.rng import rng_for
from handful.core.types import Dropped, Example, Noun
from handful.recipe.sources import SuperNaturalInstructions
from handful.recipe.values import InputPath
from handful.sources.instructions.read import read, shuffled
from handful.sources.instructions.rules import LETTERS
from handful.sources.instructions.task import MEASURED
from parts.made_up import generate_tasks
from parts.section import DATA, Found, Section


def instructions_json(folder: Path, megabytes: float) -> Section:
    """Plain JSON, indented, as the collection publishes it; the peer as most write it."""
    return instructions(task_files(folder, megabytes), folder, load_open, "json.load of an open text file")


def instructions_bytes(folder: Path, megabytes: float) -> Section:
    """The same, and the fastest that the peer can be."""
    return instructions(task_files(folder, megabytes), folder, load_bytes, "json.loads of a file's bytes")


def instructions_zst(folder: Path, megabytes: float) -> Section:
    """Packed: both sides unpack with the same library."""
    what = task_files(folder, megabytes)
    for path in sorted(folder.glob("*.json")):
        path.with_name(path.name + ".zst").write_bytes(zstandard.compress(path.read_bytes()))
        path.unlink()
    section = instructions(f"{what}, packed", folder, load_zst, "zstandard and json.loads")
    files = sorted(folder.iterdir())
    return replace(section, unpack=lambda: [len(unzst(path)) for path in files])


def instructions(what: str, folder: Path, load: Callable[[Path], Any], peer_is: str) -> Section:
    files = sorted(folder.iterdir())
    size = sum(len(unzst(path)) if path.suffix == ".zst" else path.stat().st_size for path in files)
    return Section(f"{what} to examples", size, lambda: ours(folder), lambda: plain(files, load), peer_is)


def task_files(folder: Path, megabytes: float) -> str:
    """Fill `folder` with task files, and say which."""
    real = sorted((DATA / "super_natural_instructions" / "tasks").glob("*.json*"))
    for path in real:
        content = unzst(path) if path.suffix == ".zst" else path.read_bytes()
        (folder / path.name.removesuffix(".zst")).write_bytes(content)
    if not real:
        generate_tasks(folder, megabytes)
    count = sum(1 for _ in folder.iterdir())
    return f"{count} {'real' if real else 'generated'} tasks"


def load_open(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        return json.load(file)


def load_bytes(path: Path) -> Any:
    return json.loads(path.read_bytes())


def load_zst(path: Path) -> Any:
    return json.loads(unzst(path))


def unzst(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())


def ours(folder: Path) -> Found:
    found: Found = set()

    def put(file: str, record: Noun) -> None:
        if isinstance(record, Example):
            found.add((record.id, *(turn.text for turn in record.turns)))
        elif isinstance(record, Dropped):
            found.add((record.id, record.rule))

    read("ni", settings(folder), {}, put, folder)
    return found


def settings(folder: Path) -> SuperNaturalInstructions:
    return SuperNaturalInstructions(kind="super_natural_instructions", paths=(InputPath(folder),))


def plain(files: list[Path], load: Callable[[Path], Any]) -> Found:
    """The same rules and the same draw over whole decoded tasks. What real tasks never are is not checked."""
    source = settings(files[0].parent)
    found: Found = set()
    for path in files:
        title = path.name.partition(".")[0]
        task = load(path)
        rule = why_not(task, source)
        if rule:
            found.add((title, rule))
            continue
        rng = rng_for(source.seed, "sources", "super_natural_instructions", title)
        one = task["Instances"][next(shuffled(len(task["Instances"]), rng))]
        prompt = f"{task['Definition'][0].strip()}\n\n{one['input'].strip()}"
        found.add((f"ni/{title}/{one['id']}", prompt, one["output"][0].strip()))
    return found


def why_not(task: Any, source: SuperNaturalInstructions) -> str:
    languages = {*task["Instruction_language"], *task["Input_language"], *task["Output_language"]}
    if languages - set(source.languages):
        return "language"
    if task["Categories"][0] in source.exclude_categories:
        return "category"
    measured = task["Instances"][:MEASURED]
    answers = [one["output"][0].strip() for one in measured]
    count = len(answers)
    if len(set(answers)) / count < source.min_distinct_share:
        return "label_task"
    joined = " ".join(answers)
    if len(joined.split()) / count < source.min_mean_words:
        return "label_task"
    if sum(one["output"][0].strip() in one["input"] for one in measured) / count > source.max_copied_share:
        return "copied_answers"
    encoded = joined.encode()
    if 1 - len(encoded.translate(None, LETTERS)) / len(encoded) < source.min_letter_share:
        return "not_prose"
    return ""
