"""Whether the judges can be trusted: position, length, steadiness, what was lost, and the pairs that people labelled.

A judge is "not validated" until people have judged the same things; steady is not the same as right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handful.core.types import Interval
from handful.report.agreement import agreed
from handful.report.claims import why_not
from handful.report.facts import Facts
from handful.report.incomplete import owed
from handful.report.page import Block, Column, Table, Text
from handful.report.people import took_part
from handful.report.words import TRUST, what_it_is

STANDING = {"no": "failed", "unproven": "not validated", "validated": "validated"}


def trust(facts: Facts) -> list[Block]:
    blocks: list[Block] = []
    for row in facts.rows("trust"):
        bad = bool(why_not(facts, row["judge"]))
        words = in_sentences(facts, row)
        blocks.append(Text(words, "warning" if bad or family(facts, row["judge"]) else "paragraphs"))
    if not blocks:
        blocks.append(Text(["No model judged."]))
    else:
        blocks += [under_test(facts), habits(facts)]
        blocks.append(gates(facts) if facts.rows("gates") else no_gate(facts))
    if facts.rows("panels"):
        blocks.append(panels(facts))
    return [*blocks, *agreed(facts), *took_part(facts)]


def in_sentences(facts: Facts, row: Mapping[str, Any]) -> list[str]:
    name = row["judge"]
    if facts.is_fake(name):
        return [f"{name} is {what_it_is(facts, name)}. It tests the study and says nothing about quality."]
    related = family(facts, name)
    words = [f"{name}: {sentence}" for sentence in row["words"]]
    if row["grade"] != "no" and (reason := why_not(facts, name)):
        words.append(f"{reason.removesuffix(f' ({TRUST})')}, so it makes no headline.")
    if related:
        listed = ", ".join(related)
        words.append(f"{name} is of one family with {listed}, and judges are known to favour their own.")
    return words


def family(facts: Facts, judge: str) -> list[str]:
    """Systems of the judge's own family."""
    return list(facts.counts(f"judge/{judge}").get("of_its_family", ()))


def under_test(facts: Facts) -> Table:
    return Table(
        "Judges under test",
        [
            Column("Judge"),
            Column("What it is"),
            Column("Asked"),
            Column("Standing"),
            Column("Right on labelled pairs", "share"),
        ],
        [
            [
                row["judge"],
                what_it_is(facts, row["judge"]),
                how_asked(facts, row),
                "a rule" if facts.is_fake(row["judge"]) else STANDING[row["grade"]],
                row.get("gate_accuracy"),
            ]
            for row in facts.rows("trust")
        ],
        note="Not validated: nobody has shown yet that it says what people say. Steady is not the same as right.",
    )


def how_asked(facts: Facts, row: Mapping[str, Any]) -> str:
    """Sides can be swapped only where there were two."""
    lima = facts.mode(row["judge"]) == "lima"
    if not row["comparisons"] and row.get("grades"):
        return "one answer at a time" + ", the people's text" * lima
    return "the people's text, one order" if lima else "both orders"


def habits(facts: Facts) -> Table:
    bias = {row["judge"]: row["longer_chosen"] for row in facts.rows("length_bias")}
    return Table(
        "Their habits",
        [
            Column("Judge"),
            Column("Changed its mind when swapped", "share"),
            Column("Same verdict, tie-discounted", "share"),
            Column("Chose the first shown", "share"),
            Column("Chose the longer", "share"),
            Column("Unreadable", "share"),
            Column("Unreadable grades", "share"),
            Column("Saw a cut answer", "count"),
        ],
        [
            [
                row["judge"],
                row["flipped"],
                row["self_agreement_tie_discounted"],
                row["first_position"],
                bias.get(row["judge"]),
                row["unreadable"],
                unreadable_grades(facts, row),
                row["truncated"],
            ]
            for row in facts.rows("trust")
        ],
        note="The first two are shares of comparisons; unreadable are verdicts, and grades of single answers. "
        "Places and lengths are counted among verdicts that chose a side; 50% is even-handed.",
    )


def unreadable_grades(facts: Facts, row: Mapping[str, Any]) -> Interval | float | None:
    """The share of its grades that could not be read; None where it graded nothing."""
    if "unreadable_grades" in row:
        measured: Interval | None = row["unreadable_grades"]
        return measured
    grades = owed(facts).get(row["judge"])
    given = grades.total - grades.missing if grades else 0
    return grades.unreadable / given if grades and given else None


def no_gate(facts: Facts) -> Text:
    people = any(row["kind"] == "people" for row in facts.rows("preference"))
    beside = (
        "; people judged the study itself, and how far the judges agree with them stands below"
        if people
        else ""
    )
    return Text(
        [f"There are no labelled pairs (judge.gate), so no judge was tested on known answers{beside}."]
    )


def gates(facts: Facts) -> Table:
    return Table(
        "On pairs that people have labelled",
        [
            Column("Judge"),
            Column("Pairs", "count"),
            Column("Right", "share"),
            Column("… tie-discounted", "share"),
            Column("… when steady", "share"),
            Column("Changed its mind", "share"),
            Column("Kappa", "grade"),
            Column("Chance", "share"),
            Column("Best constant", "share"),
            Column("People with each other", "share"),
            Column("Unreadable", "count"),
            Column("Passed"),
        ],
        [
            [
                row["judge"],
                row["pairs"],
                row["accuracy"],
                row["accuracy_tie_discounted"],
                row["accuracy_when_steady"],
                row["flipped"],
                row["kappa"],
                row["chance"],
                row["always"],
                row["people"],
                row["unreadable"],
                "yes" if row["passed"] else "no",
            ]
            for row in facts.rows("gates")
        ],
        note="Passed: beyond doubt more often right than guessing, and than the best answer that never looks. It "
        "speaks of pairs like these.",
    )


def panels(facts: Facts) -> Table:
    return Table(
        "Panels",
        [
            Column("Panel"),
            Column("Judges"),
            Column("Comparisons", "count"),
            Column("Unanimous", "share"),
            Column("Without a majority", "count"),
            Column("Correlation", "grade"),
            Column("Worth as many judges", "grade"),
        ],
        [
            [
                row["panel"],
                ", ".join(row["judges"]),
                row["comparisons"],
                row["unanimous"],
                row["split"],
                row["correlation"],
                row["effective_judges"],
            ]
            for row in facts.rows("panels")
        ],
        note="Judges that err together are worth fewer than they are.",
    )
