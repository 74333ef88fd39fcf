"""Whose word a figure is, and what that word is worth: in the terms of `stats.trust` and of report/claims.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from handful.experiments.evidence import Run
from handful.report.claims import untested, why_not
from handful.report.facts import Facts
from handful.report.words import RULES, TRUST

Standing = Literal["people", "validated", "unproven", "no", "counted"]
"""People; a model judge by its standing in stats.json ("no" too for a rule); or nobody, since it is counted."""


def counted() -> tuple[str, Standing, str]:
    return "", "counted", ""


def of_judge(facts: Facts, row: Mapping[str, Any], graded: bool) -> tuple[str, Standing, str]:
    """(who, standing, why it cannot bear a claim) of a row of stats.json or ablation.json.

    Args:
        graded: it grades one answer at a time, so that the order of two is none of its troubles.
    """
    name = str(row["judge"])
    if is_people(facts, row):
        return people_of(facts), "people", ""
    doubt = why_not(facts, name)
    if graded and doubt == untested(facts, name):
        doubt = ""
    doubt = doubt.replace(f" ({TRUST})", "")
    return name, trusted(facts, name, doubt), doubt


def is_people(facts: Facts, row: Mapping[str, Any]) -> bool:
    models = {*facts.recipe.judge.judges, *facts.recipe.judge.panels}
    return row.get("kind") in ("people", "person") or ("kind" not in row and row["judge"] not in models)


def people_of(facts: Facts) -> str:
    count = len({row["judge"] for row in facts.rows("preference") if row["kind"] == "person"})
    return {0: "people", 1: "one person"}.get(count, f"{count} people")


def trusted(facts: Facts, judge: str, doubt: str) -> Standing:
    """A panel is as good as its worst member; a rule is no judge at all."""
    if facts.is_fake(judge):
        return "no"
    grades = []
    for member in facts.recipe.judge.panels.get(judge, (judge,)):
        trust = facts.trust_of(member)
        grades.append(str(trust["grade"]) if trust else "unproven")
    if "no" in grades:
        return "no"
    return "validated" if set(grades) == {"validated"} and not doubt else "unproven"


def people_and_model(row: Mapping[str, Any]) -> tuple[str, Standing]:
    """Of an agreement: it is measured against people, whichever two they are."""
    return f"{row['first']} and {row['second']}", "people"


def mean_judge(run: Run) -> tuple[str, Standing, str]:
    """Who graded the epochs of a training (`choose.judge`): a model that no study has put to a test."""
    entry = run.params.get("choose", {}).get("judge") or {}
    if entry.get("kind") == "fake":
        what = f"a rule, not an opinion: it {RULES[entry['prefers']]}"
        return "the epochs' judge", "no", f"the epochs' judge is {what}"
    model = entry.get("model", "a judge")
    name = model if isinstance(model, str) else model.get("input", "a judge")
    return f"{name}, which chose the epoch", "unproven", ""
