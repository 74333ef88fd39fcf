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
from handful.select.reviews import REJECTED, Reviewed, read_reviews, with_review
from handful.select.sample import Entry, sample


def work(params: Select, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill the folder `select` (docs/artifacts.md).

    What people reviewed (`params.reviews`) comes first: what they reject is out, what they accept or edit is drawn
    before all else of its source, and what they wrote is added to its source's quota.

    Raises:
        DataError: a quota names no source, or asks for more than is left; or a review that cannot be read or is of
            no text that there is.
    """
    folder = inputs["clean"]
    cleaned = read_manifest(folder).counts["sources"]
    reviewed = Reviewed(read_reviews(params.reviews))
    entries = read_entries(folder, reviewed)
    shelves: dict[str, list[Entry]] = {name: [] for name in sorted(cleaned)}
    for entry in entries:
        shelf = shelves.setdefault(entry.source, [])
        if not reviewed.rejected(entry.place):
            shelf.append(entry)
    available = {name: len(shelf) for name, shelf in shelves.items()}
    wanted = settle(params, available, with_rejected(cleaned, entries, reviewed))
    written = reviewed.written(len(entries))
    for entry, _ in written:
        shelves.setdefault(entry.source, [])
        available[entry.source] = available.get(entry.source, 0) + 1
    drawn: list[Entry] = []
    for name, shelf in shelves.items():
        drawn += draw(name, shelf, wanted.get(name, 0), params, reviewed)
        drawn += [entry for entry, _ in written if entry.source == name]
    wanted = {name: sum(entry.source == name for entry in drawn) for name in shelves}
    examples = read_drawn(folder, drawn, params, reviewed, {entry.place: text for entry, text in written})
    jsonl.write(out / "train.jsonl", examples)
    jsonl.write(out / "not_drawn.jsonl", not_drawn(entries, drawn, reviewed))
    if params.reviews:
        jsonl.write(out / "reviews_unused.jsonl", reviewed.unused)
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
        **({"reviews": reviewed.counts()} if params.reviews else {}),
    }


def draw(name: str, shelf: list[Entry], count: int, params: Select, reviewed: Reviewed) -> list[Entry]:
    """A source's sample. One that is taken whole keeps its order: there is nothing to draw.

    What reviewers keep is drawn first; only where that is more than the quota is there a draw among it.
    """
    if name not in params.quota:
        return shelf
    temperature = math.inf if name in params.even else params.temperature
    kept = [entry for entry in shelf if reviewed.kept(entry.place)]
    first: list[Entry] = []
    if kept:
        rng = rng_for(params.seed, "select", name, "reviewed")
        first = sample(kept, min(count, len(kept)), temperature, rng)
    rest = [entry for entry in shelf if not reviewed.kept(entry.place)]
    return first + sample(rest, count - len(first), temperature, rng_for(params.seed, "select", name))


def with_rejected(
    cleaned: Mapping[str, Any], entries: list[Entry], reviewed: Reviewed
) -> dict[str, Mapping[str, Any]]:
    """The counts of `clean` by source, with what reviewers rejected as one more rule that took some."""
    took = Counter(entry.source for entry in entries if reviewed.rejected(entry.place))
    return {
        name: {**counts, "dropped": {**counts.get("dropped", {}), REJECTED: took[name]}}
        if took[name]
        else counts
        for name, counts in cleaned.items()
    }


def read_entries(folder: Path, reviewed: Reviewed) -> list[Entry]:
    """What a draw must know of every text that is available; tells `reviewed` of each."""
    entries = []
    for place, text in enumerate(available_texts(folder)):
        reviewed.see(text, place)
        entries.append(entry_of(text, place))
    reviewed.settle(folder)
    return entries


def available_texts(folder: Path) -> Iterator[Candidate | Example]:
    """All that may be drawn, always in the same order."""
    yield from jsonl.read(folder / "candidates.jsonl", Candidate)
    yield from jsonl.read(folder / "examples.jsonl", Example)


def entry_of(text: Candidate | Example, place: int) -> Entry:
    score = text.question_score if isinstance(text, Candidate) else text.score
    return Entry(text.id, text.origin.source, text.origin.community, score, place)


def read_drawn(
    folder: Path, drawn: list[Entry], params: Select, reviewed: Reviewed, written: Mapping[int, Example]
) -> list[Example]:
    """The texts that were drawn, as examples, in drawn order; those that were edited, as edited."""
    wanted = {entry.place for entry in drawn}
    found: dict[int, Example] = dict(written)
    with progress("composing", len(wanted), "examples") as advance:
        for place, text in enumerate(available_texts(folder)):
            if place in wanted:
                example = compose(text, params) if isinstance(text, Candidate) else text
                found[place] = with_review(example, reviewed.places.get(place))
                advance()
    return [found[entry.place] for entry in drawn]


def not_drawn(entries: list[Entry], drawn: list[Entry], reviewed: Reviewed) -> Iterator[Dropped]:
    """A line for each text that was left, with how much of its community was drawn, or who rejected it and why."""
    taken = {entry.place for entry in drawn}
    shares = Counter((entry.source, entry.community) for entry in drawn)
    sizes = Counter((entry.source, entry.community) for entry in entries)
    for entry in entries:
        if reviewed.rejected(entry.place):
            decided = reviewed.places[entry.place]
            yield Dropped(
                entry.id, REJECTED, ": ".join(filter(None, (", ".join(decided.by), decided.reason)))
            )
        elif entry.place not in taken:
            community = (entry.source, entry.community)
            merit = "" if entry.score is None else f", question score {entry.score}"
            detail = f"{shares[community]:,} of {sizes[community]:,} drawn from {entry.community}{merit}"
            yield Dropped(entry.id, "not_drawn", detail)
