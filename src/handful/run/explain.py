"""One id through every folder: where an example came from, what took it, where it ended.

What a study has sealed, which system stands behind a side, is withheld until the answers are in: who runs a study may
be one of those who answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.run.drops import Text
from handful.run.execute import Step
from handful.run.ids import lines_of, look_up, question_of

ID_FIELDS = ("id", "prompt_id")
SEALED = "sealed"
"""The folder, within a step's, of what nothing that judges may read."""
SYSTEM_FIELDS = ("left", "right", "system")
"""Of a sealed record: what would tell who wrote what."""
WITHHELD = "sealed until the answers are in"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record about the id, in the folder of one step."""

    step: str
    file: Path
    line: int
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """All that the folders say of one id, in the order of the pipeline."""

    id: str
    sightings: tuple[Sighting, ...]
    made_of_it: tuple[str, ...] = ()
    """Ids of what else was made of a question: the dialogues in the comments below its answers."""

    @property
    def text(self) -> Text | None:
        """The record of its text that was seen last, cleaned where it came so far; a question's before a dialogue's,
        which has lost the title and the scores."""
        own = [seen for seen in reversed(self.sightings) if seen.record.get("id") == self.id]
        for field in ("answer", "turns"):
            for seen in own:
                if field in seen.record and "left" not in seen.record:
                    return Text(seen.step, seen.record)
        return None

    @property
    def details(self) -> tuple[str, ...]:
        """What each rule that took it saw."""
        return tuple(s.record["detail"] for s in self.sightings if "rule" in s.record)


def explain(steps: Sequence[Step], wanted: str) -> Story:
    """The story of an id, however it is spelt: "beer.stackexchange.com/13", "13", or the page's address.

    Raises:
        DataError: no finished folder speaks of it, or it may be one of several.
    """
    wanted = wanted.strip()
    for id in dict.fromkeys((wanted, question_of(wanted) or wanted)):
        if sightings := tuple(follow(steps, id)):
            return Story(id, sightings, dialogues_below(steps, id))
    id = look_up([step.folder for step in steps if step.done], wanted)
    return Story(id, tuple(follow(steps, id)), dialogues_below(steps, id))


def dialogues_below(steps: Sequence[Step], question: str) -> tuple[str, ...]:
    """The ids that go on where that of a question ends."""
    folders = [step.folder for step in steps if step.done]
    return tuple(dict.fromkeys(id for id, _ in lines_of(folders) if id.startswith(f"{question}/")))


def follow(steps: Sequence[Step], id: str) -> Iterator[Sighting]:
    """Every record about `id` in the finished steps, in the order of the pipeline.

    Verdicts speak of comparisons and grades of submissions: those of the prompt `id` count as about it.
    """
    wanted = {id}
    hidden = still_sealed(steps)
    for step in steps:
        if not step.done:
            continue
        for file in sorted(step.folder.rglob("*.jsonl")):
            for sighting in search(step.label, file, wanted):
                if file.name in ("comparisons.jsonl", "submissions.jsonl"):
                    wanted.add(sighting.record["id"])
                yield withheld(sighting) if hidden and file.parent.name == SEALED else sighting


def still_sealed(steps: Sequence[Step]) -> bool:
    """Whether `annotate` is still to be done: its folder is whole once all people have answered, or none were to."""
    return any(step.label == "annotate" and not step.done for step in steps)


def withheld(sighting: Sighting) -> Sighting:
    """A sealed record without its systems."""
    record = {name: value for name, value in sighting.record.items() if name not in SYSTEM_FIELDS}
    return replace(sighting, record={**record, "withheld": WITHHELD})


def search(step: str, file: Path, wanted: set[str]) -> Iterator[Sighting]:
    needles = {json.dumps(id, ensure_ascii=False).encode() for id in wanted}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not any(needle in line for needle in needles):
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{file}:{number}: {error}") from error
            ids = {record.get(name) for name in (*ID_FIELDS, "comparison_id", "submission_id")}
            if ids & wanted:
                yield Sighting(step, file, number, record)


def in_words(sighting: Sighting) -> str:
    """What the record says, in a line."""
    record, name = sighting.record, sighting.file.stem
    if "withheld" in record:
        return f"in {name}: {record['withheld']}"
    if record.get("rule", "").startswith("masked_"):
        return (
            f"kept, with private data masked ({record['rule'].removeprefix('masked_')}: {record['detail']})"
        )
    if "rule" in record:
        return f"dropped by {record['rule']}" + (f": {record['detail']}" if record["detail"] else "")
    if "answer_score" in record:
        return f"kept, question score {record['question_score']}, answer score {record['answer_score']}"
    if "finish" in record:
        system = record.get("system", f"epoch {record.get('epoch')}")
        return f"answered by {system} ({record['finish']}): {clip(record['text'])}"
    if "choice" in record and "judge" in record:
        how = record.get("order") or record.get("status", "")
        return f"{record['judge']} chose {record['choice'] or 'nothing that could be read'} ({how})"
    if "grade" in record and "judge" in record:
        return f"{record['judge']} graded it {record['grade'] or 'in a way that could not be read'}"
    if "turns" in record and "left" in record:
        return f"compared as {record['id']}"
    if "turns" in record:
        return f"in {name} ({', '.join(record.get('tags', ())) or 'no tags'}): {clip(record['turns'][0]['text'])}"
    return f"in {name}: {clip(json.dumps(record, ensure_ascii=False))}"


def clip(text: str, chars: int = 80) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= chars else f"{flat[: chars - 1]}…"
