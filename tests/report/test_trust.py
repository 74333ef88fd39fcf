"""How a judge was asked stands once on the page, and the same everywhere."""

from dataclasses import replace

import pytest

from handful.recipe.judging import Judge, LocalJudge
from handful.report.facts import Facts
from handful.report.sections import compared, lost
from handful.report.trust import how_asked


@pytest.fixture
def facts(recipe):
    judges = {name: LocalJudge(kind="local", mode=name) for name in ("robust", "lima")}
    return Facts(recipe=replace(recipe, judge=Judge(judges=judges)))


@pytest.mark.parametrize(
    ("judge", "comparisons", "grades", "said"),
    [
        ("robust", 4, 0, "both orders"),
        ("robust", 4, 9, "both orders"),
        ("robust", 0, 9, "one answer at a time"),
        ("lima", 4, 9, "the people's text, one order"),
        ("lima", 0, 9, "one answer at a time, the people's text"),
    ],
)
def test_orders_are_spoken_of_where_two_answers_were_shown(facts, judge, comparisons, grades, said):
    assert how_asked(facts, {"judge": judge, "comparisons": comparisons, "grades": grades}) == said


def test_a_study_of_grades_alone_says_nothing_of_pairs(facts):
    alone = replace(facts.recipe, study=replace(facts.recipe.study, tasks=("quality",)))
    grades = replace(facts, recipe=alone, stats={"systems": [row("tuned")]})
    assert said(compared(grades)) == ["No two answers were compared (study.tasks)."]
    assert "Every prompt with a baseline's answer could be compared." not in said(lost(grades))


def row(system):
    return {"system": system, "responses": 1, "ended": 0.0, "words": 1.0, "tokens": 1.0, "empty": 0} | {
        "finish": {}
    }


def said(blocks):
    return [line for block in blocks if block.block == "text" for line in block.lines]
