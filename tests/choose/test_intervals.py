"""Intervals of a choice, beside those of the statistics: the same rules, and for few prompts the same bounds."""

import numpy as np
import pytest

from handful.choose.intervals import interval, resampled_means, tells
from handful.stats.bootstrap import Bootstrap


def both(values, least=1.0, most=6.0):
    """The interval of `choose` and that of `stats`, of one value a prompt."""
    numbers = np.array(values, dtype=np.float64)
    ours = interval(numbers, resampled_means(numbers[:, None])[:, 0], least, most)
    prompts = [f"p{n:02d}" for n in range(len(values))]
    return ours, Bootstrap().mean(prompts, list(map(float, values)), (least, most))


@pytest.mark.parametrize(
    "values",
    [[3.37, 3.47], [1, 6], [3, 4, 4], [2, 5, 3, 4, 4], [1, 1, 1, 1, 1, 1, 1, 1, 6], [4, 4, 4], [6] * 30, [3]],
)
def test_of_few_prompts_and_of_equal_grades_the_bounds_are_those_of_the_statistics(values):
    ours, theirs = both(values)
    assert ours.note == theirs.note
    assert (ours.low is None) == (theirs.low is None)
    if theirs.low is not None:
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-4)


@pytest.mark.parametrize("n", [10, 12, 50])
def test_of_more_prompts_they_differ_by_the_draw_alone(n):
    values = np.random.default_rng(n).normal(3.5, 0.8, n).clip(1, 6)
    ours, theirs = both(values)
    assert ours.note == theirs.note == ""
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_one_prompt_tells_nothing_and_neither_do_equal_epochs():
    one = np.array([2.0])
    assert not tells(one, resampled_means(one[:, None])[:, 0], 5)
    none = np.zeros(50)
    assert not tells(none, resampled_means(none[:, None])[:, 0], 5)


def test_a_difference_beyond_doubt_is_told():
    values = np.array([0.9, 1.1] * 10)
    drawn = resampled_means(values[:, None])[:, 0]
    assert tells(values, drawn, 5)
    assert not tells(-values, -drawn, 5)
