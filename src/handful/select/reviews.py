"""What people decided of candidates: the lines of JSON that the curation desk writes, and what the draw makes of them.

    {"id": "cooking/1", "decision": "edit", "by": ["anna"], "at": "2024-05-03T10:00:00.000+00:00",
     "original": "9f2c…", "turns": [{"role": "user", "text": "…"}, {"role": "assistant", "text": "…"}]}

A decision holds for the text that was judged: `original` is its hash, and where the candidate says something else by
now, the decision is passed over and counted. This module draws nothing and knows no page: it reads and explains.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec

from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped, Example, Noun, Origin, Turn, check_turns
from handful.select.sample import Entry

Judgement = Literal["accept", "reject", "edit", "write"]
DECISIONS: tuple[Judgement, ...] = ("accept", "reject", "edit", "write")
EDITED_BY = "edited_by="
WRITTEN_BY = "written_by="
AUTHORED = "authored"
"""The source that written examples join where they name none: a row of Table 1."""
CHANGED, GONE, REJECTED = "changed_since_review", "dropped_since_review", "rejected"


class Decided(Noun, frozen=True, omit_defaults=True):
    """One line of the file: what stands of one text, and who stands behind it."""

    id: str
    decision: Judgement
    by: tuple[str, ...]
    at: str = ""
    """When, ISO 8601; decides nothing."""
    reason: str = ""
    tags: tuple[str, ...] = ()
    original: str = ""
    """`text_hash` of what was judged; empty for what was written."""
    turns: tuple[Turn, ...] = ()
    """Of "edit" and "write": the dialogue as it is to be."""
    blind: dict[str, Judgement] = msgspec.field(default_factory=dict)
    """What each reviewer decided before they saw the other's decision."""
    source: str = ""
    author: str = ""
    license: str = ""
    checked: tuple[str, ...] = ()
    """Of "write": what its author vouches for, point by point."""


def text_hash(text: Candidate | Example) -> str:
    """The sha256 of what a candidate says, whichever of its texts becomes the prompt: 64 hex digits."""
    said = (
        [text.title, text.body, text.answer]
        if isinstance(text, Candidate)
        else [(turn.role, turn.text) for turn in text.turns]
    )
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def read_reviews(paths: Iterable[str]) -> dict[str, Decided]:
    """Id -> what was decided of it, over all files.

    Raises:
        DataError: a line that is no decision, or a second one of the same text; names file and line.
    """
    found: dict[str, Decided] = {}
    places: dict[str, str] = {}
    for path in map(Path, paths):
        for where, line in lines_of(path):
            decided = parse(line, where)
            if decided.id in found:
                raise DataError(
                    f"{where}: {decided.id} is decided twice, first at {places[decided.id]}; keep one"
                )
            found[decided.id], places[decided.id] = decided, where
    return found


def lines_of(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        raw = path.read_bytes()
    except IsADirectoryError as error:
        raise DataError(
            f"{path}: is a folder; select.reviews names files, as the desk writes them"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def parse(line: bytes, where: str) -> Decided:
    try:
        decided = msgspec.json.decode(line, type=Decided)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        listed = f"; a decision is one of {', '.join(DECISIONS)}" if "$.decision" in str(error) else ""
        raise DataError(f"{where}: is no decision of the desk: {error}{listed}") from error
    if problem := problem_of(decided):
        raise DataError(f"{where}: {decided.id or 'a line without an id'}: {problem}")
    return decided


def problem_of(decided: Decided) -> str:
    """What a well-formed line lacks, in words, or nothing."""
    if not decided.id or not any(decided.by):
        return "needs an id, and in `by` the name of at least one person"
    texts = decided.decision in ("edit", "write")
    if texts:
        try:
            check_turns(decided.id, decided.turns, last="assistant")
        except ValueError as error:
            return str(error).removeprefix(f"{decided.id}: ")
        if not all(turn.text.strip() for turn in decided.turns):
            return "a turn has no text"
    elif decided.turns:
        return f'"{decided.decision}" leaves the text as it is; only "edit" and "write" have turns'
    if decided.decision == "write":
        return '"write" adds a text of its own; it has no original' if decided.original else ""
    fits = len(decided.original) == 64 and set(decided.original) <= set("0123456789abcdef")
    return "" if fits else "`original` must be the sha256 of the text that was judged, 64 hex digits"


@dataclass(slots=True)
class Reviewed:
    """The decisions, and which of them hold for what is available. Filled while the texts are read."""

    decided: Mapping[str, Decided]
    seen: set[str] = field(default_factory=set)
    places: dict[int, Decided] = field(default_factory=dict)
    """Where a text stands among all that is available -> the decision that holds for it."""
    unused: list[Dropped] = field(default_factory=list)

    def see(self, text: Candidate | Example, place: int) -> None:
        decided = self.decided.get(text.id)
        if decided is None:
            return
        self.seen.add(text.id)
        if decided.decision == "write":
            raise DataError(f"select.reviews: {text.id} is written as new, but there is a text of that id")
        if decided.original == text_hash(text):
            self.places[place] = decided
        else:
            names = ", ".join(decided.by)
            self.unused.append(
                Dropped(text.id, CHANGED, f"{decided.decision} by {names}, of another text than it has now")
            )

    def settle(self, folder: Path) -> None:
        """After all texts: what is decided of a text that `clean` has dropped since is passed over.

        Raises:
            DataError: a decision about a text that nobody has heard of.
        """
        missing = {d.id: d for d in self.decided.values() if d.decision != "write" and d.id not in self.seen}
        if not missing:
            return
        for dropped in each_dropped(folder / "dropped.jsonl"):
            if decided := missing.pop(dropped.id, None):
                detail = f"{decided.decision} by {', '.join(decided.by)}; clean drops it by {dropped.rule}"
                self.unused.append(Dropped(dropped.id, GONE, detail))
        if missing:
            raise DataError(unknown(next(iter(missing)), len(missing), self.seen))

    def rejected(self, place: int) -> bool:
        return place in self.places and self.places[place].decision == "reject"

    def kept(self, place: int) -> bool:
        return place in self.places and self.places[place].decision != "reject"

    def written(self, first_place: int) -> list[tuple[Entry, Example]]:
        """The examples that people wrote, by id, as entries that stand behind all that is available."""
        own = sorted((d for d in self.decided.values() if d.decision == "write"), key=lambda d: d.id)
        return [
            (Entry(e.id, e.origin.source, e.origin.community, None, first_place + number), e)
            for number, e in enumerate(map(example_of, own))
        ]

    def counts(self) -> dict[str, Any]:
        """How many of each decision hold, what was passed over, and how far reviewers agreed."""
        held = Counter(decided.decision for decided in self.places.values())
        unused = Counter(dropped.rule for dropped in self.unused)
        written = sum(decided.decision == "write" for decided in self.decided.values())
        return {
            "accepted": held["accept"],
            "edited": held["edit"],
            "written": written,
            "rejected": held["reject"],
            CHANGED: unused[CHANGED],
            GONE: unused[GONE],
            "agreement": agreement(
                pair for decided in self.decided.values() if (pair := pair_of(decided.blind))
            ),
        }


def each_dropped(path: Path) -> Iterator[Dropped]:
    with path.open("rb") as lines:
        decoder = msgspec.json.Decoder(Dropped)
        for line in lines:
            yield decoder.decode(line)


def unknown(id: str, count: int, known: Iterable[str]) -> str:
    near = get_close_matches(id, list(known)[:2000], n=1)
    more = f", nor of {count - 1:,} more" if count > 1 else ""
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return (
        f"select.reviews: there is no text {id!r}{more}, and none that clean dropped{hint}; "
        "the decisions may be of another recipe: take them out, or add the source that they are of"
    )


def with_review(example: Example, decided: Decided | None) -> Example:
    """The example as reviewers left it: their text and tags, and who edited it. Its origin stays what it was."""
    if decided is None:
        return example
    if decided.decision != "edit":
        return msgspec.structs.replace(example, tags=added(example.tags, decided.tags))
    tags = added(example.tags, (*decided.tags, f"{EDITED_BY}{', '.join(decided.by)}"))
    return msgspec.structs.replace(example, turns=decided.turns, tags=tags)


def example_of(decided: Decided) -> Example:
    """What people wrote, as an example of [sources.authored]."""
    source = decided.source or AUTHORED
    author = decided.author or ", ".join(decided.by)
    origin = Origin(source, source, decided.id, author=author, license=decided.license)
    tags = added(decided.tags, (f"{WRITTEN_BY}{', '.join(decided.by)}",))
    return Example(decided.id, decided.turns, origin, tags)


def added(tags: Sequence[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*tags, *more)))


Verdict = Literal["keep", "reject"]


def verdict(judgement: Judgement) -> Verdict:
    """Whether it belongs in the set; edited or written, it does."""
    return "reject" if judgement == "reject" else "keep"


def pair_of(blind: Mapping[str, Judgement]) -> tuple[Verdict, Verdict] | None:
    """What the first two reviewers said of a text, each without knowing the other's decision."""
    if len(blind) < 2:
        return None
    first, second = list(blind.values())[:2]
    return verdict(first), verdict(second)


def agreement(pairs: Iterable[tuple[Verdict, Verdict]]) -> dict[str, Any]:
    """Exact agreement on keeping or rejecting, and what it is worth beyond chance.

    Kappa is Scott's pi (Fleiss' kappa of two): the two reviewers of one text need not be those of another, so neither
    has shares of their own. None where everything was kept, or everything rejected: chance alone agrees then.
    """
    rows = list(pairs)
    if not rows:
        return {"n": 0, "exact": None, "kappa": None}
    exact = sum(a == b for a, b in rows) / len(rows)
    keep = sum((a == "keep") + (b == "keep") for a, b in rows) / (2 * len(rows))
    chance = keep**2 + (1 - keep) ** 2
    kappa = None if chance > 1 - 1e-12 else round((exact - chance) / (1 - chance), 4)
    return {"n": len(rows), "exact": round(exact, 4), "kappa": kappa}
