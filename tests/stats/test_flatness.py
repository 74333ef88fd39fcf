"""A judge that gives nearly everything the same grade is said to."""

import pytest

from handful.core.types import Grade, Interval, Signature
from handful.stats.bootstrap import Bootstrap, nothing
from handful.stats.facts import Study
from handful.stats.flatness import OneGrade, one_grade
from handful.stats.readings import annotator
from handful.stats.standing import consistency
from handful.stats.trust import trust

QUICK = Bootstrap(draws=200)


def graded(**tasks):
    """A study whose judge gave these grades, a prompt each, of two systems in turn."""
    signed, said = {}, []
    for task, grades in tasks.items():
        for n, grade in enumerate(grades):
            id = f"{task}/{n}"
            signed[id] = Signature(id, f"p{n // 2}", ("tuned", "base")[n % 2], 0, task)
            said.append(Grade(id, "j", grade))
    return Study(comparisons={}, seals={}, signatures=signed, grades={"j": said})


def trusted(study):
    return trust(annotator("j", "model", [], []), {}, 0, None, QUICK, grading=study.gradings()["j"])


@pytest.mark.parametrize(
    ("counts", "grade"),
    [({"1": 19, "2": 1}, "1"), ({"1": 18, "2": 2}, ""), ({"1": 0, "2": 0}, ""), ({"5": 0, "6": 3}, "6")],
)
def test_one_grade_is_more_than_nine_in_ten(counts, grade):
    assert one_grade(counts) == grade


def test_a_judge_of_one_grade_is_named_task_by_task():
    found = trusted(graded(helpfulness=["1"] * 23 + ["2"], quality=["pass", "fail"] * 12))
    assert found.one_grade == (OneGrade("helpfulness", "1", 23, 24),)
    assert found.flags == ("one_grade",)
    assert any(
        "It gives one grade more than nine times in ten (helpfulness: 1, 23 of 24)" in w for w in found.words
    )


def test_it_is_no_reason_for_distrust_since_all_may_deserve_it():
    assert trusted(graded(safety=["safe"] * 24)).grade == "unproven"


def test_two_systems_that_each_have_a_grade_of_their_own_are_told_apart():
    assert trusted(graded(helpfulness=["6", "1"] * 12)).flags == ()


def test_of_few_prompts_nothing_is_said():
    assert trusted(graded(safety=["safe"] * 18)).flags == ()
    assert trusted(graded(safety=["safe"] * 20)).flags == ("one_grade",)


def test_grades_that_cannot_be_read_are_no_grade():
    (found,) = trusted(graded(quality=["fail"] * 22 + [None] * 2)).one_grade
    assert (found.times, found.of) == (22, 22)


def test_a_judge_of_grades_had_no_sides_to_swap():
    words = trusted(graded(quality=["pass", "fail"] * 12)).words
    assert words[0].startswith("It gave grades alone: there were no sides to swap")
    assert trust(annotator("j", "model", [], []), {}, 0, None, QUICK).words[0].startswith("It was not asked")


def test_of_a_judge_of_grades_the_orders_are_those_of_its_gate():
    steady = Interval(0.0, 0.0, 0.1, 40)
    assert consistency(nothing(), steady, grades_alone=True).startswith(
        "The study asked it for grades alone. On the gate: It is steady"
    )
