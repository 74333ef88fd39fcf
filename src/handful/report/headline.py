"""The headline of preference. A claim is made only where somebody who can bear it made it (`claims`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from handful.core.types import Interval
from handful.report.claims import MIN_PROMPTS, can_bear, why_not
from handful.report.facts import Facts
from handful.report.incomplete import remedies
from handful.report.page import Block, Text
from handful.report.words import TRUST, number, percent, share, what_it_is

Row = Mapping[str, Any]


def constant_texts(facts: Facts) -> list[Block]:
    """A warning for each system that says the same to most prompts: such a text has won against unguarded judges."""
    found = [flag for flag in facts.flags if flag.rule == "same_text"]
    lines = [f"{flag.id} gave the same text to {flag.detail}. {bearing(flag.detail)}" for flag in found]
    return [Text(lines, "warning")] if lines else []


def bearing(detail: str) -> str:
    """What a flag of `study` ("11 of 20 prompts: …") takes from a system's results: no more than it saw."""
    seen = re.match(r"(\d+) of (\d+) prompts", detail)
    if seen is None or seen[1] == seen[2]:
        return "Its results say nothing of answers."
    return f"On these {seen[1]} prompts its results say nothing of answers; the rates below are over all {seen[2]}."


def headline(facts: Facts, incomplete: Sequence[str] = ()) -> list[Block]:
    """The first section: who won against whom, by whom, and what that is worth. Nothing of it of half a study."""
    if incomplete:
        end = "So there is no headline: what is missing is rarely missing at random."
        return [Text([*incomplete, end, *remedies(facts)], "incomplete"), *constant_texts(facts)]
    rows = [row for row in facts.rows("preference") if row["kind"] != "person"]
    if not any(row["win"].n for row in rows):
        return [Text([nothing_judged(facts)], "warning")]
    enough = [row for row in rows if row["win"].n >= MIN_PROMPTS]
    if not enough:
        most = max(row["win"].n for row in rows)
        return [*constant_texts(facts), Text([too_few(most)], "warning")]
    return claimed(facts, rows, enough)


def claimed(facts: Facts, rows: Sequence[Row], enough: Sequence[Row]) -> list[Block]:
    """Sentences on those of `rows` that are on `enough` prompts by somebody who can bear a claim; the rest below."""
    people = [row for row in enough if row["kind"] == "people"]
    sound = [row for row in enough if row["kind"] != "people" and can_bear(facts, row["judge"])]
    weak = [row for row in enough if row not in people and row not in sound]
    blocks = constant_texts(facts)
    if people + sound:
        blocks.append(Text([sentence(facts, row) for row in (*people, *sound)], "headline"))
    if not people and not sound:
        blocks.append(Text([no_judge_to_trust(facts, weak)], "warning"))
    elif not people:
        blocks.append(Text(not_validated(facts, sound), "paragraphs"))
    few = [row for row in rows if row not in enough]
    for words, those in (
        ("For the record, from judges that cannot bear a claim:", weak),
        (f"For the record, on fewer than {MIN_PROMPTS} prompts:", few),
    ):
        if those:
            blocks.append(Text([words]))
            blocks.append(Text([sentence(facts, row, bare=True) for row in those], "list"))
    return [*blocks, Text([how_to_read(facts)])]


def too_few(most: int) -> str:
    counted = "1 prompt was" if most == 1 else f"At most {most} prompts were"
    return (
        f"{counted} judged between two systems, and a headline needs {MIN_PROMPTS}: this run does not show which "
        "system is better. The figures stand below."
    )


def sentence(facts: Facts, row: Row, bare: bool = False) -> str:
    """One judge on one pair, with the paper's headline first and the strict figures beside it."""
    subject, baseline, good, net = row["subject"], row["baseline"], row["at_least_as_good"], row["net"]
    if good.estimate is None:
        return f"{who(facts, row)}: no verdict on {subject} against {baseline} could be read."
    n = f"n = {number(good.n, 'prompt')}"
    result = (
        f"won {percent(row['win'])}, tied {percent(row['tie'])}{by_rule(row)} and lost {percent(row['loss'])}"
    )
    if bare:
        return f"{who(facts, row)}, {subject} {result} against {baseline} ({n})."
    return (
        f"{who(facts, row)}, {subject} was at least as good as {baseline} {share(good)}, {n}: it {result}. "
        f"{conclusion(subject, net)}"
    )


def by_rule(row: Row) -> str:
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


def who(facts: Facts, row: Row) -> str:
    if row["kind"] == "people":
        count = len({r["judge"] for r in facts.rows("preference") if r["kind"] == "person"})
        return "According to one person" if count == 1 else f"According to {count} people"
    what = "panel" if row["kind"] == "panel" else "judge"
    return f"According to the {what} {row['judge']} ({what_it_is(facts, row['judge'])})"


def nothing_judged(facts: Facts) -> str:
    if not facts.recipe.judge.judges and not facts.recipe.annotate.people:
        return (
            "Nothing was judged: the recipe names no judge and asks no people. This run does not show which system "
            "is better."
        )
    if not facts.rows("pairs"):
        return "There was nothing to compare: no prompt has answers of two systems. This run shows no preference."
    return "No verdict could be read. This run does not show which system is better."


def no_judge_to_trust(facts: Facts, rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(row["judge"] for row in rows))
    parts = [why_not(facts, name) for name in names]
    return (
        "There is no judge to trust here, so this run does not show which system is better. "
        + "; ".join(parts)
        + ". Ask people, or a stronger judge."
    )


def not_validated(facts: Facts, rows: Sequence[Row]) -> list[str]:
    """What speaks for the judges of a headline that no person stands beside."""
    names = list(dict.fromkeys(row["judge"] for row in rows))
    passed = [name for name in names if (facts.trust_of(name) or {}).get("grade") == "validated"]
    rest = [name for name in names if name not in passed]
    found = []
    if passed:
        found.append(
            f"No person judged this study; {', '.join(passed)} passed on pairs that people have labelled ({TRUST})."
        )
    if rest:
        is_, its = ("is", "its") if len(rest) == 1 else ("are", "their")
        found.append(
            f"No person took part, so {', '.join(rest)} {is_} not validated against people: read this as {its} "
            "opinion, not as what people would prefer."
        )
    return found


def how_to_read(facts: Facts) -> str:
    level = round(100 * facts.recipe.stats.level, 1)
    return (
        f"Ranges are {level:g}% intervals, made by resampling prompts (exact bounds where all agree). "
        "“At least as good” counts ties as success, as the paper's headline does; strict wins stand beside it."
    )
