"""From grades to an epoch, against sums by hand and an exact bootstrap."""

from itertools import product

import numpy as np
import pytest

from handful.choose.best import best
from handful.choose.records import Grade
from handful.core.errors import DataError


def grades(table):
    """{epoch: [grade of prompt 0, of prompt 1 …]} as records."""
    return [Grade(e, f"p{n}", value, "") for e, values in table.items() for n, value in enumerate(values)]


def test_the_highest_mean_wins():
    found = best(grades({5: [3, 4, 2], 6: [4, 5, 3], 7: [1, 6, 3]}), [5, 6, 7])
    assert found.epoch == 6
    assert [found.grades[e].estimate for e in (5, 6, 7)] == [3.0, 4.0, 3.3333]
    assert {interval.n for interval in found.grades.values()} == {3}


def test_of_equals_the_earlier_one_wins():
    assert best(grades({5: [3, 4], 6: [4, 3], 7: [3.5, 3.5]}), [5, 6, 7]).epoch == 5
    assert best(grades({5: [0.1] * 3, 6: [0.3, 0.0, 0.0]}), [5, 6]).epoch == 5  # equal but for rounding


def test_intervals_and_the_chance_of_the_same_choice_are_those_of_all_resamples():
    table = {5: [1, 5, 3, 4], 6: [2, 3, 6, 4]}
    values = np.array([table[5], table[6]], dtype=float).T
    means = np.array([values[list(draw)].mean(axis=0) for draw in product(range(4), repeat=4)])  # all 256
    found = best(grades(table), [5, 6])
    assert found.epoch == 6
    again = (means[:, 1] > means[:, 0] + 1e-9).mean()  # of equals the earlier, 5, would be chosen
    assert found.again == pytest.approx(again, abs=0.02)
    for place, epoch in enumerate((5, 6)):
        low, high = np.quantile(means[:, place], [0.025, 0.975])
        assert found.grades[epoch].low == pytest.approx(low, abs=0.26)
        assert found.grades[epoch].high == pytest.approx(high, abs=0.26)
    assert any("do not tell epoch 6 from epoch 5:" in note for note in found.notes)
    assert any("hardly better than chance" in note for note in found.notes)


def test_a_clear_winner_is_told_from_the_others_even_where_the_intervals_overlap():
    spread = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5] * 3
    found = best(grades({5: spread, 6: [value + 0.5 for value in spread]}), [5, 6])
    assert found.grades[6].low < found.grades[5].high
    assert (found.again, found.notes) == (1.0, [])


def test_a_prompt_with_an_unreadable_grade_counts_for_no_epoch():
    found = best(grades({5: [6, 1, 2], 6: [None, 2, 3]}), [5, 6])
    assert found.epoch == 6
    assert found.grades[5].estimate == 1.5
    assert found.grades[5].n == 2
    assert found.unreadable == {5: 0, 6: 1}
    assert any("1 of 3 prompts are left out" in note for note in found.notes)


def test_one_prompt_gives_no_interval():
    found = best(grades({5: [3], 6: [4]}), [5, 6])
    assert found.grades[6].low is None
    assert any("do not tell epoch 6 from epoch 5" in note for note in found.notes)
    assert any(note.startswith("Only 1 prompt graded") for note in found.notes)


def test_no_common_prompt_is_an_error_that_says_how_many_were_lost():
    with pytest.raises(DataError, match=r"2 of 4 grades cannot be read.*choose by hand"):
        best(grades({5: [None, 3], 6: [3, None]}), [5, 6])


def test_a_single_candidate_is_chosen_for_sure():
    found = best(grades({5: [3, 4, 5]}), [5])
    assert (found.epoch, found.again) == (5, 1.0)


def test_a_judge_that_grades_misplaced_answers_as_high_is_not_trusted():
    own = [4, 3, 5, 4, 3, 5]
    blind = best(grades({5: own, 6: own, 0: own[1:] + own[:1]}), [5, 6])
    assert blind.control.estimate == 0.0
    assert blind.notes[-1].startswith("The judge grades answers to their own prompts +0.00 (")
    assert "cannot be seen to tell them apart" in blind.notes[-1]
    reads = best(grades({5: own, 6: own, 0: [1, 1, 2, 1, 1, 2]}), [5, 6])
    assert reads.control.estimate == pytest.approx(16 / 6, abs=1e-4)
    assert reads.control.low > 0
    assert not any("tell them apart" in note for note in reads.notes)


def test_misplaced_grades_choose_nothing():
    found = best(grades({5: [3, 4], 6: [2, 2], 0: [6, 6]}), [5, 6])
    assert found.epoch == 5
    assert set(found.grades) == {5, 6}
