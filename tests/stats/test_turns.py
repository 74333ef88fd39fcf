"""Turns of dialogues: Figure 7 from its counts, with the dialogue as the unit."""

import numpy as np
import pytest

from handful.stats.bootstrap import Bootstrap
from handful.stats.grades import Grader, Mark
from handful.stats.turns import failed_early, turn_differences, turns

QUICK = Bootstrap(draws=500)
BEFORE = ["excellent"] * 19 + ["pass"] * 8 + ["fail"] * 15
AFTER = ["excellent"] * 35 + ["pass"] * 10 + ["fail"]


def dialogues(system, grades, count=10):
    """Grades dealt out to `count` dialogues, one turn after another."""
    return [Mark(f"d{n % count}", system, 0, n // count, grade) for n, grade in enumerate(grades)]


def grader(*marks):
    return Grader("authors", "people", "", marks)


def test_the_papers_figure_7():
    before, after = turns(grader(*dialogues("LIMA", BEFORE), *dialogues("LIMA + dialogue", AFTER)), QUICK)
    assert [round(100 * before.shares[c].estimate, 1) for c in ("excellent", "pass", "fail")] == [
        45.2,
        19.0,
        35.7,
    ]
    assert [round(100 * after.shares[c].estimate, 1) for c in ("excellent", "pass", "fail")] == [
        76.1,
        21.7,
        2.2,
    ]
    assert (before.graded, after.graded, before.dialogues) == (42, 46, 10)
    assert (before.shares["fail"].n, before.shares["fail"].unit) == (10, "dialogues")


def test_turns_of_one_dialogue_are_not_independent():
    alike = [Mark(f"d{n // 5}", "s", 0, n % 5, "fail" if n < 15 else "pass") for n in range(50)]
    apart = [Mark(f"d{n % 10}", "s", 0, n // 10, "fail" if n < 15 else "pass") for n in range(50)]
    together, spread = (turns(grader(*m), QUICK)[0].shares["fail"] for m in (alike, apart))
    assert together.estimate == spread.estimate == pytest.approx(0.3)
    assert together.high - together.low > 2 * (spread.high - spread.low)


def test_six_of_ten_dialogues_failed_within_three_turns():
    marks = [
        Mark(f"d{d}", "s", 0, turn, "fail" if d < 6 and turn == d % 3 else "pass")
        for d in range(10)
        for turn in range(4)
    ]
    marks += [Mark("late", "s", 0, turn, "fail" if turn == 3 else "pass") for turn in range(4)]
    found = turns(grader(*marks), QUICK)[0]
    assert found.failed_dialogues == 6
    assert found.failed_within_3.estimate == pytest.approx(6 / 11)
    assert [row.turn for row in found.by_turn] == [1, 2, 3, 4]
    assert [round(row.fail.estimate * 11) for row in found.by_turn] == [2, 2, 2, 1]


def test_a_dialogue_whose_early_turns_cannot_be_read_is_not_known_to_hold():
    marks = [
        Mark("a", "s", 0, 0, None),
        Mark("a", "s", 0, 1, "pass"),
        Mark("b", "s", 0, 0, None),
        Mark("b", "s", 0, 1, "fail"),
    ]
    assert failed_early(marks) == [("b", True)]


def test_the_difference_resamples_the_same_dialogues_for_both():
    found = turn_differences(grader(*dialogues("a", BEFORE), *dialogues("b", AFTER)), QUICK)[0]
    assert found.fail.estimate == pytest.approx(15 / 42 - 1 / 46)
    assert found.excellent.estimate == pytest.approx(19 / 42 - 35 / 46)
    assert found.fail.low > 0
    assert (found.fail.n, found.fail.unit) == (10, "dialogues")


def test_the_difference_covers_the_truth():
    """Dialogues differ, and both systems find the same ones hard: 300 studies of 20 dialogues with four turns."""
    rng, hits = np.random.default_rng(5), 0
    for study in range(300):
        hard = rng.beta(2, 3, 20)
        marks = [
            Mark(f"d{d}", system, 0, turn, "fail" if rng.random() < h * factor else "pass")
            for system, factor in (("a", 1.0), ("b", 0.5))
            for d, h in enumerate(hard)
            for turn in range(4)
        ]
        found = turn_differences(grader(*marks), Bootstrap(draws=200, seed=study))[0].fail
        hits += found.low <= 0.2 <= found.high
    assert 0.93 <= hits / 300 <= 0.975


def test_dialogues_without_a_readable_turn_have_no_figures():
    found = turns(grader(*dialogues("s", [None] * 12)), QUICK)[0]
    assert (found.shares["fail"].estimate, found.failed_within_3.estimate, found.unreadable) == (
        None,
        None,
        12,
    )
