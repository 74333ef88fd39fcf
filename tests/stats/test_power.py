"""Planning figures: against the design's own table, statsmodels and simulation."""

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.power import NormalIndPower

from handful.stats import power


def test_the_half_widths_that_the_study_was_planned_by():
    assert power.half_width(0.43, 300) == pytest.approx(0.056, abs=5e-4)
    assert power.half_width(0.5, 50) == pytest.approx(0.139, abs=5e-4)
    assert power.prompts_for_half_width(0.056, 0.43) in (300, 301)


def test_the_sign_test_has_the_power_that_was_promised():
    """Exact power of the exact test, over the number of prompts that are no ties."""
    net, ties = 0.15, 0.23
    n = power.prompts_for_preference(net, ties)
    win = ((1 - ties) + net) / 2 / (1 - ties)
    total = 0.0
    for decided in range(1, n + 1):
        wins = np.arange(decided + 1)
        p = np.minimum(1, 2 * binom.cdf(np.minimum(wins, decided - wins), decided, 0.5))
        total += binom.pmf(decided, n, 1 - ties) * binom.pmf(wins[p < 0.05], decided, win).sum()
    assert total == pytest.approx(0.8, abs=0.03)


def test_the_smallest_preference_is_the_inverse():
    seen = power.smallest_preference(300)
    assert power.prompts_for_preference(seen) <= 300 < power.prompts_for_preference(seen - 0.002)
    assert power.smallest_preference(4) is None


def test_grades_are_statsmodels():
    theirs = NormalIndPower(ddof=0).solve_power(effect_size=0.3, power=0.8, alpha=0.05, ratio=0)
    assert power.prompts_for_grades(0.3, deviation=1.0) == int(np.ceil(theirs))
    assert power.smallest_grade_difference(88, 1.0) == pytest.approx(0.2986, abs=1e-3)


@pytest.mark.parametrize("net", [0.0, 0.9])
def test_a_preference_that_cannot_be_is_refused(net):
    with pytest.raises(ValueError, match=r"more than 0 and at most 0\.77"):
        power.prompts_for_preference(net)


def test_what_plan_prints():
    lines = power.in_words(300, ("preference", "helpfulness"))
    assert lines[0] == "300 prompts show a win rate near 43% to ±5.6 points (95% interval)"
    assert "14 points between wins and losses" in lines[1]
    assert "mean grade" in lines[2]
    assert "too few" in power.in_words(3)[1]
    assert power.in_words(300, ("safety",)) == [
        "300 prompts show a share near 43% to ±5.6 points (95% interval)"
    ]
