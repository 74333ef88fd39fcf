"""What a rule took: a sample of its drops, and their texts, found again by id in the folders that were read.

Files are streamed; a dump leaves millions of drops, and only the sample is held.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from handful.core.errors import CorruptFolder, DataError
from handful.core.rng import rng_for
from handful.core.types import Dropped
from handful.run.progress import progress
from handful.run.store import finished, read_manifest

ID_FIRST = b'{"id":"'
QUICK_MB = 100.0
"""Smaller files are read in a second, and need no bar."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A line of a file of drops."""

    file: Path
    line: int
    record: Dropped


@dataclass(frozen=True, slots=True)
class Text:
    """The record of a text, and the step in whose folder it was found: in that of a source it is HTML."""

    step: str
    record: dict[str, Any]

    @property
    def is_html(self) -> bool:
        return self.step.startswith("sources/")


@dataclass(frozen=True, slots=True)
class Taken:
    """What one rule took in one folder: how many, and a sample in the order of the file."""

    step: str
    folder: Path
    took: int
    sample: tuple[tuple[Drop, Text | None], ...]


def taken(path: Path, rule: str, count: int, seed: int = 0) -> list[Taken]:
    """What `rule` took in a finished folder, or in every finished folder of a work folder.

    A folder of `clean` counts again what was dropped while its sources were read: those folders are looked into, too.

    Args:
        count: how many drops to draw in each folder, evenly.

    Raises:
        DataError: the rule took nothing; names the rules that did.
        CorruptFolder: `path` is neither.
    """
    all_rules: Counter[str] = Counter()
    found = []
    for folder in folders_of(path):
        rules, sample = survey(folder, rule, count, rng_for(seed, "show", rule, folder.name))
        all_rules.update(rules)
        if rules[rule]:
            texts = texts_of(folder, {drop.record.id for drop in sample})
            pairs = tuple((drop, texts.get(drop.record.id)) for drop in sample)
            found.append(Taken(read_manifest(folder).step, folder, rules[rule], pairs))
    if not found:
        listed = ", ".join(f"{name} {n:,}" for name, n in all_rules.most_common())
        raise DataError(
            f"{path}: no rule {rule!r} took anything here; these did: {listed}"
            if listed
            else f"{path}: nothing was dropped here, by this rule or another"
        )
    return found


def folders_of(path: Path) -> list[Path]:
    """A finished folder and, for `clean`, its sources; or the finished folders of a work folder."""
    try:
        manifest = read_manifest(path)
    except CorruptFolder:
        if found := finished(path):
            return found
        raise
    sources = [label for label in manifest.inputs if label.startswith("sources/")]
    return [path, *(inputs_of(path, sources) if manifest.step == "clean" else ())]


def inputs_of(folder: Path, labels: Iterable[str] | None = None) -> Iterator[Path]:
    """The folders that a finished folder was made from, as far as they are still there."""
    inputs = read_manifest(folder).inputs
    for label in inputs if labels is None else labels:
        made_from = folder.parent / f"{label.replace('/', '-')}-{inputs[label]}"
        if made_from.is_dir():
            yield made_from


def survey(folder: Path, rule: str, count: int, rng: random.Random) -> tuple[Counter[str], list[Drop]]:
    """How many drops each rule has in a folder, and `count` of those of `rule`, each as likely as any other.

    A reservoir (Vitter's algorithm R): the i-th drop replaces one of those held with probability count / i.
    """
    rules: Counter[str] = Counter()
    held: list[Drop] = []
    files = [file for file in sorted(folder.glob("*.jsonl")) if is_of_drops(file)]
    total = sum(file.stat().st_size for file in files) / 1e6
    bar = (
        progress(f"reading drops of {folder.name}", total, "MB")
        if total > QUICK_MB
        else nullcontext(no_report)
    )
    with bar as advance:
        for drop, size in drops_of(files):
            rules[drop.record.rule] += 1
            advance(size / 1e6)
            if drop.record.rule != rule:
                continue
            if len(held) < count:
                held.append(drop)
            elif (place := rng.randrange(rules[rule])) < count:
                held[place] = drop
    return rules, sorted(held, key=lambda drop: (drop.file, drop.line))


def is_of_drops(file: Path) -> bool:
    """Whether a file's records are drops, as its first line shows."""
    with file.open("rb") as lines:
        first = lines.readline()
    try:
        msgspec.json.decode(first, type=Dropped)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True


def drops_of(files: Iterable[Path]) -> Iterator[tuple[Drop, int]]:
    """Every drop, and how many bytes its line has."""
    decoder = msgspec.json.Decoder(Dropped)
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield Drop(file, number, decoder.decode(line)), len(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise DataError(f"{file}:{number}: {error}") from error


def no_report(amount: float = 1, note: str = "") -> None:
    """For files that are read at once."""


def texts_of(folder: Path, ids: set[str]) -> dict[str, Text]:
    """The texts of `ids`: in the folder itself, or else in what it was made from, the nearest first."""
    found: dict[str, Text] = {}
    layer, seen = [folder], {folder}
    while layer and len(found) < len(ids):
        for place in layer:
            step = read_manifest(place).step
            for record in records_of(sorted(place.glob("*.jsonl")), ids - found.keys()):
                found.setdefault(record["id"], Text(step, record))
        layer = [made_from for place in layer for made_from in inputs_of(place) if made_from not in seen]
        seen.update(layer)
    return found


def records_of(files: Sequence[Path], ids: set[str]) -> Iterator[dict[str, Any]]:
    """The records of `ids` that have a text: a question with its answer, or a dialogue. Ends when it has all."""
    left = {id.encode() for id in ids}
    for file in files:
        if not left:
            return
        with file.open("rb") as lines:
            for line in lines:
                id = id_of(line)
                if id not in left:
                    continue
                record = json.loads(line)
                if "answer" in record or "turns" in record:
                    yield record
                    left.discard(id)
                    if not left:
                        return


def id_of(line: bytes) -> bytes:
    """The id of a record in bytes, without decoding the record: our writer puts it first. Empty where it has none."""
    if line.startswith(ID_FIRST):
        id = line[len(ID_FIRST) : line.find(b'"', len(ID_FIRST))]
        if b"\\" not in id:
            return id
    try:
        record = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return b""
    return str(record.get("id", "")).encode() if isinstance(record, dict) else b""
