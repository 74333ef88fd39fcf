"""One number a prompt of every figure that two runs may be compared by: `handful compare` pairs them by prompt.

A prompt is known by its id and by what it says, so that "test/7" of two data sets is not taken for the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handful.core.types import Interval, Noun
from handful.report.facts import Facts, Said


class Series(Noun, frozen=True):
    """A figure of the study with what each prompt adds to it."""

    id: str
    """The same in two runs for the same figure: "net/people/tuned/base", "grade/helpfulness/gpt/tuned"."""
    what: str
    """In words."""
    least: float | None
    most: float | None
    """The range that the values may lie in; None where there is none."""
    estimate: Interval
    values: dict[str, float]
    """Prompt id -> the mean of what was said of it; prompts of which nothing could be read are not there."""
    steps: list[str]
    """Labels of the steps that it was measured in: with equal keys in two runs, it cannot differ."""


def series(facts: Facts) -> list[Series]:
    return [*preferences(facts), *grades(facts), *answers(facts), *minds(facts)]


def preferences(facts: Facts) -> Iterator[Series]:
    """Wins less losses, and wins and ties, of each judge (all people pooled) on each pair."""
    for row in facts.rows("preference"):
        if row["kind"] == "person":
            continue
        pair = (row["subject"], row["baseline"])
        said = [
            s for s in facts.said if (s.subject, s.baseline) == pair and s.task == "preference" and by(row, s)
        ]
        who = "people" if row["kind"] == "people" else row["judge"]
        name = f"{who}/{row['subject']}/{row['baseline']}"
        words = f"{row['subject']} against {row['baseline']}, {who}"
        net = {"win": 1.0, "tie": 0.0, "loss": -1.0}
        good = {"win": 1.0, "tie": 1.0, "loss": 0.0}
        steps = judged_in(facts, row["kind"], row["judge"])
        yield Series(
            f"net/{name}", f"{words}: wins less losses", -1, 1, row["net"], by_prompt(said, net), steps
        )
        yield Series(
            f"good/{name}",
            f"{words}: at least as good",
            0,
            1,
            row["at_least_as_good"],
            by_prompt(said, good),
            steps,
        )


def judged_in(facts: Facts, kind: str, judge: str) -> list[str]:
    """The steps in which a judge, a panel's judges or people said what they said."""
    if kind in ("people", "person"):
        return ["annotate"]
    return [f"judge/{name}" for name in facts.recipe.judge.panels.get(judge, (judge,))]


def by(row: Mapping[str, Any], said: Said) -> bool:
    """Whether this was said by whom the row is about."""
    if row["kind"] == "people":
        return said.kind == "person"
    return (said.kind, said.judge) == (row["kind"], row["judge"])


def by_prompt(said: Sequence[Said], worth: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for each in said:
        if each.outcome:
            found.setdefault(each.prompt_id, []).append(worth[each.outcome])
    return averaged(found)


def averaged(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {prompt: sum(values) / len(values) for prompt, values in sorted(found.items())}


def grades(facts: Facts) -> Iterator[Series]:
    """The mean of 1 to 6 of each judge for each arm, over the grades that could be read."""
    variants = facts.variants()
    for row in facts.rows("grades.helpfulness"):
        if row["kind"] == "person":
            continue
        who = "people" if row["kind"] == "people" else row["judge"]
        found: dict[str, list[float]] = {}
        for graded in facts.grades:
            model = graded.judge in facts.recipe.judge.judges
            mine = graded.judge == row["judge"] or (row["kind"] == "people" and not model)
            if graded.prompt_id in variants:
                continue  # as in `stats`: they count in no other figure than robustness
            if mine and graded.grade and (graded.system, graded.task) == (row["system"], "helpfulness"):
                found.setdefault(graded.prompt_id, []).append(float(graded.grade))
        id, words = f"grade/{who}/{row['system']}", f"mean grade of {row['system']}, {who}"
        steps = judged_in(facts, row["kind"], row["judge"])
        yield Series(id, words, 1, 6, row["mean"], averaged(found), steps)


def answers(facts: Facts) -> Iterator[Series]:
    """How long each system answers, and how often it ends its turn."""
    variants = facts.variants()
    for row in facts.rows("systems"):
        name = row["system"]
        words: dict[str, list[float]] = {}
        ended: dict[str, list[float]] = {}
        for r in facts.responses.get(name, ()):
            if r.prompt_id in variants:
                continue
            if r.finish != "error":  # as in `stats`: what failed has no length
                words.setdefault(r.prompt_id, []).append(float(len(r.text.split())))
            ended.setdefault(r.prompt_id, []).append(float(r.finish in ("eot", "eos")))
        steps = [f"generate/{name}"]
        yield Series(f"words/{name}", f"words of {name}", 0, None, row["words"], averaged(words), steps)
        if facts.knows_endings(name):
            yield Series(
                f"ended/{name}", f"{name} ended its turn", 0, 1, row["ended"], averaged(ended), steps
            )


def minds(facts: Facts) -> Iterator[Series]:
    """How often each judge changed its mind when sides were swapped, of those that were asked both ways."""
    both_ways = [r for r in facts.rows("trust") if facts.mode(r["judge"]) != "lima" and r["flipped"].n]
    for row in both_ways:
        found: dict[str, list[float]] = {}
        for said in facts.said:
            if said.judge == row["judge"] and said.kind == "model" and said.status in ("read", "flipped"):
                found.setdefault(said.prompt_id, []).append(float(said.status == "flipped"))
        id, words = f"flipped/{row['judge']}", f"{row['judge']} changed its mind when sides were swapped"
        steps = judged_in(facts, "model", row["judge"])
        yield Series(id, words, 0, 1, row["flipped"], averaged(found), steps)


def prompts_of(facts: Facts) -> dict[str, str]:
    """Prompt id -> the beginning of the sha256 of what was asked."""
    said = {c.prompt_id: "\x1e".join(t.text for t in c.turns) for c in facts.comparisons.values()}
    said |= {
        s.prompt_id: "\x1e".join(t.text for t in s.turns)
        for s in facts.submissions.values()
        if s.task != "turns"
    }
    return {id: hashlib.sha256(text.encode()).hexdigest()[:12] for id, text in sorted(said.items())}
