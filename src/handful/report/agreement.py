"""How far people and models agree (Section 4.2), and what such figures are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from handful.core.types import Interval
from handful.report.facts import Facts
from handful.report.page import Block, Column, Table, Text

MOST_PEOPLE = 8
"""More would make the matrix too wide; all people together stay in it."""


def agreed(facts: Facts) -> list[Block]:
    """The matrix, its figures in full, and what chance-corrected measures say."""
    if not facts.rows("agreement"):
        return [Text(["There is only one judge, so nothing to agree with."] if facts.rows("trust") else [])]
    if not of_one_mode(facts, "agreement"):
        return [Text(["Each judge was asked in a mode of its own, so there is none to agree with."])]
    blocks: list[Block] = [agreement_matrix(facts)]
    if len(of_one_mode(facts, "groups")) > 1:
        blocks.append(matrix("Agreement of groups", of_one_mode(facts, "groups")))
    blocks.append(agreement(facts))
    if facts.rows("reliability"):
        blocks.append(reliability(facts))
    else:
        value = facts.stats.get("alpha_of_people", {}).get("tie_distance")
        if value is not None:
            blocks.append(Text([f"Krippendorff's alpha of all people, with the same distance: {value:.2f}."]))
    if facts.rows("leave_one_out"):
        blocks.append(leave_one_out(facts))
    return blocks


def of_one_mode(facts: Facts, block: str) -> list[Mapping[str, Any]]:
    """The rows of a block but those of a judge asked as people are with one asked in both orders."""
    return [
        row
        for row in facts.rows(block)
        if {mode_of(facts, row["first"]), mode_of(facts, row["second"])} != {"lima", "robust"}
    ]


def mode_of(facts: Facts, name: str) -> str:
    """Of a model judge, or of a group of them ("models (lima)"); people have none."""
    if name in facts.recipe.judge.judges:
        return facts.mode(name)
    return next((mode for mode in ("lima", "robust") if name == f"models ({mode})"), "")


def agreement_matrix(facts: Facts) -> Table:
    """Each two annotators, all people as one row and column before the others."""
    people = {row["judge"] for row in facts.rows("preference") if row["kind"] == "person"}
    many = len(people) > MOST_PEOPLE
    found = matrix(
        "Agreement, everyone with everyone", of_one_mode(facts, "agreement"), people if many else set()
    )
    note = (
        "Tie-discounted accuracy; the deeper the ground, the higher. A dash: nothing in common, one with itself, or "
        "judges of the two modes, which no figure mixes."
    )
    return replace(found, note=note + (" People one by one are in report.json." if many else ""))


def matrix(caption: str, rows: Sequence[Mapping[str, Any]], hidden: Set[str] = frozenset()) -> Table:
    found: dict[tuple[str, str], Interval] = {}
    for row in rows:
        found[row["first"], row["second"]] = found[row["second"], row["first"]] = row["tie_discounted"]
    names = [name for name in dict.fromkeys(name for pair in found for name in pair) if name not in hidden]
    names.sort(key=lambda name: name != "all people")
    return Table(
        caption,
        [Column(""), *(Column(name, "heat") for name in names)],
        [[first, *(found.get((first, second)) for second in names)] for first in names],
    )


def agreement(facts: Facts) -> Table:
    return Table(
        "How far they agree, and what that is worth",
        [
            Column("First"),
            Column("Second"),
            Column("Comparisons", "count"),
            Column("Tie-discounted", "share"),
            Column("Exact", "share"),
            Column("Chance", "share"),
            Column("Always tie", "share"),
            Column("Weighted kappa", "grade"),
            Column("Cohen's kappa", "grade"),
        ],
        [
            [
                row["first"],
                row["second"],
                row["comparisons"],
                row["tie_discounted"],
                row["exact"],
                row["chance"],
                row["always_tie"],
                row["weighted_kappa"],
                row["kappa"],
            ]
            for row in of_one_mode(facts, "agreement")
        ],
        note="Tie-discounted accuracy (Section 4.2): 1 for the same choice, ½ if exactly one said tie. “Chance” and "
        "“always tie” are what two random annotators, and one who always says tie, would score; kappas are "
        "corrected for chance, 0 being none beyond it.",
    )


def reliability(facts: Facts) -> Table:
    return Table(
        "Agreement of whole groups, corrected for chance",
        [
            Column("Group"),
            Column("Annotators", "count"),
            Column("Comparisons", "count"),
            Column("Alpha, tie distance", "grade"),
            Column("Alpha, nominal", "grade"),
            Column("Fleiss' kappa", "grade"),
        ],
        [
            [
                row["group"],
                row["annotators"],
                row["comparisons"],
                row["alpha_tie_distance"],
                row["alpha_nominal"],
                row["fleiss_kappa"],
            ]
            for row in facts.rows("reliability")
        ],
        note="Krippendorff's alpha: 1 is full agreement, 0 what chance gives. The tie distance is that of the "
        "tie-discounted accuracy.",
    )


def leave_one_out(facts: Facts) -> Table:
    rows = sorted(facts.rows("leave_one_out"), key=lambda row: row["majority"].estimate or 0.0)
    return Table(
        "Each person against the others",
        [
            Column("Annotator"),
            Column("Comparisons", "count"),
            Column("With each other one", "share"),
            Column("With most of them", "share"),
        ],
        [[row["annotator"], row["comparisons"], row["others"], row["majority"]] for row in rows],
        note="Tie-discounted, the lowest first: who is careless, or of another mind, stands on top.",
        folded=len(rows) > MOST_PEOPLE,
    )
