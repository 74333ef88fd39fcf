"""train and dataset -> choice.json, page.html and, where a judge graded, grades.jsonl, or where people picked,
picks.jsonl: which epoch answers the study.

The paper chose by hand, from the 5th to the 10th epoch, by answers to 50 dev prompts: perplexity rose while the
answers got better (Section 3, Appendix B). So nothing here is decided by the dev loss; it stands beside the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from handful.choose.measure import candidates, rows
from handful.choose.records import CHOICE, GRADES, PAGE, Choice, Given, Row, read
from handful.core import jsonl
from handful.core.errors import DataError, Waiting
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Interval
from handful.recipe.judging import Choose, FakeJudge, JudgeEntry, LocalJudge

CUT_SHARE = 0.5
"""Of the answers; where more are cut, the table says so."""


def work(params: Choose, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Choose an epoch as `params.by` says; write the page in any case.

    Raises:
        Waiting: a person has yet to choose; says where the page is.
        DataError: no such epoch, or no answers to choose by.
    """
    need("jinja2", "the page of dev answers")
    given = read(inputs["train"], inputs["dataset"])
    open_to = candidates(given.there, params.first, params.last)
    table = rows(given, open_to)
    if params.by == "people" and not params.picks:
        check_answers(given, open_to, inputs["train"])
        raise Waiting(  # no page: its letters would be epochs to whoever is to read blinded
            f"people have yet to read the answers of epochs {listed(open_to)}: handful serve choice RECIPE; its page "
            "of results says what to put under [choose] of the recipe"
        )
    if params.by == "hand" and not params.epoch:
        check_answers(given, open_to, inputs["train"])
        write_page(out, None, table, cuts(table), given)
        raise Waiting(
            f"read the answers of epochs {listed(open_to)} in {out / PAGE} and choose one; then put under [choose] "
            "of the recipe: epoch = N; or run: handful run RECIPE --set choose.epoch=N"
        )
    choice = chosen(params, given, open_to, table, inputs["train"], out)
    content = msgspec.json.format(msgspec.json.encode(choice), indent=1)
    write_whole(out / CHOICE, content + b"\n")
    write_page(out, choice, choice.epochs, choice.notes, given)
    return counts(choice, given)


def chosen(
    params: Choose, given: Given, open_to: Sequence[int], table: list[Row], train: Path, out: Path
) -> Choice:
    """The choice with its table."""
    if params.by == "judge":
        return by_judge(params, given, open_to, table, train, out)
    if params.by == "people":
        return by_people(params, given, open_to, table, train, out)
    epoch = params.epoch if params.by == "hand" else given.there[-1]
    if epoch not in given.there:
        raise DataError(
            f"choose.epoch: {epoch}, but {train} holds checkpoints of epochs {listed(given.there)} only"
        )
    return Choice(epoch, params.by, list(open_to), "", None, None, cuts(table), table)


def by_judge(
    params: Choose, given: Given, open_to: Sequence[int], table: list[Row], train: Path, out: Path
) -> Choice:
    """The candidate whose answers the judge grades best."""
    for library in ("numpy", "scipy"):
        need(library, "choosing by grades")
    from handful.choose.best import best
    from handful.choose.grade import grades, misplaced

    assert params.judge is not None
    check_answers(given, open_to, train)
    samples = [sample for epoch in open_to for sample in given.answers(epoch)]
    samples += misplaced(given.answers(open_to[0]))
    asked = {id: example.prompt().turns for id, example in given.prompts.items()}
    found = best(grades(params.judge, samples, asked, out / GRADES), open_to)
    graded = [
        msgspec.structs.replace(row, grade=found.grades[row.epoch], unreadable=found.unreadable[row.epoch])
        if row.epoch in found.grades
        else row
        for row in table
    ]
    return Choice(
        epoch=found.epoch,
        by="judge",
        candidates=list(open_to),
        judge=name_of(params.judge),
        again=found.again,
        control=found.control,
        notes=[*found.notes, *cuts(table), *said_of_kind(params.judge)],
        epochs=graded,
        untold=tuple(found.untold),
    )


def by_people(
    params: Choose, given: Given, open_to: Sequence[int], table: list[Row], train: Path, out: Path
) -> Choice:
    """The candidate with the largest share of people's votes; their picks go along, as one file."""
    for library in ("numpy", "scipy"):
        need(library, "choosing by picks")
    from handful.choose.offer import offers
    from handful.choose.picks import PICKS, read_picks
    from handful.choose.tally import tally

    check_answers(given, open_to, train)
    offered = offers(given, open_to)
    picks = read_picks([Path(path) for path in params.picks], offered)
    found = tally(picks, offered, open_to)
    assert found is not None  # reading raises where there are no picks
    jsonl.write(out / PICKS, picks)
    voted = [msgspec.structs.replace(row, share=found.shares.get(row.epoch)) for row in table]
    return Choice(
        epoch=found.epoch,
        by="people",
        candidates=list(open_to),
        judge="",
        again=found.again,
        control=None,
        notes=[*found.notes, *cuts(table)],
        epochs=voted,
        people=found.people,
        agreement=found.agreement,
        untold=tuple(found.untold),
    )


def check_answers(given: Given, open_to: Sequence[int], train: Path) -> None:
    """Raise DataError unless every candidate has answers, to prompts that the dataset has."""
    without = [epoch for epoch in open_to if not given.answers(epoch)]
    if without:
        raise DataError(
            f"{train / 'dev_samples.jsonl'}: holds no answers of epochs {listed(without)} to choose by; choosing needs "
            'dev examples (dataset.dev, or a source with split = "dev") and train.dev_samples above 0'
        )
    unknown = {sample.prompt_id for sample in given.samples} - given.prompts.keys()
    if unknown:
        raise DataError(f"{train / 'dev_samples.jsonl'}: answers {min(unknown)}, which is no dev example")


def cuts(table: Sequence[Row]) -> list[str]:
    """A word of warning where most answers ran into the limit of their length."""
    ended = [row.eot_rate for row in table if row.candidate and row.eot_rate is not None]
    if not ended or sum(ended) / len(ended) >= 1 - CUT_SHARE:
        return []
    return [
        f"Of the candidates' answers {1 - sum(ended) / len(ended):.0%} do not end with the end-of-turn token. Those "
        "that reach the limit (`train.dev_sample_tokens`) look unfinished to a reader and to a judge; the paper's "
        "limit is 2,048 tokens."
    ]


def said_of_kind(judge: JudgeEntry) -> list[str]:
    """What a local judge's grade is here: in the study the same judge gives another kind."""
    if not isinstance(judge, LocalJudge):
        return []
    return [
        "A local judge's grade is here the one that it expects: the mean of 1 to 6 by their likelihoods, since whole "
        "grades are too coarse to tell neighbouring epochs apart. In the study the same judge gives the one grade that "
        "it finds likeliest, or writes; the two are not to be compared."
    ]


def name_of(judge: JudgeEntry) -> str:
    """The judge's model; of a folder only its name, since where it lies differs between machines."""
    if isinstance(judge, FakeJudge):
        return f"a fake that prefers {judge.prefers}"
    if isinstance(judge, LocalJudge) and judge.model.is_folder:
        return Path(judge.model).name
    return str(judge.model)


def write_page(
    out: Path, choice: Choice | None, table: Sequence[Row], notes: Sequence[str], given: Given
) -> None:
    from handful.choose.page import html

    write_whole(out / PAGE, html(choice, table, notes, given))


def listed(epochs: Sequence[int]) -> str:
    return ", ".join(map(str, epochs))


def counts(choice: Choice, given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {
        "epoch": choice.epoch,
        "by": choice.by,
        "candidates": len(choice.candidates),
        "prompts": len(given.prompts),
        "answers": len(given.samples),
    }
    if choice.by == "judge":
        grades: list[Interval | None] = [row.grade for row in choice.epochs]
        found["graded_prompts"] = max((grade.n for grade in grades if grade), default=0)
        found["unreadable"] = sum(row.unreadable for row in choice.epochs)
    if choice.by == "people":
        found["people"] = choice.people
        found["read_prompts"] = max((row.share.n for row in choice.epochs if row.share), default=0)
    return found
