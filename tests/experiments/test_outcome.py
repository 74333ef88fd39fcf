"""Grades of arms: seeds pooled, compared with the first arm, and no more said than the data bear."""

from math import sqrt
from statistics import mean, stdev

import pytest
from msgspec.structs import replace
from scipy.stats import ttest_ind

from handful.core.types import Comparison, Grade, Interval, Seal, Signature, Turn
from handful.experiments.blocks import by_judge
from handful.experiments.findings import finding
from handful.experiments.outcome import (
    arm_differences,
    arm_grades,
    chance,
    graders,
    over_seeds,
    pooled,
    trend,
    visible,
    welch,
)
from handful.stats.bootstrap import Bootstrap
from handful.stats.facts import Study
from handful.stats.grades import Grader, Mark

ARMS = {"a-seed0": "a", "a-seed1": "a", "b-seed0": "b", "b-seed1": "b"}
GRADES = {
    "a-seed0": [4, 5, 3, 4, 6, 2, 4, 5, 4, 3, 5, 4],
    "a-seed1": [4, 4, 3, 5, 5, 3, 4, 4, 4, 4, 4, 4],
    "b-seed0": [3, 4, 3, 3, 5, 2, 3, 4, 4, 3, 4, 3],
    "b-seed1": [3, 4, 2, 4, 4, 2, 3, 4, 3, 3, 4, None],
}


@pytest.fixture
def study():
    signatures, said = {}, []
    for system, grades in GRADES.items():
        for place, grade in enumerate(grades):
            id = f"{system}/{place}"
            signatures[id] = Signature(id, f"p{place}", system, 0, "helpfulness")
            said.append(Grade(id, "judge", None if grade is None else str(grade)))
    return Study(
        comparisons={}, seals={}, signatures=signatures, grades={"judge": said}, modes={"judge": "robust"}
    )


def of(study):
    (pooled,) = graders(study, ARMS)
    (single,) = study.graders("helpfulness")
    return pooled, single


def pooled_by_prompt(*systems):
    columns = zip(*(GRADES[system] for system in systems), strict=True)
    return [mean(grade for grade in column if grade is not None) for column in columns]


def test_an_arms_mean_is_over_prompts_each_by_all_its_seeds(study):
    first, second = arm_grades(*of(study), ARMS, Bootstrap(draws=500))
    assert first.mean.estimate == pytest.approx(mean(pooled_by_prompt("a-seed0", "a-seed1")))
    assert second.mean.estimate == pytest.approx(mean(pooled_by_prompt("b-seed0", "b-seed1")))
    assert (first.mean.n, first.graded, second.graded, second.unreadable) == (12, 24, 23, 1)
    assert first.mean.low < first.mean.estimate < first.mean.high


def test_seeds_are_told_one_by_one_and_bounded_by_students_t(study):
    first, _ = arm_grades(*of(study), ARMS, Bootstrap(draws=500))
    seeds = [mean(GRADES["a-seed0"]), mean(GRADES["a-seed1"])]
    assert first.by_seed == pytest.approx(seeds)
    half = 12.706 * stdev(seeds) / sqrt(2)  # t of one degree of freedom
    assert first.over_seeds.low == pytest.approx(max(1, mean(seeds) - half), abs=1e-3)
    assert (first.over_seeds.n, first.over_seeds.unit) == (2, "seeds")


def test_a_single_seed_has_no_interval_over_seeds(study):
    arms = {"a-seed0": "a", "b-seed0": "b"}
    first, _ = arm_grades(graders(study, arms)[0], of(study)[1], arms, Bootstrap(draws=500))
    assert (first.over_seeds.estimate, first.over_seeds.low) == (pytest.approx(mean(GRADES["a-seed0"])), None)


def test_where_there_is_no_interval_over_seeds_the_note_speaks_of_seeds(study):
    assert over_seeds([3.0], 0.95).note == "one training an arm gives no interval over seeds"
    assert over_seeds([3.0, 3.0], 0.95).note == "every training of an arm has the same mean"
    assert "prompt" not in over_seeds([3.0, 3.5], 0.95).note


def test_grades_that_are_all_alike_are_told_as_such():
    marks = [Mark(f"p{n}", arm, 0, 0, "1") for n in range(10) for arm in ("n-1", "n-2")]
    grader, arms = Grader("judge", "model", "robust", marks), {"n-1": "n-1", "n-2": "n-2"}
    grades = arm_grades(grader, grader, arms, Bootstrap(draws=200))
    (row,) = arm_differences(grader, arms, Bootstrap(draws=200))
    slope = trend(grader, {"n-1": 1, "n-2": 2}, Bootstrap(draws=200))
    figure, growth, words, table, less = by_judge(grades, [row], [slope])
    both = "The same for every prompt: exact bounds (n-1, n-2)."
    assert all(both in said for said in (figure.caption, growth.caption, table.note))
    assert "The same for every prompt: exact bounds (n-2)." in less.note
    assert "2 arms; the same for every prompt: exact bounds): no trend" in words.lines[0]
    assert "10 prompts; the same for every prompt: exact bounds)" in finding(row)


def test_grades_with_a_spread_are_not_told_as_alike(study):
    grades = arm_grades(*of(study), ARMS, Bootstrap(draws=500))
    assert not any("exact" in block.note for block in by_judge(grades, [], []) if block.block == "table")


def test_arms_differ_prompt_by_prompt_from_the_first(study):
    (row,) = arm_differences(of(study)[0], ARMS, Bootstrap(draws=2000))
    one, two = pooled_by_prompt("b-seed0", "b-seed1"), pooled_by_prompt("a-seed0", "a-seed1")
    differences = [x - y for x, y in zip(one, two, strict=True)]
    assert row.difference.estimate == pytest.approx(mean(differences))
    assert (row.arm, row.first, row.p_holm) == ("b", "a", row.p_value)
    assert row.difference.high < 0
    assert row.p_value < 0.01
    assert row.visible == pytest.approx(2.8016 * stdev(differences) / sqrt(12), rel=1e-3)
    assert "b is graded worse than a by judge" in finding(row)


def test_equal_arms_are_not_told_apart(study):
    same = {"a-seed0": "a", "a-seed1": "twin"}
    (row,) = arm_differences(graders(study, same)[0], same, Bootstrap(draws=2000))
    assert row.difference.low < 0 < row.difference.high
    assert "not told apart" in finding(row)
    assert "would mostly stay unseen" in finding(row)


def test_nothing_is_concluded_without_an_interval(study):
    (row,) = arm_differences(of(study)[0], ARMS, Bootstrap(draws=500))
    bare = type(row)(row.judge, "b", "a", Interval(0.2, None, None, 1), None, None, None)
    assert "nothing is concluded" in finding(bare)


def test_one_prompt_shows_no_difference_at_all():
    assert visible([0.5]) is None


def test_a_differences_interval_over_seeds_is_welchs():
    one, two = [3.1, 3.5, 3.9], [2.8, 2.9, 3.3]
    found = welch(one, two, 0.95)
    peer = ttest_ind(one, two, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(peer.low), pytest.approx(peer.high))
    assert (found.estimate, found.n, found.unit) == (pytest.approx(0.5), 3, "seeds")


@pytest.mark.parametrize(
    ("one", "two", "note"),
    [([3.0], [2.0], "one training"), ([], [2.0], "one training"), ([3.0, 3.0], [2.0, 2.0], "the same mean")],
)
def test_too_few_or_equal_trainings_have_no_interval(one, two, note):
    found = welch(one, two, 0.95)
    assert (found.low, found.high) == (None, None)
    assert note in found.note


def test_a_difference_over_prompts_alone_is_not_said_to_hold_for_other_trainings(study):
    single, one = of(study)[1], of(study)[0]
    (row,) = arm_differences(one, ARMS, Bootstrap(draws=500), single)
    assert row.over_seeds.high < 0
    assert "over 2 trainings each, which bears it out" in finding(row)
    wide = replace(row, over_seeds=Interval(-0.7, -2.0, 0.6, 2, "seeds"))
    assert "of arms trained again it is not shown" in finding(wide)


def test_the_chance_to_see_the_smallest_visible_difference_is_four_in_five():
    differences = [0.0, 1.0, -1.0, 2.0, 0.0, 1.0] * 2
    assert chance(visible(differences), differences) == pytest.approx(0.8)
    assert chance(0.0, differences) == pytest.approx(0.025)
    assert chance(0.5, [1.0] * 20) is None  # all alike
    assert chance(0.5, [0.0, 1.0, -1.0] * 3) is None  # nine prompts


def test_a_trend_is_the_slope_of_grades_over_doublings():
    marks = [
        Mark(f"p{prompt}", f"n-{size}", 0, 0, str(grade + step))
        for step, size in enumerate((100, 200, 400))
        for prompt, grade in enumerate((1, 2, 3, 4))
    ]
    grader = Grader("judge", "model", "robust", marks)
    found = trend(grader, {"n-100": 100, "n-200": 200, "n-400": 400}, Bootstrap(draws=200))
    assert (found.per_doubling.estimate, found.per_doubling.n, found.arms) == (pytest.approx(1.0), 4, 3)
    assert trend(grader, {"n-100": 100}, Bootstrap()) is None


def test_seeds_of_an_arm_are_never_compared_with_each_other():
    turns = (Turn("user", "Why?"),)
    pairs = [("a-seed0", "a-seed1"), ("a-seed0", "b-seed0"), ("b-seed1", "a-seed0")]
    study = Study(
        comparisons={str(n): Comparison(str(n), "p", turns, "x", "y") for n in range(3)},
        seals={str(n): Seal(str(n), "p", *pair) for n, pair in enumerate(pairs)},
        named=[("a-seed0", "a-seed1"), ("a-seed0", "b-seed0"), ("a-seed0", "b-seed1")],
    )
    (pair,) = pooled(study, ARMS).pairs("preference")
    assert (pair.subject, pair.baseline, len(pair.seals)) == ("a", "b", 2)
