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
    assert found.untold == [5]
    assert any("do not tell epoch 6 from epoch 5:" in note for note in found.notes)
    assert any("hardly better than chance" in note for note in found.notes)


def test_a_clear_winner_is_told_from_the_others_even_where_the_intervals_overlap():
    spread = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5] * 3
    better = [value + 0.4 + 0.2 * (n % 2) for n, value in enumerate(spread)]
    found = best(grades({5: spread, 6: better}), [5, 6])
    assert found.grades[6].low < found.grades[5].high
    assert (found.again, found.untold, found.notes) == (1.0, [], [])


def test_two_prompts_tell_no_epochs_apart_however_alike_they_are():
    """Of two, resampling can only say one value, the other or their mean: 3.37 to 3.47 would be no interval of 3.42."""
    found = best(grades({2: [2.79, 3.45], 3: [3.3654, 3.4697]}), [2, 3])
    assert found.grades[3].estimate == pytest.approx(3.4176, abs=1e-4)
    assert found.grades[3].high == pytest.approx(3.4176 + 12.706 * 0.1043 / 2, abs=1e-3)
    assert found.grades[3].low == pytest.approx(3.4176 - 12.706 * 0.1043 / 2, abs=1e-3)
    assert "2 prompts show nothing" in found.grades[3].note
    assert found.untold == [2]
    assert any("so few show nothing" in note for note in found.notes)


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
