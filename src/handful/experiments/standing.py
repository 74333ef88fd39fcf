"""Whose word a figure is, and what that word is worth: in the terms of `stats.trust` and of report/claims.py.

A model that failed its tests in one run is the same model in another that did not test it. Only failures are carried
over: that one run could show nothing of a judge takes nothing from what another did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from handful.choose.best import said_of
from handful.experiments.evidence import Run
from handful.report.claims import untested, why_not
from handful.report.facts import Facts
from handful.report.page import MINUS
from handful.report.words import RULES, TRUST
from handful.stats.flatness import one_grade

Row: TypeAlias = Mapping[str, Any]
Standing = Literal["people", "validated", "unproven", "no", "counted"]
"""People; a model judge by its standing in stats.json ("no" too for a rule); or nobody, since it is counted."""
Model: TypeAlias = tuple[str, ...]
"""Kind, model (a folder by its content), server and mode; empty for what is no model."""
Failed: TypeAlias = Mapping[Model, str]
"""A model that failed its tests -> the run in which it did."""


def counted() -> tuple[str, Standing, str]:
    return "", "counted", ""


def of_judge(run: Run, row: Row, graded: bool, failed: Failed) -> tuple[str, Standing, str]:
    """(who, standing, why it cannot bear a claim) of a row of stats.json or ablation.json.

    Args:
        graded: it grades one answer at a time, so that the order of two is none of its troubles.
    """
    facts, name = run.facts, str(row["judge"])
    if is_people(facts, row):
        return people_of(facts), "people", ""
    doubt = why_not(facts, name)
    if graded and doubt == untested(facts, name):
        doubt = ""
    doubt = doubt.replace(f" ({TRUST})", "")
    standing = trusted(facts, name, doubt)
    if standing != "no" and (elsewhere := failed_elsewhere(run, name, failed)):
        return name, "no", elsewhere
    return name, standing, doubt


def is_people(facts: Facts, row: Row) -> bool:
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


def failures(runs: Iterable[Run]) -> dict[Model, str]:
    """Every model that failed its tests, with the first run in which it did."""
    found: dict[Model, str] = {}
    for run in runs:
        for row in run.facts.rows("trust"):
            if row["grade"] == "no" and (model := asked_as(run, str(row["judge"]))):
                found.setdefault(model, run.name)
    return found


def failed_elsewhere(run: Run, judge: str, failed: Failed) -> str:
    """That a judge, or a member of a panel, is a model that failed in another run, as a clause; or nothing."""
    for member in run.facts.recipe.judge.panels.get(judge, (judge,)):
        where = failed.get(asked_as(run, member))
        if where and where != run.name:
            return f"{member} is the model that failed its tests in {where}"
    return ""


def asked_as(run: Run, judge: str) -> Model:
    steps = (own.get("judges", {}) for step, own in run.params.items() if step.startswith("judge/"))
    return next((identity(entries[judge]) for entries in steps if judge in entries), ())


def identity(entry: Mapping[str, Any]) -> Model:
    model = entry.get("model")
    if not model:
        return ()
    name = model["sha256"] if isinstance(model, Mapping) else model
    return entry["kind"], name, entry.get("base_url", ""), entry.get("mode", "robust")


def same_grade(judge: str, rows: Iterable[Row]) -> str:
    """That one grade is nearly all that a judge gave, over `rows` together, as a clause; or nothing.

    An interval that such grades make wide holds the paper's figure, and nothing is reproduced by that.
    """
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.get("counts", {}))
    if not one_grade(counts):
        return ""
    return f"{judge} gave one grade more than nine times in ten: it can hardly tell answers apart"


def people_and_model(row: Row) -> tuple[str, Standing]:
    """Of an agreement: it is measured against people, whichever two they are."""
    return f"{row['first']} and {row['second']}", "people"


def mean_judge(run: Run, failed: Failed) -> tuple[str, Standing, str]:
    """Who graded the epochs of a training (`choose.judge`): a model whose only test there is its control."""
    entry = run.params.get("choose", {}).get("judge") or {}
    if entry.get("kind") == "fake":
        what = f"a rule, not an opinion: it {RULES[entry['prefers']]}"
        return "the epochs' judge", "no", f"the epochs' judge is {what}"
    model = entry.get("model", "a judge")
    name = model if isinstance(model, str) else model.get("input", "a judge")
    where = failed.get(identity(entry), "")
    doubts = [f"{name} failed its tests in {where}"] if where else []
    doubts += [doubt] if (doubt := of_control(run)) else []
    return f"{name}, which chose the epoch", "no" if where else "unproven", "; ".join(doubts)


def of_control(run: Run) -> str:
    """Why the grades of epochs say little by choice.json's own test, as a clause; empty where it was passed."""
    control = run.facts.choice.get("control")
    if control is None:
        return "the grades of its epochs have no control"
    if not said_of(control):
        return ""
    size = f"{control.estimate:+.2f}".replace("-", MINUS)
    return f"its grades do not tell answers to their own prompts from the same to others ({size}, n = {control.n})"
