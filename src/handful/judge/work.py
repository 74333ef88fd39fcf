"""study -> verdicts.jsonl, truncated.jsonl and, for a local judge, options.jsonl. One judge a step, both orders.

Resume: what was answered before an interruption is not asked again. An endpoint's verdicts, and a local judge's
scores, are appended as they come; the last act is to put them in the order of the comparisons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Comparison, Dropped, Verdict
from handful.judge import ask
from handful.judge.ask import ORDERS, Order
from handful.judge.fake import fake_choice
from handful.judge.parse import OPTIONS
from handful.recipe.evaluation import EndpointJudge, FakeJudge, Judge, LocalJudge
from handful.run.progress import progress

VERDICTS = "verdicts.jsonl"


class Answer(Protocol):
    @property
    def comparison_id(self) -> str: ...
    @property
    def order(self) -> Order: ...


T = TypeVar("T", bound=Answer)


def work(params: Judge, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Ask one judge about every comparison, in both orders."""
    [(name, judge)] = params.judges.items()
    comparisons = list(jsonl.read(inputs["study"] / "comparisons.jsonl", Comparison))
    instructions = (inputs["study"] / "instructions.md").read_text(encoding="utf-8")
    cuts: list[Dropped] = []
    match judge:
        case FakeJudge():
            verdicts = by_fake(judge, name, comparisons)
        case EndpointJudge():
            verdicts = by_endpoint(judge, name, instructions, comparisons, out / VERDICTS)
        case LocalJudge():
            verdicts, cuts = by_local(judge, name, instructions, comparisons, out / "options.jsonl")
    verdicts = in_order(verdicts, comparisons)
    write_records(out / VERDICTS, verdicts)
    write_records(out / "truncated.jsonl", cuts)
    choices = Counter(str(verdict.choice or "unreadable") for verdict in verdicts)
    return {
        "verdicts": len(verdicts),
        "choices": {choice: choices[choice] for choice in (*OPTIONS, "unreadable")},
        "truncated": len(cuts),
    }


def by_fake(judge: FakeJudge, name: str, comparisons: Sequence[Comparison]) -> list[Verdict]:
    verdicts = []
    for comparison in comparisons:
        for order in ORDERS:
            choice = fake_choice(judge.prefers, ask.shown(comparison, order))
            verdicts.append(ask.verdict(comparison.id, name, order, choice, OPTIONS[choice]))
    return verdicts


def by_endpoint(
    judge: EndpointJudge, name: str, instructions: str, comparisons: Sequence[Comparison], path: Path
) -> list[Verdict]:
    """Ask a server what `path` does not answer yet. Failures that an earlier run recorded are asked again."""
    need("openai", "a judge behind an endpoint")
    from handful.judge.client import FAILED, judged

    kept = [v for v in jsonl.recover(path, Verdict) if v.choice or not v.raw.startswith(FAILED)]
    write_records(path, kept)
    answered = {(verdict.comparison_id, verdict.order) for verdict in kept}
    questions = [(c, order) for c in comparisons for order in ORDERS if (c.id, order) not in answered]
    with progress(f"{name} judges", len(questions), "verdicts") as advance:
        for verdict in judged(judge, name, instructions, questions):
            jsonl.append(path, [verdict])
            kept.append(verdict)
            advance()
    return kept


def by_local(
    judge: LocalJudge, name: str, instructions: str, comparisons: Sequence[Comparison], path: Path
) -> tuple[list[Verdict], list[Dropped]]:
    """Score with a model on this machine, batch by batch, after the whole batches that `path` holds."""
    need("torch", "a local judge")
    need("transformers", "a local judge")
    from handful.judge.local import OptionScores, Scorer, batches, prepare, verdicts_of

    scorer = Scorer(judge, instructions)
    rows, cuts = prepare(scorer.reader, comparisons)
    todo = batches(rows, judge.batch_size)
    found = jsonl.recover(path, OptionScores)
    done = len(todo) if len(found) == len(rows) else len(found) // judge.batch_size
    found = found[: done * judge.batch_size]
    write_records(path, found)
    with progress(f"{name} judges", len(rows), "verdicts") as advance:
        advance(len(found))
        for batch in todo[done:]:
            scores = scorer.scores(batch)
            jsonl.append(path, scores)
            found += scores
            advance(len(batch))
    write_records(path, in_order(found, comparisons))
    return verdicts_of(name, comparisons, found, cuts), cuts


def in_order(records: Iterable[T], comparisons: Sequence[Comparison]) -> list[T]:
    """The records in the order of the comparisons, the forward one before the swapped."""
    place = {comparison.id: number for number, comparison in enumerate(comparisons)}
    return sorted(records, key=lambda record: (place[record.comparison_id], ORDERS.index(record.order)))


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Replace a file at once: an interruption leaves the old one or the new one, never a part."""
    write_whole(path, b"".join(map(jsonl.dumps, records)))
