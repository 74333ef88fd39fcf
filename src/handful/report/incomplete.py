"""Whether a study may be read at all: one that was cut short, or that lacks verdicts, gets a mark and no headline.

A verdict that cannot be read is an outcome and counted elsewhere; here it is about what is not there. A grade that
cannot be read is not there either: the mean of the others speaks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from handful.recipe.systems import EndpointSystem, ResponsesSystem
from handful.report.facts import Facts
from handful.report.words import number

MAX_MISSING = 0.05
"""Share of a judge's comparisons without a verdict, of its answers without a grade, or of prompts without both
answers, above which a study is incomplete (ours): those that are missing are rarely missing at random."""


class Lack(NamedTuple):
    """Why a study is incomplete, and what would help."""

    why: str
    remedies: tuple[str, ...]


def incomplete(facts: Facts) -> list[str]:
    """Why, in sentences; empty where the study is complete."""
    return [lack.why for lack in lacks(facts)]


def remedies(facts: Facts) -> list[str]:
    """What would help, in sentences, each once. A run that has a report has ended: it is never to run it again."""
    return list(dict.fromkeys(remedy for lack in lacks(facts) for remedy in lack.remedies))


def lacks(facts: Facts) -> list[Lack]:
    return [
        *capped(facts),
        *missing_verdicts(facts),
        *missing_grades(facts),
        *missing_people(facts),
        *missing_answers(facts),
    ]


def capped(facts: Facts) -> Iterator[Lack]:
    """Steps whose manifest says that a budget stopped them."""
    for label, step in facts.steps.items():
        left = step.counts.get("capped") or step.counts.get("unasked")
        if left:
            count = (
                f": {left:,} questions were never asked" if isinstance(left, int) and left is not True else ""
            )
            remedy = f"{again(facts, label)} with a higher limit."
            yield Lack(f"{label} reached its budget and stopped{count}.", (remedy,))


def again(facts: Facts, label: str) -> str:
    """How to have a step made once more, without its full stop."""
    folder = f"{label.replace('/', '-')}-{facts.steps[label].key}" if label in facts.steps else label
    return f"Delete the folder {folder} and run again"


def asked_again(facts: Facts, label: str) -> str:
    return f"{again(facts, label)}: what failed is asked once more, and replies that came are not paid for twice."


def missing_verdicts(facts: Facts) -> Iterator[Lack]:
    for row in facts.stats.get("losses", {}).get("judges", ()):
        if row["kind"] == "model" and row["missing"] > MAX_MISSING * row["comparisons"]:
            why = (
                f"{row['judge']} has no verdict on {row['missing']:,} of {row['comparisons']:,} comparisons "
                f"(more than {MAX_MISSING:.0%})."
            )
            yield Lack(why, (asked_again(facts, f"judge/{row['judge']}"),))


class Owed(NamedTuple):
    """The grades that one judge owes, and what became of them."""

    total: int
    missing: int
    unreadable: int


def owed(facts: Facts) -> dict[str, Owed]:
    """Of each model judge. People share the work, and owe no single grade."""
    found: dict[str, Owed] = {}
    for block in ("helpfulness", "shares", "turns"):
        for row in facts.rows(f"grades.{block}"):
            if row["kind"] == "model" and row.get("split", "all") == "all":
                before = found.get(row["judge"], Owed(0, 0, 0))
                found[row["judge"]] = Owed(
                    before.total + row["responses"],
                    before.missing + row["missing"],
                    before.unreadable + row.get("unreadable", 0),
                )
    return found


def missing_grades(facts: Facts) -> Iterator[Lack]:
    for judge, grades in owed(facts).items():
        if grades.missing + grades.unreadable <= MAX_MISSING * grades.total:
            continue
        of = f"of {grades.total:,} answers"
        if not grades.unreadable:
            why = f"{judge} has no grade for {grades.missing:,} {of}"
        elif not grades.missing:
            why = f"{judge} gave no grade that can be read to {grades.unreadable:,} {of}"
        else:
            none = f"no grade for {grades.missing:,}, and none that can be read for {grades.unreadable:,}"
            why = f"{judge} has {none}, {of}"
        remedy = [asked_again(facts, f"judge/{judge}")] if grades.missing else []
        if grades.unreadable:
            remedy.append(
                f"What {judge} wrote instead of grades is in browse.html; more room (max_tokens), or another judge, "
                "may help."
            )
        yield Lack(f"{why} (more than {MAX_MISSING:.0%}).", tuple(remedy))


def missing_people(facts: Facts) -> Iterator[Lack]:
    left = facts.stats.get("losses", {}).get("unjudged_by_people", 0)
    variants = facts.variants()  # `stats` does not miss people's verdicts on these
    of_originals = sum(c.prompt_id not in variants for c in facts.comparisons.values())
    total = of_originals or sum(pair["comparisons"] for pair in facts.rows("pairs"))
    if left > MAX_MISSING * total:
        why = f"No person judged {left:,} of {total:,} comparisons (more than {MAX_MISSING:.0%})."
        remedy = f"{again(facts, 'annotate')}: it waits for the people that the recipe asks for (handful serve study)."
        yield Lack(why, (remedy,))


def missing_answers(facts: Facts) -> Iterator[Lack]:
    """Prompts that fell out since a system has no answer: those it fails on may be the hard ones."""
    lost = sum(facts.stats.get("losses", {}).get("unpaired", {}).values())
    total = lost + sum(pair["comparisons"] for pair in facts.rows("pairs"))
    if lost > MAX_MISSING * total:
        why = (
            f"{lost:,} of {total:,} comparisons could not be made, a system having no answer "
            f"(more than {MAX_MISSING:.0%})."
        )
        yield Lack(why, tuple(answers_wanted(facts)))


def answers_wanted(facts: Facts) -> Iterator[str]:
    """For each system that has failed on prompts, how to have answers."""
    for name, responses in facts.responses.items():
        failed = len({r.prompt_id for r in responses if r.finish == "error"})
        entry = facts.recipe.generate.systems.get(name)
        if failed and isinstance(entry, ResponsesSystem):
            yield in_the_file(facts, name, Path(entry.path).name, failed)
        elif failed and isinstance(entry, EndpointSystem):
            yield asked_again(facts, f"generate/{name}")


def in_the_file(facts: Facts, name: str, file: str, failed: int) -> str:
    """What a file of answers lacks, and what it holds instead."""
    stray = facts.taken.get(f"generate/{name}", {}).get("unknown_prompt")
    but = f", and {stray.count:,} of its rows answer none (see “What was lost”)" if stray else ""
    help = "complete the file, or leave these prompts out, and run again"
    return f"{file} has no answer of {name} to {number(failed, 'prompt')}{but}: {help}."
