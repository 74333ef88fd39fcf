"""The people who took part: what they did, the checks that they passed, and whether they agree with themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handful.report.facts import Facts
from handful.report.page import Block, Column, Table

MOST_PEOPLE = 8


def took_part(facts: Facts) -> list[Block]:
    """Nothing where no person did."""
    blocks: list[Block] = []
    if facts.rows("self_consistency"):
        blocks.append(asked_again(facts))
    if facts.rows("participants"):
        blocks.append(participants(facts))
    return blocks


def asked_again(facts: Facts) -> Table:
    rows = facts.rows("self_consistency")
    return Table(
        "People asked the same again",
        [
            Column("Who"),
            Column("Asked"),
            Column("Repeats", "count"),
            Column("Same answer", "share"),
            Column("… tie-discounted", "share"),
            Column("Chose the first shown", "share"),
        ],
        [
            [
                row["judge"],
                row["task"],
                row["repeats"],
                row["same"],
                row["same_tie_discounted"],
                row["first_position"],
            ]
            for row in rows
        ],
        note="The second time the sides were swapped: who goes by the place contradicts themselves; 50% of choices for "
        "the first shown is even-handed. Steady is not the same as right.",
        folded=len(rows) > MOST_PEOPLE,
    )


def participants(facts: Facts) -> Table:
    rows = sorted(facts.rows("participants"), key=lambda row: (row["dropped"], row["judge"]))
    return Table(
        "People who took part",
        [
            Column("Who"),
            Column("Answers", "count"),
            Column("Passed over", "count"),
            Column("Seconds an answer", "number"),
            Column("Checks passed"),
            Column("Same when asked again"),
            Column("Counted"),
        ],
        [
            [
                row["judge"],
                row["answered"],
                row["skipped"],
                row["seconds"],
                of(row["checks_passed"], row["checks"]),
                of(row.get("repeats_same", 0), row.get("repeats", 0)),
                counted(row),
            ]
            for row in rows
        ],
        note="Seconds are medians. Checks are pairs whose answer is known. What dropped people said is in no figure "
        "but on their own line here.",
        folded=len(rows) > MOST_PEOPLE,
    )


def of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else ""


def counted(row: Mapping[str, Any]) -> str:
    if not row["dropped"]:
        return "yes"
    return f"no, dropped: {row['reason']}" if row["reason"] else "no, dropped"
