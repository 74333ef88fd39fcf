"""Section 6: the turns of dialogues (Figure 7), when they first fail, and whole dialogues side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handful.report import tables
from handful.report.facts import Facts
from handful.report.grading import CLASSES, Row, by_judge, counted, named, shares_of
from handful.report.page import Block, Column, Figure, Table, Text
from handful.report.preferences import file_of
from handful.report.scales import stacked_shares


def conversations(facts: Facts) -> list[Block]:
    blocks: list[Block] = []
    for judge, rows in by_judge(facts.rows("grades.turns")):
        blocks += turns(facts, judge, rows)
    for judge, rows in by_judge([row for row in facts.rows("dialogues") if row["kind"] != "person"]):
        blocks.append(tables.preference(f"Whole dialogues, by {judge}", rows))
    return blocks or [Text(["No dialogue was judged (study.tasks): Figure 7 has nothing to show."])]


def turns(facts: Facts, judge: str, rows: Sequence[Row]) -> list[Block]:
    names = CLASSES["quality"]
    title = f"Figure 7: turns of dialogues, by {judge}"
    drawn = [shares_of(row, names) for row in rows if row["graded"]]
    table = turns_table(f"{title}: shares with intervals", rows)
    if not drawn:
        return [Text([title], "subtitle"), Text(["No grade could be read."]), table]
    data: list[dict[str, Any]] = [
        {"judge": judge, "system": row["system"], "dialogues": row["dialogues"], **counted(row)}
        | {f"{name}_count": row["counts"][name] for name in names}
        | {name: row["shares"][name] for name in names}
        for row in rows
    ]
    caption = f"{named(facts, rows[0])} Shares are of turns; the interval is over dialogues, whose turns hang together."
    files = file_of("figure-7", rows[0]["mode"], judge)
    return [Figure(title, stacked_shares(title, names, drawn), data, caption, *files), table]


def turns_table(caption: str, rows: Sequence[Row]) -> Table:
    names = CLASSES["quality"]
    return Table(
        caption,
        [
            Column("System"),
            Column("Dialogues", "count"),
            Column("Turns", "count"),
            *(Column(name.capitalize(), "share") for name in names),
            Column("Fails within 3 turns", "share"),
            Column("Unreadable", "count"),
            Column("Missing", "count"),
        ],
        [
            [
                row["system"],
                row["dialogues"],
                row["graded"],
                *(row["shares"][name] for name in names),
                row["failed_within_3"],
                row["unreadable"],
                row["missing"],
            ]
            for row in rows
        ],
        note="In the paper 6 of 10 dialogues failed within 3 turns before training on dialogues.",
    )
