"""Who may make a claim in the headline (ours, docs/report.md), and why another may not.

People may. A model judge may where its standing is not "no", and where there is something to know it by: it was asked
in both orders, or it passed a gate. A model that failed in one mode is the same model in the other.
"""

from __future__ import annotations

from handful.recipe.judging import EndpointJudge, LocalJudge
from handful.report.facts import Facts
from handful.report.words import TRUST, what_it_is

MIN_PROMPTS = 10
"""Fewer prompts make no headline, whoever judged them."""


def can_bear(facts: Facts, judge: str) -> bool:
    return not why_not(facts, judge)


def why_not(facts: Facts, judge: str) -> str:
    """Why a model judge, or a panel, cannot bear a claim, as a clause; empty where it can."""
    if members := facts.recipe.judge.panels.get(judge):
        bad = [member for member in members if not can_bear(facts, member)]
        return f"of the panel {judge}, {', '.join(bad)} cannot bear a claim" if bad else ""
    if facts.is_fake(judge):
        return f"{judge} is {what_it_is(facts, judge)}"
    trust = facts.trust_of(judge)
    if trust is None:
        return f"{judge} was not put to any test"
    if trust["grade"] == "no":
        return f"{judge} failed its tests ({TRUST})"
    if failed := failed_twin(facts, judge):
        return f"{judge} is the model that failed its tests as {failed} ({TRUST})"
    return untested(facts, judge)


def untested(facts: Facts, judge: str) -> str:
    """One order shows neither flips nor a gate that was passed: nothing is known of such a judge."""
    if facts.mode(judge) != "lima":
        return ""
    passed = {row["judge"]: row["passed"] for row in facts.rows("gates")}
    if passed.get(judge):
        return ""
    gate = "did not pass its gate" if judge in passed else "there is no gate (judge.gate)"
    return f"{judge} was asked in one order only, and {gate}"


def failed_twin(facts: Facts, judge: str) -> str:
    """The judge that is the same model, asked in the other mode, and failed; or nothing."""
    same = model_of(facts, judge)
    for other in facts.recipe.judge.judges if same else ():
        if model_of(facts, other) == same and facts.mode(other) != facts.mode(judge):
            trust = facts.trust_of(other)
            if trust is not None and trust["grade"] == "no":
                return other
    return ""


def model_of(facts: Facts, judge: str) -> tuple[str, ...]:
    """(model, where it runs); empty for what is no model."""
    entry = facts.recipe.judge.judges.get(judge)
    if isinstance(entry, EndpointJudge):
        return entry.model, entry.base_url
    return (entry.model, "here") if isinstance(entry, LocalJudge) else ()
