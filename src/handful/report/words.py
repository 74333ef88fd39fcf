"""The headline, and what a judge is, in words. A claim is made only where a judge that can bear it made it.

People can bear one; a model judge that failed its tests, or a rule in the place of a judge, cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handful.core.types import Dropped, Interval, Response
from handful.recipe.judging import EndpointJudge, FakeJudge, LocalJudge
from handful.report.facts import Facts
from handful.report.page import DASH, Block, Text

RULES = {
    "longer": "prefers the longer answer",
    "shorter": "prefers the shorter answer",
    "left": "always takes the left answer",
    "right": "always takes the right answer",
    "tie": "always says tie",
}

FINISH = {
    "eot": "End of turn (eot)",
    "eos": "End of text (eos)",
    "stop": "Stop string",
    "length": "Out of tokens",
    "error": "Failed",
}


TRUST = "see “Can the judges be trusted?”"


def stopped(response: Response) -> str:
    unit = "token" if response.tokens == 1 else "tokens"
    return f"{response.tokens:,} {unit} · stopped: {FINISH[response.finish].lower()}"


def in_words(flag: Dropped) -> str:
    """A flag of `study`: its rule, and what was seen."""
    return f"{flag.rule.replace('_', ' ')}: {flag.detail}"


def constant_texts(facts: Facts) -> list[Block]:
    """A warning for each system that says the same to most prompts: such a text has won against unguarded judges."""
    found = [flag for flag in facts.flags if flag.rule == "same_text"]
    lines = [
        f"{flag.id} gave the same text to {flag.detail}. Its results say nothing of answers."
        for flag in found
    ]
    return [Text(lines, "warning")] if lines else []


def headline(facts: Facts, incomplete: Sequence[str] = ()) -> list[Block]:
    """The first section: who won against whom, by whom, and what that is worth. Nothing of it of half a study."""
    if incomplete:
        end = (
            "So there is no headline: what is missing is rarely missing at random. The same command goes on."
        )
        return [Text([*incomplete, end], "incomplete"), *constant_texts(facts)]
    rows = [row for row in facts.rows("preference") if row["kind"] != "person"]
    if not any(row["win"].n for row in rows):
        return [Text([nothing_judged(facts)], "warning")]
    people = [row for row in rows if row["kind"] == "people"]
    sound = [row for row in rows if row["kind"] in ("model", "panel") and can_bear(facts, row["judge"])]
    rest = [row for row in rows if row not in people and row not in sound]
    blocks = constant_texts(facts)
    if people + sound:
        blocks.append(Text([sentence(facts, row) for row in (*people, *sound)], "headline"))
    if not people and not sound:
        blocks.append(Text([no_judge_to_trust(facts, rest)], "warning"))
    elif not people:
        blocks.append(Text([not_validated(facts, sound)], "paragraphs"))
    if rest:
        blocks.append(Text(["For the record, from judges that cannot bear a claim:"]))
        blocks.append(Text([sentence(facts, row, bare=True) for row in rest], "list"))
    blocks.append(Text([how_to_read(facts)]))
    return blocks


def can_bear(facts: Facts, judge: str) -> bool:
    members = facts.recipe.judge.panels.get(judge)
    if members:
        return all(can_bear(facts, member) for member in members)
    trust = facts.trust_of(judge)
    return not facts.is_fake(judge) and trust is not None and trust["grade"] != "no"


def sentence(facts: Facts, row: Mapping[str, Any], bare: bool = False) -> str:
    """One judge on one pair, with the paper's headline first and the strict figures beside it."""
    subject, baseline, good, net = row["subject"], row["baseline"], row["at_least_as_good"], row["net"]
    if good.estimate is None:
        return f"{who(facts, row)}: no verdict on {subject} against {baseline} could be read."
    n = f"n = {good.n} {'prompt' if good.n == 1 else 'prompts'}"
    result = (
        f"won {percent(row['win'])}, tied {percent(row['tie'])}{by_rule(row)} and lost {percent(row['loss'])}"
    )
    if bare:
        return f"{who(facts, row)}, {subject} {result} against {baseline} ({n})."
    return (
        f"{who(facts, row)}, {subject} was at least as good as {baseline} {share(good)}, {n}: it {result}. "
        f"{conclusion(subject, net)}"
    )


def by_rule(row: Mapping[str, Any]) -> str:
    """How many of the ties are changes of mind, which would otherwise pass for an opinion."""
    if not row["flipped"]:
        return ""
    return (
        f" ({row['flipped']} of {row['ties']} ties by rule, "
        "the judge having changed its mind when sides were swapped)"
    )


def conclusion(subject: str, net: Interval) -> str:
    if net.low is None or net.high is None:
        return "That is too little for an interval, so it shows nothing either way."
    if net.low > 0:
        return f"Beyond chance, {subject} won more often than it lost."
    if net.high < 0:
        return f"Beyond chance, {subject} lost more often than it won."
    return "Wins and losses differ by no more than chance can explain."


def who(facts: Facts, row: Mapping[str, Any]) -> str:
    if row["kind"] == "people":
        count = len({r["judge"] for r in facts.rows("preference") if r["kind"] == "person"})
        return "According to one person" if count == 1 else f"According to {count} people"
    what = "panel" if row["kind"] == "panel" else "judge"
    return f"According to the {what} {row['judge']} ({what_it_is(facts, row['judge'])})"


def what_it_is(facts: Facts, judge: str) -> str:
    """A judge described in a few words."""
    if judge in facts.recipe.judge.panels:
        return f"the majority of {', '.join(facts.recipe.judge.panels[judge])}"
    entry = facts.recipe.judge.judges.get(judge)
    if isinstance(entry, FakeJudge):
        return f"a rule, not an opinion: it {RULES[entry.prefers]}"
    if isinstance(entry, LocalJudge):
        name = entry.model.rstrip("/").rpartition("/")[2] if entry.model.is_folder else entry.model
        return f"the model {name}, run here"
    if isinstance(entry, EndpointJudge):
        return f"the model {entry.model}, behind an endpoint"
    return "a judge"


def nothing_judged(facts: Facts) -> str:
    if not facts.recipe.judge.judges and not facts.recipe.annotate.people:
        return (
            "Nothing was judged: the recipe names no judge and asks no people. This run does not show which system "
            "is better."
        )
    if not facts.rows("pairs"):
        return "There was nothing to compare: no prompt has answers of two systems. This run shows no preference."
    return "No verdict could be read. This run does not show which system is better."


def no_judge_to_trust(facts: Facts, rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(row["judge"] for row in rows))
    parts = [why_not(facts, name) for name in names]
    return (
        "There is no judge to trust here, so this run does not show which system is better. "
        + "; ".join(parts)
        + ". Ask people, or a stronger judge."
    )


def why_not(facts: Facts, judge: str) -> str:
    if judge in facts.recipe.judge.panels:
        return f"of the panel {judge}, not every judge can be trusted"
    return (
        f"{judge} is {what_it_is(facts, judge)}"
        if facts.is_fake(judge)
        else f"{judge} failed its tests ({TRUST})"
    )


def not_validated(facts: Facts, rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(row["judge"] for row in rows))
    is_, its = ("is", "its") if len(names) == 1 else ("are", "their")
    return (
        f"No person took part, so {', '.join(names)} {is_} not validated against people: read this as {its} opinion, "
        "not as what people would prefer."
    )


def how_to_read(facts: Facts) -> str:
    level = round(100 * facts.recipe.stats.level, 1)
    return (
        f"Ranges are {level:g}% intervals, made by resampling prompts (exact bounds where all agree). "
        "“At least as good” counts ties as success, as the paper's headline does; strict wins stand beside it."
    )


def share(value: Interval) -> str:
    """As "on 74% of prompts (69% to 79%)"."""
    if value.low is None or value.high is None:
        return f"on {percent(value)} (no interval)"
    return f"on {percent(value)} (interval {100 * value.low:.0f}% to {100 * value.high:.0f}%)"


def percent(value: Interval) -> str:
    return DASH if value.estimate is None else f"{100 * value.estimate:.0f}%"
