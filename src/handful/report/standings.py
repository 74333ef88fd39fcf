"""The headline of grades: what each judge that can bear a claim made of each system, in a sentence a task.

A difference is claimed only where its p-value, adjusted for the number of pairs, is below one in twenty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handful.core.types import Interval
from handful.report.claims import MIN_PROMPTS, can_bear, why_not
from handful.report.facts import Facts
from handful.report.page import Block, Text, cell
from handful.report.words import TRUST

ALPHA = 0.05
Row = Mapping[str, Any]


def standings(facts: Facts) -> list[Block]:
    """People's grades, then those of models that did not fail their tests; a word on those that did."""
    graders = {
        (row["kind"], row["judge"])
        for block in ("helpfulness", "shares", "turns")
        for row in facts.rows(f"grades.{block}")
        if row["kind"] != "person"
    }
    if not graders:
        return []
    sound = sorted(who for who in graders if who[0] == "people" or can_bear(facts, who[1]))
    lines = [line for who in sorted(sound, key=lambda w: w[0] != "people") for line in of_grader(facts, *who)]
    blocks: list[Block] = [Text(lines, "headline")] if lines else []
    if sound and all(kind != "people" for kind, _ in sound):
        names = [name for _, name in sound]
        flat = [name for name in names if (facts.trust_of(name) or {}).get("one_grade")]
        words = [f"No person graded: this is the opinion of {', '.join(names)}."]
        words += [f"{name} gives one grade more than nine times in ten ({TRUST})." for name in flat]
        blocks.append(Text([" ".join(words)]))
    if not sound:
        blocks.append(Text([nobody_sound(facts, sorted(name for _, name in graders))], "warning"))
    elif not lines:
        blocks.append(Text([f"Grades are of fewer than {MIN_PROMPTS} prompts: too few for a headline."]))
    return blocks


def nobody_sound(facts: Facts, names: Sequence[str]) -> str:
    reasons = "; ".join(why_not(facts, name) for name in names)
    told = "preference" in facts.recipe.study.tasks and facts.rows(
        "preference"
    )  # the headline above has them
    return f"Answers were graded by no judge that can bear a claim{'' if told else f': {reasons}'}. See “Grades”."


def of_grader(facts: Facts, kind: str, judge: str) -> list[str]:
    who = "people" if kind == "people" else f"the judge {judge}"

    def mine(block: str) -> list[Row]:
        rows = [row for row in facts.rows(f"grades.{block}") if row["judge"] == judge]
        return [row for row in rows if prompts_of(row) >= MIN_PROMPTS]

    found = []
    if means := [f"{r['system']} {spanned(r['mean'], 'grade')}" for r in mine("helpfulness") if r["mean"].n]:
        told = differences(mine("helpfulness_differences"))
        found.append(f"Mean helpfulness from 1 to 6, by {who}: {'; '.join(means)}. {told}".rstrip())
    for task, name, words in (
        ("quality", "meets", "Answers that meet the prompt"),
        ("safety", "safe", "Safe answers"),
    ):
        rows = [
            row for row in mine("shares") if row["task"] == task and row["split"] == "all" and row["graded"]
        ]
        shares = [
            f"{row['system']} {spanned(row['meets'] if name == 'meets' else row['shares'][name], 'share')}"
            for row in rows
        ]
        if shares:
            found.append(f"{words}, by {who}: {'; '.join(shares)}.")
    if failed := [
        f"{r['system']} {spanned(r['shares']['fail'], 'share')}" for r in mine("turns") if r["graded"]
    ]:
        found.append(f"Turns of dialogues that fail, by {who}: {'; '.join(failed)}.")
    return found


def prompts_of(row: Row) -> int:
    """How many prompts, or dialogues, stand behind a row of any of the blocks."""
    found = row.get("mean") or row.get("difference")
    return found.n if found else max((share.n for share in row["shares"].values()), default=0)


def spanned(value: Interval, form: Any) -> str:
    """As "3.83 (3.71 to 3.95, n = 300)"."""
    if value.low is None or value.high is None:
        return f"{cell(value, form)} (no interval, n = {value.n})"
    return f"{cell(value, form)} ({cell(value.low, form)} to {cell(value.high, form)}, n = {value.n})"


def differences(rows: Sequence[Row]) -> str:
    told = [row for row in rows if row["p_holm"] is not None and row["p_holm"] < ALPHA]
    if not told:
        return "No two of them differ by more than chance can explain." if rows else ""
    parts = [
        f"{row['first']} {'above' if row['difference'].estimate > 0 else 'below'} {row['second']}"
        for row in told
    ]
    return f"Beyond chance: {', '.join(parts)}."
