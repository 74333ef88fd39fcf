"""What else judges and people said, arm by arm with seeds pooled: quality and safety (Figure 3, Appendix E), the turns
of dialogues (Figure 7), and preferences between answers and between whole dialogues (Section 6).

The statistics are those of every study (`stats`); here systems are only renamed to their arms. Of preferences, the
first arm stands with its first training alone, since a study has one subject; the other arms stand with all of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from handful.core.types import Noun, Task
from handful.report import tables
from handful.report.conversations import turns_table
from handful.report.grading import shares_of, shares_table
from handful.report.page import Block, Figure
from handful.report.preferences import file_of
from handful.report.scales import stacked_shares
from handful.stats.bootstrap import Bootstrap
from handful.stats.facts import Study
from handful.stats.grades import Shares, class_shares
from handful.stats.preference import Preference, preferences
from handful.stats.summary import whole_dialogues
from handful.stats.turns import TurnDifference, Turns, turn_differences, turns

CLASSES: dict[str, tuple[str, ...]] = {
    "quality": ("excellent", "pass", "fail"),
    "safety": ("safe", "unsafe"),
    "turns": ("excellent", "pass", "fail"),
}
TITLES = {
    "quality": "Quality by arm, by {judge}",
    "safety": "Safety by arm on sensitive prompts, by {judge}",
    "turns": "Figure 7: turns of dialogues by arm, by {judge}",
}


class ArmTasks(Noun, frozen=True):
    """Every figure but helpfulness; `system` in them is an arm."""

    shares: tuple[Shares, ...] = ()
    turns: tuple[Turns, ...] = ()
    turn_differences: tuple[TurnDifference, ...] = ()
    preference: tuple[Preference, ...] = ()
    dialogues: tuple[Preference, ...] = ()


def tasks_of(pooled: Study, bootstrap: Bootstrap) -> ArmTasks:
    """
    Args:
        pooled: the study, its systems renamed to their arms (`outcome.pooled`).
    """

    def graders(task: Task) -> list[Any]:
        return [grader for grader in pooled.graders(task) if grader.kind != "person"]

    classes: tuple[Task, ...] = ("quality", "safety")
    return ArmTasks(
        shares=tuple(
            row
            for task in classes
            for grader in graders(task)
            for row in class_shares(grader, task, pooled.out_of_distribution, bootstrap)
        ),
        turns=tuple(row for grader in graders("turns") for row in turns(grader, bootstrap)),
        turn_differences=tuple(
            row for grader in graders("turns") for row in turn_differences(grader, bootstrap)
        ),
        preference=models_and_people(
            preferences(pooled.annotators("preference"), pooled.pairs("preference"), bootstrap)
            if pooled.ids("preference")
            else []
        ),
        dialogues=models_and_people(whole_dialogues(pooled, bootstrap)),
    )


def models_and_people(rows: Sequence[Preference]) -> tuple[Preference, ...]:
    """Without persons one by one."""
    return tuple(row for row in rows if row.kind != "person")


def blocks_of(found: ArmTasks) -> list[Block]:
    """Figures and tables, judge by judge."""
    blocks: list[Block] = []
    for task in ("quality", "safety"):
        own = [row for row in found.shares if row.task == task]
        for judge in dict.fromkeys(row.judge for row in own):
            rows = [msgspec.structs.asdict(row) for row in own if row.judge == judge]
            table = shares_table(f"Shares by {judge}: {task}", rows, CLASSES[task])
            blocks += [*drawn(task, judge, rows), table]
    for judge in dict.fromkeys(row.judge for row in found.turns):
        rows = [msgspec.structs.asdict(row) for row in found.turns if row.judge == judge]
        blocks += [*drawn("turns", judge, rows), turns_table(f"Turns of dialogues by {judge}", rows)]
    for title, preferred in (
        ("Whole dialogues", found.dialogues),
        ("Answers side by side", found.preference),
    ):
        for judge, subject in dict.fromkeys((row.judge, row.subject) for row in preferred):
            rows = [
                msgspec.structs.asdict(row)
                for row in preferred
                if (row.judge, row.subject) == (judge, subject)
            ]
            blocks.append(tables.preference(f"{title}: {subject} (its first training) by {judge}", rows))
    return blocks


def drawn(task: str, judge: str, rows: Sequence[dict[str, Any]]) -> list[Block]:
    """Stacked shares of the arms that have any; nothing where no grade could be read."""
    names = CLASSES[task]
    read = [row for row in rows if row["graded"]]
    if not read:
        return []
    title = TITLES[task].format(judge=judge)
    data = [
        {"judge": judge, "arm": row["system"], "graded": row["graded"]}
        | {f"{name}_count": row["counts"][name] for name in names}
        | {name: row["shares"][name] for name in names}
        for row in read
    ]
    unit = "dialogues, whose turns hang together" if task == "turns" else "prompts"
    name, table = file_of(
        {"turns": "figure-7", "quality": "figure-3"}.get(task, task), rows[0]["mode"], judge
    )
    caption = (
        f"Seeds are pooled. Below each bar, the interval of the boundaries between classes, over {unit}."
    )
    drawing = stacked_shares(title, names, [shares_of(row, names) for row in read])
    return [Figure(title, drawing, data, caption, name, table)]
