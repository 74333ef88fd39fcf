"""Whether a judge gives nearly everything the same grade: then it can hardly tell systems apart, right or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from handful.core.types import Noun, Signature, Task
from handful.stats.bootstrap import MIN_PROMPTS

FLAT = 0.9
"""Share of one grade above which a judge is said to tell nothing apart (ours)."""


class OneGrade(Noun, frozen=True):
    """What a judge said of nearly everything, in one task."""

    task: Task
    grade: str
    times: int
    of: int
    """Grades that could be read."""


def one_grade(counts: Mapping[str, int]) -> str:
    """The grade that is more than nine in ten of all, or nothing."""
    given = sum(counts.values())
    return next((grade for grade, times in counts.items() if times > FLAT * given), "")


def flat_tasks(signed: Mapping[str, Signature], grades: Mapping[str, str | None]) -> Iterator[OneGrade]:
    """The tasks in which one judge graded nearly all alike: of fewer than MIN_PROMPTS prompts nothing is said.

    Args:
        signed, grades: by id of a submission.
    """
    for task in dict.fromkeys(signed[id].task for id in grades):
        read = {id: grade for id, grade in grades.items() if grade and signed[id].task == task}
        counts = Counter(read.values())
        grade = one_grade(counts)
        if grade and len({signed[id].prompt_id for id in read}) >= MIN_PROMPTS:
            yield OneGrade(task, grade, counts[grade], len(read))
