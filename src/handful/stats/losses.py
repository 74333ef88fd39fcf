"""What was lost on the way from prompts to rates: nothing is left out without being counted here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handful.core.types import Dropped, Noun
from handful.stats.flatness import OneGrade
from handful.stats.readings import Annotator, Status

EXAMPLES = 5


class JudgeLosses(Noun, frozen=True):
    judge: str
    kind: str
    comparisons: int
    read: int
    flipped: int
    unreadable: int
    missing: int
    truncated: int
    examples: dict[str, tuple[str, ...]]
    """Kind of loss -> ids of the first few comparisons; "grades …" of submissions."""
    grades: int = 0
    """Submissions that it was to grade: a person, those that they saw."""
    grades_unreadable: int = 0
    grades_missing: int = 0
    grades_truncated: int = 0


class Losses(Noun, frozen=True):
    judges: tuple[JudgeLosses, ...]
    unpaired: dict[str, int]
    """Rule -> prompts that could not be compared."""
    unpaired_examples: tuple[str, ...]
    unjudged_by_people: int
    """Comparisons that no person judged, in a study that wanted people."""


@dataclass(frozen=True, slots=True)
class Grading:
    """What became of one judge's grades, of all tasks together: ids of submissions."""

    asked: int
    prompts: tuple[str, ...] = ()
    """Of each grade that was given, readable or not."""
    read: tuple[bool, ...] = ()
    """Of each of these, whether it could be read."""
    unreadable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    truncated: tuple[str, ...] = ()
    one_grade: tuple[OneGrade, ...] = ()
    """Of each task in which nearly all of them are the same."""


NO_GRADES = Grading(0)


def judge_losses(judge: Annotator, truncated: Sequence[str], grading: Grading = NO_GRADES) -> JudgeLosses:
    """`truncated` holds the ids of the comparisons that the judge saw cut."""
    ids: dict[Status, list[str]] = {"read": [], "flipped": [], "unreadable": [], "missing": []}
    for id, reading in judge.readings.items():
        ids[reading.status].append(id)
    lost: dict[str, Sequence[str]] = {
        "flipped": ids["flipped"],
        "unreadable": ids["unreadable"],
        "missing": ids["missing"],
        "truncated": truncated,
        "grades unreadable": grading.unreadable,
        "grades missing": grading.missing,
        "grades truncated": grading.truncated,
    }
    return JudgeLosses(
        judge=judge.name,
        kind=judge.kind,
        comparisons=len(judge.readings),
        read=len(ids["read"]),
        flipped=len(ids["flipped"]),
        unreadable=len(ids["unreadable"]),
        missing=len(ids["missing"]),
        truncated=len(truncated),
        examples={kind: tuple(found[:EXAMPLES]) for kind, found in lost.items() if found},
        grades=grading.asked,
        grades_unreadable=len(grading.unreadable),
        grades_missing=len(grading.missing),
        grades_truncated=len(grading.truncated),
    )


def losses(
    annotators: Sequence[Annotator],
    truncated: dict[str, list[str]],
    unpaired: Iterable[Dropped],
    comparisons: Iterable[str],
    people_wanted: bool,
    gradings: Mapping[str, Grading] | None = None,
) -> Losses:
    """`gradings` has what became of the grades of each judge and person that gave some."""
    unpaired = list(unpaired)
    judged = {id for a in annotators if a.kind == "person" for id in a.readings}
    return Losses(
        judges=tuple(
            judge_losses(a, truncated.get(a.name, []), (gradings or {}).get(a.name, NO_GRADES))
            for a in annotators
        ),
        unpaired=dict(sorted(Counter(d.rule for d in unpaired).items())),
        unpaired_examples=tuple(d.id for d in unpaired[:EXAMPLES]),
        unjudged_by_people=sum(id not in judged for id in comparisons) if people_wanted else 0,
    )
