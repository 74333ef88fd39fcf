"""The part of `clean` that needs one text at a time: shards of the sources' files, each cleaned into its own folder.

A shard is a fixed number of bytes, whatever the number of workers, and small files share one: little data is one
shard, which needs no other process. What the texts have in common (duplicates) is for `work.py`, which
reads the numbers that are left here beside each text.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from handful.clean.duplicates import columns_of, rank
from handful.clean.hashes import Hashes
from handful.clean.overlap import TestPrompts
from handful.clean.private import hide
from handful.clean.rules import empty_prompt, reason_to_drop
from handful.clean.words import answered, asked
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped, Example, Prompt, Turn
from handful.markup.html import post_to_text, to_line
from handful.recipe.curation import Clean

SHARD_BYTES = 8_000_000
BATCH_CHARACTERS = 300_000
READ_BYTES = 1 << 20
PASSED, DROPPED, MASKED, NUMBERS, RANKS = (
    "passed.jsonl",
    "dropped.jsonl",
    "masked.jsonl",
    "numbers.bin",
    "ranks.bin",
)

Kind = Literal["examples", "candidates"]
KINDS: tuple[Kind, ...] = ("examples", "candidates")
Text = Candidate | Example
Reason = tuple[str, str]
"""A rule, and what it saw."""


@dataclass(frozen=True, slots=True)
class Range:
    """The lines of a source's file that begin at a byte from `start` up to `end`."""

    source: str
    kind: Kind
    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shard:
    ranges: tuple[Range, ...]
    params: Clean
    tests: tuple[str, ...]
    """Files with test prompts, of all sources."""


def cut(sources: dict[str, Path], params: Clean, size: int = SHARD_BYTES) -> dict[str, Shard]:
    """Shards of `size` bytes but for the last: every source in turn, its examples and then its candidates."""
    tests = tuple(str(folder / "test.jsonl") for folder in sources.values())
    groups: list[list[Range]] = [[]]
    room = size
    for source, folder in sources.items():
        for kind in KINDS:
            path = folder / f"{kind}.jsonl"
            at, end = 0, path.stat().st_size
            while at < end:
                taken = min(room, end - at)
                groups[-1].append(Range(source, kind, str(path), at, at + taken))
                at, room = at + taken, room - taken
                if not room:
                    groups.append([])
                    room = size
    return {
        f"{number:05}": Shard(tuple(ranges), params, tests) for number, ranges in enumerate(groups) if ranges
    }


@dataclass
class Tally:
    """What became of a source's texts."""

    came: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)


def clean_shard(shard: Shard, out: Path) -> dict[str, Any]:
    """Write what passes the rules, one text a line, and what does not; count both for each source.

    Raises:
        DataError: a line is not a record of its kind.
    """
    tests = test_prompts(shard.tests, shard.params.overlap_words)
    tallies: dict[str, Tally] = {}
    passed: list[tuple[str, Kind, int]] = []
    numbers: list[Hashes] = []
    offset = 0
    ranks = array("d")
    with (
        (out / PASSED).open("wb") as keep,
        jsonl.writer(out / DROPPED) as drop,
        jsonl.writer(out / MASKED) as mask,
    ):
        for part in shard.ranges:
            tally = tallies.setdefault(part.source, Tally())
            before = len(ranks)
            for texts in batches(cleaned(part, shard.params, tests, tally, drop, mask)):
                lines = [jsonl.dumps(text) for text in texts]
                keep.writelines(lines)
                ranks.extend(map(rank, texts))
                offsets = np.cumsum([offset, *map(len, lines)], dtype=np.uint64)
                numbers.append(np.column_stack([offsets[:-1], columns_of(texts, shard.params)]))
                offset = int(offsets[-1])
            passed.append((part.source, part.kind, len(ranks) - before))
    columns = np.concatenate(numbers).T if numbers else np.empty((0, 0), np.uint64)
    (out / RANKS).write_bytes(ranks.tobytes())
    (out / NUMBERS).write_bytes(columns.tobytes())
    return {"passed": passed, "columns": len(columns), "tallies": msgspec.to_builtins(tallies)}


def batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Enough texts at a time for computing in arrays, and no more than is needed for that."""
    batch: list[Text] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += sum(map(len, (*asked(text), *answered(text))))
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@lru_cache(maxsize=1)
def test_prompts(files: tuple[str, ...], width: int) -> TestPrompts | None:
    if not width:
        return None
    return TestPrompts((prompt for file in files for prompt in jsonl.read(Path(file), Prompt)), width)


def cleaned(
    part: Range,
    params: Clean,
    tests: TestPrompts | None,
    tally: Tally,
    drop: Callable[[Dropped], None],
    mask: Callable[[Dropped], None],
) -> Iterator[Text]:
    """What breaks no rule, in order: candidates as text, examples as they are, both with personal data masked."""
    for text in read_range(part):
        tally.came += 1
        result = as_text(text, params) if isinstance(text, Candidate) else ready_made(text)
        if isinstance(result, (Candidate, Example)):
            masked, found = Counter[str](), universal(result, params, tests)
            if found is None:
                result, masked, found = without_private_data(result, params)
            if found is None:
                for kind, n in sorted(masked.items()):
                    mask(Dropped(text.id, f"masked_{kind}", f"{n:,} masked"))
                if masked:
                    tally.masked += masked
                yield result
                continue
            result = found
        rule, detail = result
        drop(Dropped(text.id, rule, detail))
        tally.dropped[rule] += 1


def read_range(part: Range) -> Iterator[Text]:
    decoder = msgspec.json.Decoder[Text](Candidate if part.kind == "candidates" else Example)
    with Path(part.path).open("rb", buffering=READ_BYTES) as file:
        if part.start:
            file.seek(part.start - 1)
            file.readline()  # ends the line that began before
        at = file.tell()
        for line in file:
            if at >= part.end:
                return
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                number = Path(part.path).read_bytes().count(b"\n", 0, at) + 1
                raise DataError(f"{part.path}:{number}: {error}") from error
            at += len(line)


def as_text(raw: Candidate, params: Clean) -> Candidate | Reason:
    """A candidate as text, or the rule that it breaks. Few pass: the question is read last."""
    candidate = msgspec.structs.replace(raw, answer=post_to_text(raw.answer))
    if found := reason_to_drop(candidate, params):
        return found
    candidate = msgspec.structs.replace(candidate, title=to_line(raw.title), body=post_to_text(raw.body))
    seen = empty_prompt(candidate, params)
    return ("empty_prompt", seen) if seen else candidate


def ready_made(example: Example) -> Example | Reason:
    seen = empty_turn(example)
    return ("empty_turn", seen) if seen else example


def empty_turn(dialogue: Example | Prompt) -> str | None:
    """Which turn of a dialogue has no text, in words, or None."""
    for number, turn in enumerate(dialogue.turns):
        if not turn.text.strip():
            return f"turn {number}, by the {turn.role}, has no text"
    return None


def universal(text: Text, params: Clean, tests: TestPrompts | None) -> Reason | None:
    """The rule for texts of any source that this one breaks, or None."""
    if tests and (seen := tests.shared(text)):
        return "test_overlap", seen
    if params.language:
        from handful.clean.language import other_language

        if seen := other_language(text, params.language):
            return "language", seen
    return None


def without_private_data(text: Text, params: Clean) -> tuple[Text, Counter[str], Reason | None]:
    if isinstance(text, Candidate):
        before: Sequence[str] = (text.title, text.body, text.answer)
    else:
        before = [turn.text for turn in text.turns]
    after, counts, found = hide(before, params)
    if found or not counts:
        return text, counts, found
    if isinstance(text, Candidate):
        title, body, answer = after
        return msgspec.structs.replace(text, title=title, body=body, answer=answer), counts, None
    turns = tuple(Turn(turn.role, words) for turn, words in zip(text.turns, after, strict=True))
    return msgspec.structs.replace(text, turns=turns), counts, None


def column(folder: Path, number: int, texts: int) -> array[int]:
    """One column of a shard's numbers; 0 is the offset of each text in PASSED."""
    values = array("Q")
    with (folder / NUMBERS).open("rb") as file:
        file.seek(number * texts * values.itemsize)
        values.fromfile(file, texts)
    return values


def ranks_of(folders: Iterable[Path]) -> array[float]:
    ranks = array("d")
    for folder in folders:
        ranks.frombytes((folder / RANKS).read_bytes())
    return ranks
