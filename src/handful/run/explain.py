"""One id through every folder: where an example came from, what took it, where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.run.execute import Step

ID_FIELDS = ("id", "prompt_id")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record about the id, in the folder of one step."""

    step: str
    file: Path
    line: int
    record: dict[str, Any]


def follow(steps: Sequence[Step], id: str) -> Iterator[Sighting]:
    """Every record about `id` in the finished steps, in the order of the pipeline.

    Verdicts speak of comparisons: those of the prompt `id` count as about it.

    Raises:
        DataError: no finished folder speaks of `id`; names a few ids that there are.
    """
    wanted = {id}
    seen = False
    some: list[str] = []
    for step in steps:
        if not step.done:
            continue
        for file in sorted(step.folder.rglob("*.jsonl")):
            for sighting in search(step.label, file, wanted, some):
                seen = True
                if file.name == "comparisons.jsonl":
                    wanted.add(sighting.record["id"])
                yield sighting
    if not seen:
        examples = f"; ids look like {', '.join(some)}" if some else "; nothing has run yet"
        raise DataError(f"no finished folder speaks of {id!r}{examples}")


def search(step: str, file: Path, wanted: set[str], some: list[str]) -> Iterator[Sighting]:
    needles = {json.dumps(id, ensure_ascii=False).encode() for id in wanted}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if len(some) < 3 and number == 1 and file.name in ("candidates.jsonl", "test.jsonl"):
                some.append(str(json.loads(line).get("id")))
            if not any(needle in line for needle in needles):
                continue
            record = json.loads(line)
            ids = {record.get(name) for name in (*ID_FIELDS, "comparison_id")}
            if ids & wanted:
                yield Sighting(step, file, number, record)


def in_words(sighting: Sighting) -> str:
    """What the record says, in a line."""
    record, name = sighting.record, sighting.file.stem
    if "rule" in record:
        return f"dropped by {record['rule']}" + (f": {record['detail']}" if record["detail"] else "")
    if "answer_score" in record:
        return f"kept, question score {record['question_score']}, answer score {record['answer_score']}"
    if "finish" in record:
        system = record.get("system", f"epoch {record.get('epoch')}")
        return f"answered by {system} ({record['finish']}): {clip(record['text'])}"
    if "choice" in record:
        return (
            f"{record['judge']} chose {record['choice'] or 'nothing that could be read'} ({record['order']})"
        )
    if "turns" in record and "left" in record:
        return f"compared as {record['id']}"
    if "turns" in record:
        return f"in {name} ({', '.join(record.get('tags', ())) or 'no tags'}): {clip(record['turns'][0]['text'])}"
    return f"in {name}: {clip(json.dumps(record, ensure_ascii=False))}"


def clip(text: str, chars: int = 80) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= chars else f"{flat[: chars - 1]}…"
