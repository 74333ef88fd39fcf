"""Who won against whom: Figures 1 and 2, people first, then each model judge and panel, then each person.

A figure holds one judge, and a file the judges of one mode: what was asked in two ways is never one figure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from handful.report import tables
from handful.report.claims import can_bear
from handful.report.facts import Facts
from handful.report.page import Block, Column, Table, Text
from handful.report.words import TRUST, what_it_is

ORDER = {"people": 0, "panel": 1, "model": 2, "person": 3}


def preference(facts: Facts) -> list[Block]:
    rows = facts.rows("preference")
    if not rows and "preference" not in facts.recipe.study.tasks:
        return [Text(["Preference between two answers was not asked (study.tasks)."])]
    if not rows:
        return [Text(["Nobody judged: the recipe names no judge and asks no people."])]
    blocks: list[Block] = []
    judges = dict.fromkeys((r["kind"], r["judge"]) for r in rows)
    for kind, name in sorted(judges, key=lambda pair: ORDER[pair[0]]):
        mine = [row for row in rows if (row["kind"], row["judge"]) == (kind, name)]
        blocks += one_judge(facts, kind, name, mine)
    if facts.rows("rankings"):
        blocks.append(rankings(facts))
    if facts.rows("length_control"):
        blocks.append(length_control(facts))
    warnings = list(facts.stats.get("warnings", ()))
    return [*blocks, Text(warnings, "list")] if warnings else blocks


def one_judge(facts: Facts, kind: str, name: str, rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    if kind == "person":
        return [replace(tables.preference(f"{name}, one person", rows), folded=True)]
    mode = facts.mode(name) if kind in ("model", "panel") else ""
    if kind == "people":
        title, what = "Figure 1: people", "all people pooled, each verdict counting once"
        files = ("figure-1", "figure-1")
    else:
        asked = "the people's text, one order" if mode == "lima" else "both orders"
        title, what = f"Figure 2: {'panel ' * (kind == 'panel')}{name}, {asked}", what_it_is(facts, name)
        files = file_of("figure-2", mode, name)
    weak = kind in ("model", "panel") and not facts.is_fake(name) and not can_bear(facts, name)
    what += f", not to be trusted ({TRUST})" if weak else ""
    caption = (
        f"{what[:1].upper()}{what[1:]}. Below each bar, intervals: of wins, and of wins and ties together."
    )
    figure = tables.preference_figure(title, rows, caption, *files)
    table = tables.preference(f"{title}: rates with intervals", rows)
    if figure is None:
        return [Text([title], "subtitle"), Text(["No verdict could be read."]), table]
    return [figure, table]


def rankings(facts: Facts) -> Table:
    """All systems on one scale; where there is no estimate, or a weak one, the note says why."""
    rows = [
        [ranking["judge"], each["system"], each["strength"], each["matches"]]
        for ranking in facts.rows("rankings")
        for each in ranking["strengths"]
    ]
    columns = [Column("Judge"), Column("System"), Column("Strength", "grade"), Column("Comparisons", "count")]
    words = [
        f"{ranking['judge']}: {ranking['words']}" for ranking in facts.rows("rankings") if ranking["words"]
    ]
    note = "Bradley-Terry with ties (Davidson): log-odds against the average system, the strongest first. "
    return Table("All systems on one scale", columns, rows, note + " ".join(words))


def length_control(facts: Facts) -> Table:
    rows = [
        [
            row["judge"],
            row["baseline"],
            row["plain"],
            row["controlled"],
            row["slope"],
            None if row["longer"] is None else round(row["longer"]),
            row["note"],
        ]
        for row in facts.rows("length_control")
    ]
    columns = [
        Column("Judge"),
        Column("Against"),
        Column("Ties as half", "share"),
        Column("… at equal length", "share"),
        Column("Slope", "grade"),
        Column("Longer by, characters", "count"),
        Column("Note"),
    ]
    note = "Length goes with quality as well as with bias: a sensitivity check, not a correction. "
    return Table(
        "At equal length", columns, rows, note + "Slope: log-odds of a win as the answer grows.", folded=True
    )


def file_of(figure: str, mode: str, judge: str) -> tuple[str, str]:
    """(name of the drawing, name of the table) of one judge's figure."""
    table = f"{figure}-lima" if mode == "lima" else figure
    return f"{table}-{slug(judge)}", table


def slug(name: str) -> str:
    """A name as part of a file's: letters, digits and dashes."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "judge"
