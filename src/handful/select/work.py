"""Draw the training examples: so many of each source, evenly over its communities.

What is available is read twice: once for what a draw needs to know, and once for the texts that were drawn. So
memory holds no more than the sample.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.rng import rng_for
from handful.core.types import Candidate, Dropped, Example, Prompt
from handful.recipe.curation import Select
from handful.run.progress import progress
from handful.run.store import read_manifest
from handful.select.compose import BODY, TITLE, compose
from handful.select.quota import settle
from handful.select.sample import Entry, sample


def work(params: Select, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill the folder `select` (docs/artifacts.md).

    Raises:
        DataError: a quota names no source, or asks for more than is left.
    """
    folder = inputs["clean"]
    cleaned = read_manifest(folder).counts["sources"]
    entries = [entry_of(text, place) for place, text in enumerate(available_texts(folder))]
    shelves: dict[str, list[Entry]] = {name: [] for name in sorted(cleaned)}
    for entry in entries:
        shelves.setdefault(entry.source, []).append(entry)
    available = {name: len(shelf) for name, shelf in shelves.items()}
    wanted = settle(params, available, cleaned)
    drawn = [entry for name, shelf in shelves.items() for entry in draw(name, shelf, wanted[name], params)]
    examples = read_drawn(folder, drawn, params)
    jsonl.write(out / "train.jsonl", examples)
    jsonl.write(out / "not_drawn.jsonl", not_drawn(entries, drawn))
    jsonl.write(out / "dev.jsonl", jsonl.read(folder / "dev.jsonl", Example))
    jsonl.write(out / "test.jsonl", jsonl.read(folder / "test.jsonl", Prompt))
    prompts = Counter(example.tags[0] for example in examples if example.tags[:1] in ((TITLE,), (BODY,)))
    return {
        "available": available,
        "drawn": wanted,
        "communities": {
            name: dict(sorted(Counter(e.community for e in drawn if e.source == name).items()))
            for name in shelves
        },
        "prompts": {"title": prompts[TITLE], "body": prompts[BODY]},
    }


def draw(name: str, shelf: list[Entry], count: int, params: Select) -> list[Entry]:
    """A source's sample. One that is taken whole keeps its order: there is nothing to draw."""
    if name not in params.quota:
        return shelf
    temperature = math.inf if name in params.even else params.temperature
    return sample(shelf, count, temperature, rng_for(params.seed, "select", name))


def available_texts(folder: Path) -> Iterator[Candidate | Example]:
    """All that may be drawn, always in the same order."""
    yield from jsonl.read(folder / "candidates.jsonl", Candidate)
    yield from jsonl.read(folder / "examples.jsonl", Example)


def entry_of(text: Candidate | Example, place: int) -> Entry:
    score = text.question_score if isinstance(text, Candidate) else text.score
    return Entry(text.id, text.origin.source, text.origin.community, score, place)


def read_drawn(folder: Path, drawn: list[Entry], params: Select) -> list[Example]:
    """The texts that were drawn, as examples, in drawn order."""
    wanted = {entry.place for entry in drawn}
    found: dict[int, Example] = {}
    with progress("composing", len(wanted), "examples") as advance:
        for place, text in enumerate(available_texts(folder)):
            if place in wanted:
                found[place] = compose(text, params) if isinstance(text, Candidate) else text
                advance()
    return [found[entry.place] for entry in drawn]


def not_drawn(entries: list[Entry], drawn: list[Entry]) -> Iterator[Dropped]:
    """A line for each text that was left, with how much of its community was drawn."""
    taken = {entry.place for entry in drawn}
    shares = Counter((entry.source, entry.community) for entry in drawn)
    sizes = Counter((entry.source, entry.community) for entry in entries)
    for entry in entries:
        if entry.place not in taken:
            community = (entry.source, entry.community)
            merit = "" if entry.score is None else f", question score {entry.score}"
            detail = f"{shares[community]:,} of {sizes[community]:,} drawn from {entry.community}{merit}"
            yield Dropped(entry.id, "not_drawn", detail)
