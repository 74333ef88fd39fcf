"""What was lost on the way from prompts to rates: nothing is left out without being counted here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from handful.core.types import Dropped, Noun
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
    """Kind of loss -> ids of the first few comparisons."""


class Losses(Noun, frozen=True):
    judges: tuple[JudgeLosses, ...]
    unpaired: dict[str, int]
    """Rule -> prompts that could not be compared."""
    unpaired_examples: tuple[str, ...]
    unjudged_by_people: int
    """Comparisons that no person judged, in a study that wanted people."""


def judge_losses(judge: Annotator, truncated: Sequence[str]) -> JudgeLosses:
    """`truncated` holds the ids of the comparisons that the judge saw cut."""
    ids: dict[Status, list[str]] = {"read": [], "flipped": [], "unreadable": [], "missing": []}
    for id, reading in judge.readings.items():
        ids[reading.status].append(id)
    lost = {"flipped": ids["flipped"], "unreadable": ids["unreadable"], "missing": ids["missing"]}
    return JudgeLosses(
        judge=judge.name,
        kind=judge.kind,
        comparisons=len(judge.readings),
        read=len(ids["read"]),
        flipped=len(ids["flipped"]),
        unreadable=len(ids["unreadable"]),
        missing=len(ids["missing"]),
        truncated=len(truncated),
        examples={
            kind: tuple(found[:EXAMPLES])
            for kind, found in (*lost.items(), ("truncated", truncated))
            if found
        },
    )


def losses(
    annotators: Sequence[Annotator],
    truncated: dict[str, list[str]],
    unpaired: Iterable[Dropped],
    comparisons: Iterable[str],
    people_wanted: bool,
) -> Losses:
    unpaired = list(unpaired)
    judged = {id for a in annotators if a.kind == "person" for id in a.readings}
    return Losses(
        judges=tuple(judge_losses(a, truncated.get(a.name, [])) for a in annotators),
        unpaired=dict(sorted(Counter(d.rule for d in unpaired).items())),
        unpaired_examples=tuple(d.id for d in unpaired[:EXAMPLES]),
        unjudged_by_people=sum(id not in judged for id in comparisons) if people_wanted else 0,
    )
