"""study -> verdicts.jsonl, grades.jsonl, truncated.jsonl, and gate.jsonl where there is a gate. One judge a step.

Resume: answers are appended to one file as they come, and what was answered before an interruption is not asked
again. The last act is to put them into their files, in the order of the study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.errors import EndpointError
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Comparison, Dropped, Submission, Task
from handful.judge.fake import fake_said
from handful.judge.gate import Label, read_gate
from handful.judge.items import (
    FAILED,
    ORDERS,
    Item,
    Said,
    as_grade,
    as_verdict,
    comparisons_as_items,
    questions_of,
    submissions_as_items,
)
from handful.judge.tasks import OPTIONS, values
from handful.models.families import family_of
from handful.recipe.judging import EndpointJudge, FakeJudge, Judge, JudgeEntry, LocalJudge
from handful.run.progress import progress
from handful.run.store import MANIFEST, read_manifest

GROWING = "answers.partial.jsonl"


@dataclass(frozen=True, slots=True)
class Asked:
    """All that one judge is asked."""

    instructions: Mapping[Task, str]
    comparisons: Sequence[Item]
    submissions: Sequence[Item]
    gate: Sequence[Item]
    labels: Sequence[Label]

    @property
    def items(self) -> list[Item]:
        """The gate first: who a judge is comes before what it says."""
        return [*self.gate, *self.comparisons, *self.submissions]


def work(params: Judge, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Ask one judge about everything that the study asks, and about the gate's pairs."""
    [(name, judge)] = params.judges.items()
    asked = read(params, judge, inputs["study"])
    path = out / GROWING
    cuts: list[Dropped] = []
    match judge:
        case FakeJudge():
            said = [fake_said(judge.prefers, question) for question in questions_of(asked.items)]
        case EndpointJudge():
            said, cuts = by_endpoint(judge, name, asked, path)
        case LocalJudge():
            said, cuts = by_local(judge, name, asked, path)
    counts = write(out, name, asked, said, cuts)
    path.unlink(missing_ok=True)
    return {**counts, "mode": judge.mode, **relations(judge, inputs["study"])}


def read(params: Judge, judge: JudgeEntry, study: Path) -> Asked:
    """The study's items with the text that each task is asked with, and the gate."""
    comparisons = comparisons_as_items(jsonl.read(study / "comparisons.jsonl", Comparison), judge.mode)
    path = study / "submissions.jsonl"
    submissions = submissions_as_items(jsonl.read(path, Submission)) if path.exists() else []
    gate, labels = read_gate(params.gate)
    instructions: dict[Task, str] = {}
    for task in dict.fromkeys(item.task for item in (*gate, *comparisons, *submissions)):
        own = study / "instructions.md" if task == "preference" else study / "instructions" / f"{task}.md"
        instructions[task] = own.read_text(encoding="utf-8")
    return Asked(instructions, comparisons, submissions, gate, labels)


def by_endpoint(
    judge: EndpointJudge, name: str, asked: Asked, path: Path
) -> tuple[list[Said], list[Dropped]]:
    """Ask a server what `path` does not answer yet. Failures that an earlier run recorded are asked again.

    Raises:
        EndpointError, BudgetReached: as `models.endpoint.chat`, or questions failed for the time being. What was
            answered is kept. What fails in the next run, too, is recorded.
    """
    from handful.judge.client import judged, shortened

    items, cuts = shortened(asked.items, judge.max_chars)
    questions = questions_of(items)
    before = jsonl.recover(path, Said)
    failed = {one.key for one in before if one.failed}
    kept = {one.key: one for one in before if not one.failed}
    todo = [(item, order) for item, order in questions if (item.id, order) not in kept]
    told = progress(f"{name} judges", len(questions), "verdicts", done=len(kept))
    with told as advance, jsonl.growing(path) as append:
        for said in judged(judge, asked.instructions, todo):
            append([said])
            kept[said.key] = said
            advance()
    if again := [one for one in kept.values() if one.passing and one.key not in failed]:
        raise EndpointError(
            f"judge.judges.{name}: {len(again):,} questions failed for the time being, the last with: "
            f"{again[-1].raw.removeprefix(FAILED)}; all others are kept: run again to ask these once more, and what "
            "fails then is recorded"
        )
    return list(kept.values()), cuts


def by_local(judge: LocalJudge, name: str, asked: Asked, path: Path) -> tuple[list[Said], list[Dropped]]:
    """Ask a model on this machine, batch by batch, after the whole batches that `path` holds."""
    need("torch", "a local judge")
    need("transformers", "a local judge")
    from handful.judge.local import Scorer, batches, not_shown, prepare
    from handful.judge.writing import Writer

    model = Writer(judge, asked.instructions) if judge.how == "text" else Scorer(judge, asked.instructions)
    rows, cuts = prepare(model.reader, asked.items)
    found = jsonl.recover(path, Said)
    kept: list[Said] = []
    with progress(f"{name} judges", len(rows), "verdicts") as advance:
        for batch in batches(rows, judge.batch_size):
            said = found[len(kept) : len(kept) + len(batch)]
            if [(one.id, one.order) for one in said] != [(row.id, row.order) for row in batch]:
                found = found[: len(kept)]
                if said:
                    write_records(path, kept)
                said = model.answers(batch)
                jsonl.append(path, said)
            kept += said
            advance(len(batch))
    return [*kept, *not_shown(asked.items, rows, cuts)], cuts


def write(
    out: Path, name: str, asked: Asked, said: Sequence[Said], cuts: Sequence[Dropped]
) -> dict[str, Any]:
    """Every answer in its file, in the order of the study, and how many there are of each."""
    by_item: dict[str, list[Said]] = {}
    for one in sorted(said, key=lambda one: ORDERS.index(one.order)):
        by_item.setdefault(one.id, []).append(one)

    def of(items: Iterable[Item]) -> list[Said]:
        return [one for item in items for one in by_item.get(item.id, ())]

    verdicts = [as_verdict(one, name) for one in of(asked.comparisons)]
    write_records(out / "verdicts.jsonl", verdicts)
    write_records(out / "grades.jsonl", [as_grade(one, name) for one in of(asked.submissions)])
    write_records(out / "truncated.jsonl", cuts)
    if any(one.scores for one in said):
        write_records(out / "options.jsonl", (one for one in of(asked.items) if one.scores))
    choices = Counter(str(verdict.choice or "unreadable") for verdict in verdicts)
    counts: dict[str, Any] = {
        "verdicts": len(verdicts),
        "choices": {choice: choices[choice] for choice in (*OPTIONS, "unreadable")},
        "truncated": len(cuts),
    }
    if asked.submissions:
        counts["grades"] = grades_by_task(asked.submissions, by_item)
    if asked.gate:
        write_records(out / "gate.jsonl", [as_verdict(one, name) for one in of(asked.gate)])
        write_records(out / "gate_labels.jsonl", asked.labels)
        counts["gate"] = {"pairs": len(asked.gate), "labels": len(asked.labels)}
    return counts


def grades_by_task(items: Iterable[Item], by_item: Mapping[str, Sequence[Said]]) -> dict[str, dict[str, int]]:
    """How often each grade of each task was given, and how many could not be read."""
    found: dict[str, dict[str, int]] = {}
    for item in items:
        row = found.setdefault(item.task, dict.fromkeys((*values(item.task), "unreadable"), 0))
        for one in by_item.get(item.id, ()):
            row[one.choice or "unreadable"] += 1
    return found


def relations(judge: JudgeEntry, study: Path) -> dict[str, Any]:
    """The judge's family, and the systems under study that are of it: it may favour them."""
    family = "" if isinstance(judge, FakeJudge) else family_of(str(judge.model))
    counts = read_manifest(study).counts if (study / MANIFEST).exists() else {}
    others = counts.get("families", {})
    return {
        "family": family,
        "of_its_family": sorted(n for n, own in others.items() if own and own == family),
    }


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Replace a file at once: an interruption leaves the old one or the new one, never a part."""
    write_whole(path, b"".join(map(jsonl.dumps, records)))
