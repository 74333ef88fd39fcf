"""Clean every source's candidates, apply the rules, and count what each took.

Candidates are streamed: those that pass the rules wait in a file, and only their prompts' digests are in memory, until
the duplicates among all of them are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from handful.clean.duplicates import Entry, duplicates, entry
from handful.clean.rules import RULES, reason_to_drop
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped, Example, Prompt
from handful.markup.html import to_line, to_text
from handful.recipe.schema import Clean
from handful.run.progress import Advance, progress
from handful.run.store import only, read_manifest

OWN_ORDER = (*RULES, "empty_turn", "duplicate")
WAITING = "passed.jsonl"
KEEPERS = {
    "low_score": "lower clean.min_answer_score",
    "too_short": "lower clean.min_chars",
    "too_long": "raise clean.max_chars",
    "first_person": "set clean.drop_first_person = false",
    "cross_reference": "set clean.drop_cross_references = false",
    "duplicate": "set clean.drop_duplicates = false",
}

Put = Callable[[Any], None]


class Passed(msgspec.Struct, omit_defaults=True):
    """A line of the file of what passed the rules: one of the two."""

    candidate: Candidate | None = None
    example: Example | None = None


class Funnel:
    """How many came in and what took them, a source at a time."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.dropped: dict[str, Counter[str]] = {}

    def counts(self) -> dict[str, Any]:
        sources = {name: self.of(self.came[name], dropped) for name, dropped in self.dropped.items()}
        return {**self.of(self.came.total(), sum(self.dropped.values(), Counter())), "sources": sources}

    def of(self, came: int, dropped: Counter[str]) -> dict[str, Any]:
        earlier = sorted(rule for rule in dropped if rule not in OWN_ORDER)  # reasons that only a reader has
        ordered = {rule: dropped[rule] for rule in (*earlier, *OWN_ORDER) if dropped[rule]}
        return {"candidates": came, "kept": came - dropped.total(), "dropped": ordered}


def work(params: Clean, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill the folder `clean` (docs/artifacts.md). `candidates` counts all that came in, ready-made examples too.

    Raises:
        DataError: the rules left nothing to train on; says which rule took how many.
    """
    # By name, not in the recipe's order: the folder's key does not know that order either.
    sources = dict(sorted(only(inputs, "sources").items()))
    funnel = Funnel()
    entries: list[Entry] = []
    owners: list[str] = []
    total = sum(read_manifest(folder).counts["candidates"] for folder in sources.values())
    with (
        jsonl.writer(out / WAITING) as wait,
        jsonl.writer(out / "dropped.jsonl") as drop,
        progress("cleaning", total, "candidates") as advance,
    ):
        for name, folder in sources.items():
            before = Counter({rule: n for rule, n in read_manifest(folder).counts["dropped"].items() if n})
            funnel.dropped[name] = before
            funnel.came[name] += before.total()
            for text in passing(folder, params, funnel, name, drop, advance):
                wait(Passed(candidate=text) if isinstance(text, Candidate) else Passed(example=text))
                entries.append(entry(text))
                owners.append(name)
        stays = dict(duplicates(entries)) if params.drop_duplicates else {}
        for position in sorted(stays):
            drop(Dropped(entries[position].id, "duplicate", f"same prompt as {stays[position]}"))
            funnel.dropped[owners[position]]["duplicate"] += 1
    keep_others(out, stays)
    asked = copy_prompts(sources, out)
    counts = funnel.counts()
    if not counts["kept"] and not (asked and not counts["candidates"]):
        raise DataError(nothing_left(counts))
    return counts


def passing(
    folder: Path, params: Clean, funnel: Funnel, name: str, drop: Put, advance: Advance
) -> Iterator[Candidate | Example]:
    """What a source has that breaks no rule: candidates as text, examples as they are. The rest is dropped."""
    for example in jsonl.read(folder / "examples.jsonl", Example):
        funnel.came[name] += 1
        if reason := empty_turn(example):
            drop(Dropped(example.id, "empty_turn", reason))
            funnel.dropped[name]["empty_turn"] += 1
        else:
            yield example
    for raw in jsonl.read(folder / "candidates.jsonl", Candidate):
        funnel.came[name] += 1
        candidate = msgspec.structs.replace(raw, answer=to_text(raw.answer))
        found = reason_to_drop(candidate, params)
        if not found:  # few come here: the question is read last
            candidate = msgspec.structs.replace(candidate, title=to_line(raw.title), body=to_text(raw.body))
            found = reason_to_drop(candidate, params)
        if found:
            rule, detail = found
            drop(Dropped(candidate.id, rule, detail))
            funnel.dropped[name][rule] += 1
        else:
            yield candidate
        advance()


def empty_turn(dialogue: Example | Prompt) -> str | None:
    """Which turn of a dialogue has no text, in words, or None."""
    for number, turn in enumerate(dialogue.turns):
        if not turn.text.strip():
            return f"turn {number}, by the {turn.role}, has no text"
    return None


def keep_others(out: Path, stays: Mapping[int, str]) -> None:
    """Sort what waits into candidates and examples, without the positions in `stays`."""
    waiting = out / WAITING
    with (
        jsonl.writer(out / "candidates.jsonl") as put_candidate,
        jsonl.writer(out / "examples.jsonl") as put_example,
    ):
        for position, passed in enumerate(jsonl.read(waiting, Passed)):
            if position in stays:
                continue
            if passed.candidate is not None:
                put_candidate(passed.candidate)
            else:
                put_example(passed.example)
    waiting.unlink()


def copy_prompts(sources: Mapping[str, Path], out: Path) -> int:
    """Pass the sources' dev and test splits on, but for empty ones. Returns how many went on."""
    count = 0
    kinds: dict[str, type[Example] | type[Prompt]] = {"dev": Example, "test": Prompt}
    with jsonl.writer(out / "dropped.jsonl", append=True) as drop:
        for split, kind in kinds.items():
            with jsonl.writer(out / f"{split}.jsonl") as put:
                for folder in sources.values():
                    for dialogue in jsonl.read(folder / f"{split}.jsonl", kind):
                        if reason := empty_turn(dialogue):
                            drop(Dropped(dialogue.id, "empty_turn", f"{reason} ({split})"))
                        else:
                            put(dialogue)
                            count += 1
    return count


def nothing_left(counts: Mapping[str, Any]) -> str:
    """The error for rules that left nothing: what took how many, and what to change."""
    if not counts["candidates"]:
        return "the sources hold no question, no example and no prompt; check the paths in [sources]"
    took = sorted(counts["dropped"].items(), key=lambda item: -item[1])
    listed = ", ".join(f"{rule} took {n:,}" for rule, n in took)
    remedy = next((KEEPERS[rule] for rule, _ in took if rule in KEEPERS), "check the sources")
    return f"no candidate left of {counts['candidates']:,}: {listed}; {remedy}, or add sources"
