"""The stage `annotate`: waits until enough people have answered everything that is asked, then writes what they said.

It asks nobody: the page of `handful serve study` does. Without people in the recipe it passes through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.core import jsonl
from handful.core.errors import DataError, Waiting
from handful.core.optional import need
from handful.core.types import Task
from handful.recipe.evaluation import Annotate

if TYPE_CHECKING:
    from handful.annotate.items import Item, Study
    from handful.annotate.ledger import Answer
    from handful.annotate.people import Person
    from handful.annotate.said import Said


def work(params: Annotate, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """The ledger -> verdicts.jsonl (Verdict) and grades.jsonl (Grade), by the people who are not dropped, and what
    surrounds them: repeats, checks, what was skipped, and who answered.

    Raises:
        Waiting: something has fewer than `params.people` answers.
        DataError: the study asks nothing of people, or the ledger cannot be read.
    """
    if not params.people:
        jsonl.write(out / "verdicts.jsonl", ())
        return {"people": 0, "verdicts": 0, "wanted": 0}
    need("sqlalchemy", "the ledger of people's answers")
    from handful.annotate import talk_files
    from handful.annotate.database import is_made, target_of
    from handful.annotate.ledger import open_ledger
    from handful.annotate.practice import checks_of
    from handful.annotate.said import said_of

    study = read_asked(params, inputs["study"])
    checks = checks_of(params, study)
    target = target_of(out.parent, params.database_env)
    if not is_made(target):
        raise Waiting(waiting(said_of(study, [], []).given(params.people), ""))
    with closing(open_ledger(target)) as ledger:
        answers, people = ledger.answers(), ledger.people()
        said = said_of(study, answers, people)
        talks = talk_files.missing(ledger, params, inputs) if params.talk else ""
        given = said.given(params.people)
        if talks or any(done < wanted for done, wanted in given.values()):
            raise Waiting(waiting(given, talks))
        counts = write(study, checks, said, answers, people, out)
        if params.talk:
            counts["talk"] = talk_files.write(ledger, params, inputs, out)
    return {**counts, "wanted": sum(wanted for _, wanted in given.values())}


def read_asked(params: Annotate, folder: Path) -> Study:
    """What people are asked of a study.

    Raises:
        DataError: nothing, while people are wanted.
    """
    from handful.annotate.items import read_study

    study = read_study(folder, params.tasks)
    if not study.items and not params.talk:
        raise DataError(
            f"{folder}: asks nothing of people: it holds no comparison and no submission of the tasks asked for; see "
            "study.tasks and annotate.tasks, or set annotate.people = 0"
        )
    return study


def waiting(given: Mapping[Task, tuple[int, int]], talks: str) -> str:
    """How far people are, task by task, and what to type."""
    done, wanted = (sum(pair[n] for pair in given.values()) for n in (0, 1))
    parts = [f"{task} {has} of {wants}" for task, (has, wants) in given.items()]
    words = f"{done} of {wanted} answers given" if given else ""
    if len(parts) > 1:
        words += f" ({', '.join(parts)})"
    return "; ".join(filter(None, (words, talks, "people answer at: handful serve study RECIPE")))


def write(
    study: Study,
    checks: Sequence[Item],
    said: Said,
    answers: Sequence[Answer],
    people: Sequence[Person],
    out: Path,
) -> dict[str, Any]:
    """The files of the stage, which depend on what was said and not on when; returns their counts."""
    from handful.annotate.said import checked, respondents

    who = respondents(study, answers, people, checks)
    passed = checked(checks, answers, said.judges)
    skipped = list(said.skipped())
    counts = {
        "verdicts": jsonl.write(out / "verdicts.jsonl", said.verdicts()),
        "grades": jsonl.write(out / "grades.jsonl", said.grades()),
        "repeats": jsonl.write(out / "repeats.jsonl", said.verdicts(1))
        + jsonl.write(out / "repeated_grades.jsonl", said.grades(1)),
    }
    jsonl.write(out / "checks.jsonl", passed)
    jsonl.write(out / "skipped.jsonl", skipped)
    jsonl.write(out / "people.jsonl", who)
    return {
        "people": sum(not one.dropped for one in who),
        **counts,
        "skipped": len(skipped),
        "checks": {"passed": sum(check.passed for check in passed), "answered": len(passed)},
        "dropped": {"people": sum(one.dropped for one in who), "answers": said.dropped},
    }
