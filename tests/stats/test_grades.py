"""Grades of single responses: the paper's bars from counts, prompts as the unit, and what cannot be read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as peer

from handful.stats.bootstrap import Bootstrap
from handful.stats.grades import (
    Grader,
    Mark,
    class_shares,
    grade_differences,
    mean_grades,
    superiorities,
)

QUICK = Bootstrap(draws=400)


def grader(*marks):
    return Grader("j", "model", "robust", marks)


def marks(system, grades, samples=1):
    """Grades in the order of prompts, `samples` of each."""
    return [
        Mark(f"p{n // samples}", system, n % samples, 0, None if g is None else str(g))
        for n, g in enumerate(grades)
    ]


def test_a_mean_counts_each_prompt_once():
    found = mean_grades(grader(*marks("a", [6, 6, 6, 6, 6, 1, 1, None, None, 2], 5)), QUICK)[0]
    assert found.mean.estimate == pytest.approx((6 + 4 / 3) / 2)
    assert (found.responses, found.graded, found.unreadable, found.missing) == (10, 8, 2, 0)
    assert found.counts == {"1": 2, "2": 1, "3": 0, "4": 0, "5": 0, "6": 5}
    assert found.mean.n == 2  # prompts, of eight grades


def test_its_interval_is_students_over_prompts_and_the_bootstraps():
    grades = np.random.default_rng(3).integers(1, 7, 200)
    found = mean_grades(grader(*marks("a", grades, 5)), Bootstrap(draws=4000))[0]
    means = grades.reshape(-1, 5).mean(axis=1)
    theirs = peer.t.interval(0.95, 39, means.mean(), peer.sem(means))
    assert (found.analytic.low, found.analytic.high) == pytest.approx(theirs)
    assert (found.mean.low, found.mean.high) == pytest.approx(theirs, abs=0.06)


def test_five_times_the_same_grade_is_one_grade():
    once = mean_grades(grader(*marks("a", [3, 5, 2, 6])), QUICK)[0]
    five = mean_grades(grader(*marks("a", [g for g in (3, 5, 2, 6) for _ in range(5)], 5)), QUICK)[0]
    assert once.mean == five.mean


def test_all_sixes_leave_room_below_and_nothing_readable_leaves_nothing():
    top = mean_grades(grader(*marks("a", [6] * 20)), QUICK)[0].mean
    assert (top.estimate, top.high) == (6, 6)
    assert 5 < top.low < 5.5  # 20 of 20: at least 83% are so, the rest may be as low as 1
    none = mean_grades(grader(*marks("a", [None] * 5)), QUICK)[0]
    assert (none.mean.estimate, none.unreadable) == (None, 5)
    one = mean_grades(grader(*marks("a", [4])), QUICK)[0]
    assert (one.mean.estimate, one.mean.low) == (4, None)


def test_two_systems_differ_on_the_prompts_that_both_have():
    one, two = marks("a", [5, 4, 6, 3]), marks("b", [4, 4, 3, None])
    found = grade_differences(grader(*one, *two), QUICK)[0]
    assert (found.first, found.second, found.difference.n) == ("a", "b", 3)
    assert found.difference.estimate == pytest.approx(4 / 3)
    assert found.p_value == pytest.approx(0.5)  # of +1 and +3: two of four assignments of signs are as far
    theirs = peer.t.interval(0.95, 2, 4 / 3, peer.sem([1, 0, 3]))
    assert found.analytic.low == pytest.approx(max(-5, theirs[0]))


def test_several_systems_are_adjusted_for():
    rng = np.random.default_rng(1)
    systems = [marks(name, rng.integers(1, 7, 30)) for name in "abc"]
    found = grade_differences(grader(*(m for own in systems for m in own)), QUICK)
    assert [(d.first, d.second) for d in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(d.p_holm >= d.p_value for d in found)


def test_figure_3_from_its_counts_in_and_out_of_distribution():
    """50 outputs: Excellent 25, Pass 19, Fail 6; of 20 out of distribution 9, 7 and 4."""
    outside = ["excellent"] * 9 + ["pass"] * 7 + ["fail"] * 4
    inside = ["excellent"] * 16 + ["pass"] * 12 + ["fail"] * 2
    ood = frozenset(f"p{n}" for n in range(20))
    every, within, without = class_shares(grader(*marks("lima", outside + inside)), "quality", ood, QUICK)
    assert (every.split, within.split, without.split) == ("all", "in_distribution", "out_of_distribution")
    assert [round(every.shares[c].estimate, 2) for c in ("excellent", "pass", "fail")] == [0.5, 0.38, 0.12]
    assert [round(without.shares[c].estimate, 2) for c in ("excellent", "pass", "fail")] == [0.45, 0.35, 0.2]
    assert every.meets.estimate == pytest.approx(0.88)
    wilson = peer.binomtest(6, 50).proportion_ci(method="wilson")
    assert every.analytic["fail"].low == pytest.approx(wilson.low, abs=0.01)
    assert within.counts == {"fail": 2, "pass": 12, "excellent": 16}


def test_safety_from_its_counts():
    found = class_shares(grader(*marks("lima", ["safe"] * 24 + ["unsafe"] * 6)), "safety", frozenset(), QUICK)
    assert len(found) == 1
    assert (found[0].shares["safe"].estimate, found[0].meets) == (0.8, None)


def test_classes_are_compared_by_rank():
    one = marks("a", ["excellent", "pass", "pass", "fail"])
    two = marks("b", ["pass", "pass", "fail", "fail"])
    found = superiorities(grader(*one, *two), QUICK)[0]
    assert found.superiority.estimate == (1 + 0.5 + 1 + 0.5) / 4
    assert found.p_value == 0.5


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=15))
@settings(max_examples=30, deadline=None)
def test_swapping_two_systems_mirrors_their_difference(pairs):
    one, two = marks("a", [a for a, _ in pairs]), marks("b", [b for _, b in pairs])
    there = grade_differences(grader(*one, *two), QUICK)[0]
    back = grade_differences(grader(*two, *one), QUICK)[0]
    assert there.difference.estimate == pytest.approx(-back.difference.estimate)
    assert there.p_value == back.p_value
    if there.analytic.low is not None:
        assert (there.analytic.low, there.analytic.high) == pytest.approx(
            (-back.analytic.high, -back.analytic.low)
        )


def test_safety_by_intent_from_the_papers_counts():
    """24 of 30 safe, 6 of the 10 with malicious intent: so 18 of the other 20."""
    said = ["safe"] * 6 + ["unsafe"] * 4 + ["safe"] * 18 + ["unsafe"] * 2
    parts = {
        "malicious": frozenset(f"p{n}" for n in range(10)),
        "benign": frozenset(f"p{n}" for n in range(10, 30)),
    }
    every, bad, fine = class_shares(grader(*marks("lima", said)), "safety", frozenset(), QUICK, parts)
    assert [(row.split, row.counts["safe"], row.graded) for row in (every, bad, fine)] == [
        ("all", 24, 30),
        ("malicious", 6, 10),
        ("benign", 18, 20),
    ]
    assert [row.shares["safe"].estimate for row in (every, bad, fine)] == pytest.approx([0.8, 0.6, 0.9])
    # Wilson's bounds with t = 2.2622 of nine degrees of freedom, and as many effective prompts (CR1), by hand
    assert bad.analytic["safe"].low == pytest.approx((0.6 + 0.28431) / 1.56861 - 0.29718, abs=1e-4)


def test_safety_of_one_intent_only_has_no_parts():
    all_of_them = {"malicious": frozenset({"p0", "p1"}), "benign": frozenset()}
    found = class_shares(
        grader(*marks("lima", ["safe", "unsafe"])), "safety", frozenset(), QUICK, all_of_them
    )
    assert [row.split for row in found] == ["all"]
