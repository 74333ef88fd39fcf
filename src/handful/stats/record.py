"""Every reading as one record: what each judge and person finally said of each comparison, and what that means.

What `report` shows prompt by prompt and what two runs are compared by; the rates of stats.json are made of the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from handful.core.types import Choice, Noun, Task
from handful.stats.readings import Annotator, Outcome, Pair, Status, outcome


class Record(Noun, frozen=True):
    comparison_id: str
    prompt_id: str
    sample: int
    judge: str
    kind: Literal["model", "person", "panel"]
    task: Task
    subject: str
    baseline: str
    choice: Choice | None
    status: Status
    outcome: Outcome | None
    """For the subject; None where there is no reading."""


def records(annotators: Iterable[Annotator], pairs: Sequence[Pair]) -> Iterator[Record]:
    """Annotator by annotator, each in the order of the study's pairs."""
    for annotator in annotators:
        for pair in pairs:
            for seal in pair.seals:
                reading = annotator.readings.get(seal.comparison_id)
                if reading is None:
                    continue
                yield Record(
                    comparison_id=seal.comparison_id,
                    prompt_id=seal.prompt_id,
                    sample=seal.sample,
                    judge=annotator.name,
                    kind=annotator.kind,
                    task=seal.task,
                    subject=pair.subject,
                    baseline=pair.baseline,
                    choice=reading.choice,
                    status=reading.status,
                    outcome=outcome(reading.choice, seal, pair.subject) if reading.choice else None,
                )
