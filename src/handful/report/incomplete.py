"""Whether a study may be read at all: one that was cut short, or that lacks verdicts, gets a mark and no headline.

A verdict that cannot be read is an outcome and counted elsewhere; here it is about verdicts that are not there.
"""

from __future__ import annotations

from collections.abc import Iterator

from handful.report.facts import Facts

MAX_MISSING = 0.05
"""Share of a judge's comparisons without a verdict, or of prompts without both answers, above which a study is
incomplete (ours): those that are missing are rarely missing at random."""


def incomplete(facts: Facts) -> list[str]:
    """Why, in sentences; empty where the study is complete."""
    return [
        *capped(facts),
        *missing_verdicts(facts),
        *missing_grades(facts),
        *missing_people(facts),
        *missing_answers(facts),
    ]


def capped(facts: Facts) -> Iterator[str]:
    """Steps whose manifest says that a budget stopped them."""
    for label, step in facts.steps.items():
        left = step.counts.get("capped") or step.counts.get("unasked")
        if left:
            count = (
                f": {left:,} questions were never asked" if isinstance(left, int) and left is not True else ""
            )
            yield f"{label} reached its budget and stopped{count}."


def missing_verdicts(facts: Facts) -> Iterator[str]:
    for row in facts.stats.get("losses", {}).get("judges", ()):
        if row["kind"] == "model" and row["missing"] > MAX_MISSING * row["comparisons"]:
            yield (
                f"{row['judge']} has no verdict on {row['missing']:,} of {row['comparisons']:,} comparisons "
                f"(more than {MAX_MISSING:.0%})."
            )


def missing_grades(facts: Facts) -> Iterator[str]:
    """By judge: what it owes of all that it was to grade. People share the work, and owe no single grade."""
    owed: dict[str, list[int]] = {}
    for block in ("helpfulness", "shares", "turns"):
        for row in facts.rows(f"grades.{block}"):
            if row["kind"] == "model" and row.get("split", "all") == "all":
                counts = owed.setdefault(row["judge"], [0, 0])
                counts[0] += row["missing"]
                counts[1] += row["responses"]
    for judge, (missing, total) in owed.items():
        if missing > MAX_MISSING * total:
            yield f"{judge} has no grade for {missing:,} of {total:,} answers (more than {MAX_MISSING:.0%})."


def missing_people(facts: Facts) -> Iterator[str]:
    left = facts.stats.get("losses", {}).get("unjudged_by_people", 0)
    total = len(facts.comparisons) or sum(pair["comparisons"] for pair in facts.rows("pairs"))
    if left > MAX_MISSING * total:
        yield f"No person judged {left:,} of {total:,} comparisons (more than {MAX_MISSING:.0%})."


def missing_answers(facts: Facts) -> Iterator[str]:
    """Prompts that fell out since a system has no answer: those it fails on may be the hard ones."""
    lost = sum(facts.stats.get("losses", {}).get("unpaired", {}).values())
    total = lost + sum(pair["comparisons"] for pair in facts.rows("pairs"))
    if lost > MAX_MISSING * total:
        yield (
            f"{lost:,} of {total:,} comparisons could not be made, a system having no answer "
            f"(more than {MAX_MISSING:.0%})."
        )
