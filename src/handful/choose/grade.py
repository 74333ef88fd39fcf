"""A grade for every candidate epoch's answer to every dev prompt, by the judge that the recipe names.

Resume: grades are kept as they come; what was graded before an interruption is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from handful.choose import ask
from handful.choose.records import CONTROL, Grade, Sample
from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Turn
from handful.recipe.judging import EndpointJudge, FakeJudge, JudgeEntry, LocalJudge
from handful.run.progress import progress

FAILED = "error: "
FAKE_CHARS = 1000
"""The length at which a fake judge's grade ends to rise, or to fall."""

Asked = Mapping[str, tuple[Turn, ...]]
Key = tuple[int, str]


def grades(judge: JudgeEntry, samples: Sequence[Sample], asked: Asked, path: Path) -> list[Grade]:
    """Grade `samples`, after those that `path` holds, and leave all of them there, in the samples' order.

    Args:
        asked: prompt id -> the dialogue that was answered.

    Raises:
        MissingModel, EndpointError: the judge cannot be had. Grades that came before it are kept.
    """
    growing = path.with_suffix(".partial.jsonl")
    kept = [g for g in jsonl.recover(growing, Grade) if not g.raw.startswith(FAILED)]
    write_whole(growing, b"".join(map(jsonl.dumps, kept)))
    found = {key(grade): grade for grade in kept}
    with progress("judge grades", len(samples), "answers", done=len(found)) as advance:
        for group in by_kind(judge, samples, asked, found):
            jsonl.append(growing, group)
            found |= {key(grade): grade for grade in group}
            advance(len(group))
    ordered = [found[sample.epoch, sample.prompt_id] for sample in samples]
    write_whole(path, b"".join(map(jsonl.dumps, ordered)))
    growing.unlink()
    return ordered


def misplaced(answers: Sequence[Sample]) -> list[Sample]:
    """An epoch's answers, each put to the prompt before its own: a judge that reads must grade them lower."""
    texts = [*answers[1:], answers[0]]
    return [
        Sample(CONTROL, own.prompt_id, other.text, other.finish)
        for own, other in zip(answers, texts, strict=True)
        if own is not other
    ]


def key(grade: Grade) -> Key:
    return grade.epoch, grade.prompt_id


def by_kind(
    judge: JudgeEntry, samples: Sequence[Sample], asked: Asked, done: Mapping[Key, Grade]
) -> Iterator[list[Grade]]:
    match judge:
        case FakeJudge():
            yield [by_length(judge, sample) for sample in samples]
        case LocalJudge():
            yield from by_local(judge, samples, asked, done)
        case EndpointJudge():
            yield from by_endpoint(judge, [s for s in samples if (s.epoch, s.prompt_id) not in done], asked)


def by_length(judge: FakeJudge, sample: Sample) -> Grade:
    """A judge with a known preference; one that only knows sides finds all answers alike."""
    share = min(len(sample.text), FAKE_CHARS) / FAKE_CHARS
    grade = {"longer": 1 + 5 * share, "shorter": 6 - 5 * share}.get(judge.prefers, 3.5)
    return Grade(sample.epoch, sample.prompt_id, round(grade, 4), f"{len(sample.text)} characters")


def by_local(
    judge: LocalJudge, samples: Sequence[Sample], asked: Asked, done: Mapping[Key, Grade]
) -> Iterator[list[Grade]]:
    """Batches of like length, the longest first. The same samples make the same batches, interrupted or not."""
    need("torch", "a local judge")
    need("transformers", "a local judge")
    from handful.choose.local import Grader

    grader = Grader(judge)
    questions = [grader.ask(asked[sample.prompt_id], sample) for sample in samples]
    questions.sort(key=lambda q: (-len(q.ids), q.sample.epoch, q.sample.prompt_id))
    for start in range(0, len(questions), judge.batch_size):
        batch = questions[start : start + judge.batch_size]
        if any((q.sample.epoch, q.sample.prompt_id) not in done for q in batch):
            yield grader.grades(batch)


def by_endpoint(judge: EndpointJudge, samples: Sequence[Sample], asked: Asked) -> Iterator[list[Grade]]:
    """As the replies come. One whose grade cannot be read is asked for once more."""
    need("openai", "a judge behind an endpoint")
    from handful.models.endpoint import Message, Reply, chat

    def read(reply: Reply) -> int | None:
        return None if reply.error or reply.finish == "length" else ask.read_grade(reply.text)

    def once_more(messages: Sequence[Message], reply: Reply) -> list[Message] | None:
        if read(reply) is not None:
            return None
        said: Message = {"role": "assistant", "content": reply.text or "(no reply)"}
        return [*messages, said, {"role": "user", "content": ask.AGAIN}]

    dialogues = (
        (
            place,
            [{"role": "user", "content": f"{ask.question(asked[s.prompt_id], s.text)}\n\n{ask.REASONED}"}],
        )
        for place, s in enumerate(samples)
    )
    for reply in chat(
        judge, dialogues, once_more, temperature=judge.temperature, max_tokens=judge.max_tokens
    ):
        sample = samples[reply.index]
        raw = FAILED + reply.error if reply.error else reply.text
        yield [Grade(sample.epoch, sample.prompt_id, read(reply), raw)]
