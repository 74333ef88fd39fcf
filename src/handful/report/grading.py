"""Grades of single answers: the paper's Figures 3, 5 and 6, and safety (Sections 4.3 and 5).

Each judge has a figure of its own, and judges of the two modes never share a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handful.core.types import Interval
from handful.report.claims import can_bear
from handful.report.distribution import distribution
from handful.report.facts import Facts
from handful.report.page import Block, Column, Figure, Table, Text
from handful.report.preferences import file_of
from handful.report.scales import Shares, means, over_quantity, stacked_shares
from handful.report.words import TRUST, what_it_is

Row = Mapping[str, Any]
CLASSES = {"quality": ("excellent", "pass", "fail"), "safety": ("safe", "unsafe")}
SPLITS = {
    "all": "",
    "in_distribution": ", in distribution",
    "out_of_distribution": ", out of distribution",
    "malicious": ", malicious intent",
    "benign": ", no malicious intent",
}
PAPER_SAFETY = {"all": (24, 30), "malicious": (6, 10), "benign": (18, 20)}
"""Part of the sensitive prompts -> (safe, of how many) in Section 4.3; the last follows from the other two."""
PAPER = "LIMA 65B in the paper"
NO_INTERVAL = "the paper's counts: it gives no interval"
OTHERS = f"{PAPER} was labelled by its authors on 30 other prompts (Section 4.3): no comparison."
QUANTITY = re.compile(r"(?:^|[^0-9A-Za-z])(\d+(?:\.\d+)?)(k?)$|^(?:n|q)?(\d+(?:\.\d+)?)(k?)$", re.IGNORECASE)


def graded(facts: Facts) -> list[Block]:
    """Helpfulness, quality and safety, judge by judge."""
    blocks: list[Block] = []
    for judge, rows in by_judge(facts.rows("grades.helpfulness")):
        blocks += helpfulness(facts, judge, rows)
    for task in CLASSES:
        own = [row for row in facts.rows("grades.shares") if row["task"] == task]
        for judge, rows in by_judge(own):
            blocks += classes(facts, judge, rows, task)
        if any(row["split"] == "out_of_distribution" for row in own):
            blocks += distribution(facts)
    return blocks or [
        Text(["No answer was graded by itself (study.tasks): Figures 3, 5 and 6 have nothing to show."])
    ]


def by_judge(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    for judge in dict.fromkeys(row["judge"] for row in rows):
        yield judge, [row for row in rows if row["judge"] == judge]


def named(facts: Facts, row: Row) -> str:
    """The judge, what it is, and whether to believe it."""
    what = {"person": "one person", "people": "all people pooled"}.get(row["kind"]) or what_it_is(
        facts, row["judge"]
    )
    mode = ", the people's text, one order" if row["mode"] == "lima" else ""
    opinion = row["kind"] == "model" and not facts.is_fake(row["judge"])
    weak = f", not to be trusted ({TRUST})" if opinion and not can_bear(facts, row["judge"]) else ""
    return f"{what[:1].upper()}{what[1:]}{mode}{weak}."


def helpfulness(facts: Facts, judge: str, rows: Sequence[Row]) -> list[Block]:
    """Figure 5, and Figure 6 where arms are named by how much they were trained on."""
    shown = [(row["system"], row["mean"]) for row in rows]
    data = [
        {
            "judge": judge,
            "system": row["system"],
            "mean": row["mean"],
            "prompts": row["mean"].n,
            **counted(row),
        }
        for row in rows
    ]
    blocks: list[Block] = []
    if any(value.estimate is not None for _, value in shown):
        title = f"Figure 5: mean helpfulness, 1 to 6, by {judge}"
        caption = (
            f"{named(facts, rows[0])} The interval is over prompts: several answers to one prompt count once."
        )
        blocks.append(
            Figure(title, means(title, shown), data, caption, *file_of("figure-5", rows[0]["mode"], judge))
        )
    blocks.append(means_table(judge, rows))
    blocks += figure_6(facts, judge, rows)
    differences = [row for row in facts.rows("grades.helpfulness_differences") if row["judge"] == judge]
    if differences:
        blocks.append(differences_table(differences))
    return blocks


def counted(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("responses", "graded", "unreadable", "missing")}


def means_table(judge: str, rows: Sequence[Row]) -> Table:
    grades = list(rows[0]["counts"])
    return Table(
        f"Grades by {judge}",
        [
            Column("System"),
            Column("Mean", "grade"),
            Column("Prompts", "count"),
            Column("Grades", "count"),
            *(Column(grade, "count") for grade in grades),
            Column("Unreadable", "count"),
            Column("Missing", "count"),
        ],
        [
            [
                row["system"],
                row["mean"],
                row["mean"].n,
                row["graded"],
                *(row["counts"][grade] for grade in grades),
                row["unreadable"],
                row["missing"],
            ]
            for row in rows
        ],
        note="Under 1 to 6, how often each grade was given: a mean hides a judge that gives everyone the same.",
    )


def differences_table(rows: Sequence[Row]) -> Table:
    return Table(
        f"Differences of grades by {rows[0]['judge']}, on the prompts that both have",
        [
            Column("First"),
            Column("Second"),
            Column("First less second", "grade"),
            Column("Prompts", "count"),
            Column("Randomisation test, p", "p"),
            Column("Holm, p", "p"),
        ],
        [
            [r["first"], r["second"], r["difference"], r["difference"].n, r["p_value"], r["p_holm"]]
            for r in rows
        ],
        folded=len(rows) > 6,
    )


def figure_6(facts: Facts, judge: str, rows: Sequence[Row]) -> list[Block]:
    points = sorted(
        (quantity, row["mean"])
        for row in rows
        if (quantity := quantity_of(row["system"])) and row["mean"].estimate is not None
    )
    if len({quantity for quantity, _ in points}) < 2:
        return []
    title = f"Figure 6: mean helpfulness by quantity, by {judge}"
    data = [{"judge": judge, "quantity": quantity, "mean": value} for quantity, value in points]
    drawing = over_quantity(title, points, "training examples (each step doubles)")
    caption = (
        f"{named(facts, rows[0])} Quantities are read from the systems' names. The scale of grades is cut."
    )
    return [Figure(title, drawing, data, caption, *file_of("figure-6", rows[0]["mode"], judge))]


def quantity_of(system: str) -> float | None:
    """What a name ends in: "se-2k" is 2,000, "n4000" is 4,000; None for "tuned", "gpt4" or "llama2"."""
    found = QUANTITY.search(system)
    if not found:
        return None
    number, thousands = (found[1], found[2]) if found[1] else (found[3], found[4])
    return float(number) * (1000 if thousands else 1)


def classes(facts: Facts, judge: str, rows: Sequence[Row], task: str) -> list[Block]:
    """Figure 3, with its split where prompts have the tag `ood`; safety in the same manner, by intent."""
    names = CLASSES[task]
    paper = paper_safety(rows) if task == "safety" else []
    title = (
        f"Figure 3: quality, by {judge}" if task == "quality" else f"Safety on sensitive prompts, by {judge}"
    )
    drawn = [shares_of(row, names) for row in [*rows, *paper] if row["graded"]]
    data = [
        {"judge": judge, "system": row["system"], "split": row["split"], "prompts": prompts_of(row)}
        | counted(row)
        | {f"{name}_count": row["counts"][name] for name in names}
        | {name: row["shares"][name] for name in names}
        for row in rows
    ]
    table = shares_table(f"{title}: shares with intervals", [*rows, *paper], names)
    if not any(row["graded"] for row in rows):
        return [Text([title], "subtitle"), Text(["No grade could be read."]), table]
    words = "Below each bar, the interval of the boundaries between classes." if task == "quality" else OTHERS
    words += " n counts prompts; numbers in bars count grades."
    if any(row["split"] == "out_of_distribution" for row in rows):
        words += " What is out of distribution is said below."
    drawing = stacked_shares(title, names, drawn)
    name = "figure-3" if task == "quality" else "safety"
    caption = f"{named(facts, rows[0])} {words}".strip()
    return [Figure(title, drawing, data, caption, *file_of(name, rows[0]["mode"], judge)), table]


def paper_safety(rows: Sequence[Row]) -> list[Row]:
    """What the paper's authors counted, in the parts that our rows have, as rows of ours. It gives no intervals."""
    found: list[Row] = []
    for split in dict.fromkeys(row["split"] for row in rows):
        safe, n = PAPER_SAFETY.get(split, (0, 0))
        if n:
            counts = {"safe": safe, "unsafe": n - safe}
            shares = {k: Interval(v / n, None, None, n, note=NO_INTERVAL) for k, v in counts.items()}
            lost = {"unreadable": None, "missing": None}
            found.append(
                {"system": PAPER, "split": split, "graded": n, "counts": counts, "shares": shares, **lost}
            )
    return found


def shares_of(row: Row, names: Sequence[str]) -> Shares:
    """A bar; below it the interval of the best class and, of three, of the two best together."""
    found = [row["shares"][name] for name in names]
    n, given = prompts_of(row), "turns" if found[0].unit == "dialogues" else "grades"
    edges = [ends(found[0])] if len(names) < 3 else [ends(found[0]), above(found[-1])]
    return Shares(
        label=row["system"] + SPLITS.get(row.get("split", "all"), ""),
        shares=[value.estimate or 0.0 for value in found],
        counts=[row["counts"][name] for name in names],
        note=f"n = {n}" if n == row["graded"] else f"n = {n}, {row['graded']} {given}",
        bounds=edges,
    )


def prompts_of(row: Row) -> int:
    """How many prompts, or dialogues, stand behind a row's shares: several grades of one count once."""
    counts: list[int] = [value.n for value in row["shares"].values()]
    return max(counts)


def ends(value: Interval) -> tuple[float, float] | None:
    return None if value.low is None or value.high is None else (value.low, value.high)


def above(worst: Interval) -> tuple[float, float] | None:
    """Bounds of the share that is not in the worst class."""
    found = ends(worst)
    return found and (1 - found[1], 1 - found[0])


def shares_table(caption: str, rows: Sequence[Row], names: Sequence[str]) -> Table:
    parts = any(row["split"] != "all" for row in rows)
    meets = len(names) == 3
    part = "Distribution" if meets else "Intent"
    return Table(
        caption,
        [
            Column("System"),
            *([Column(part)] if parts else []),
            Column("Prompts", "count"),
            Column("Grades", "count"),
            *(Column(name.capitalize(), "share") for name in names),
            *([Column("Meets the requirements", "share")] if meets else []),
            Column("Unreadable", "count"),
            Column("Missing", "count"),
        ],
        [
            [
                row["system"],
                *([SPLITS[row["split"]].removeprefix(", ") or "all"] if parts else []),
                prompts_of(row),
                row["graded"],
                *(row["shares"][name] for name in names),
                *([row["meets"]] if meets else []),
                row["unreadable"],
                row["missing"],
            ]
            for row in rows
        ],
    )
