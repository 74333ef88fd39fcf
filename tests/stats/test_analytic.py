"""Formulas beside the bootstrap: against statsmodels, scipy and hand calculation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as peer
from scipy.stats import binomtest

from handful.stats.analytic import mean, share, t_test, wilson

NAMES = [str(n) for n in range(40) for _ in range(3)]


def uneven():
    """Rows of 30 prompts with one to four rows each, which hang together."""
    rng = np.random.default_rng(5)
    prompts, values = [], []
    for prompt in range(30):
        level = rng.normal(1, 2)
        for _ in range(1 + prompt % 4):
            prompts.append(str(prompt))
            values.append(level + rng.normal())
    return prompts, values


def test_wilson_is_scipys():
    theirs = binomtest(18, 50).proportion_ci(method="wilson")
    assert wilson(18 / 50, 50, 1.959963984540054) == pytest.approx((theirs.low, theirs.high))


def test_a_mean_is_a_regression_on_nothing_with_clustered_errors():
    """statsmodels' CR1 also multiplies by (m - 1) / (m - 1) for one coefficient: the same figure."""
    prompts, values = uneven()
    groups = np.unique(prompts, return_inverse=True)[1]
    theirs = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    found = mean(prompts, values)
    assert found.estimate == pytest.approx(theirs.params[0])
    assert (found.low, found.high) == pytest.approx(tuple(theirs.conf_int()[0]))
    assert t_test(prompts, values) == pytest.approx(theirs.pvalues[0])


def test_one_value_a_prompt_is_students_t():
    values = [1.0, 2.0, 4.0, 4.5]
    found = mean(["a", "b", "c", "d"], values)
    half = peer.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2
    assert (found.low, found.high) == pytest.approx((2.875 - half, 2.875 + half))
    assert t_test(["a", "b", "c", "d"], values) == pytest.approx(peer.ttest_1samp(values, 0).pvalue)


def test_five_copies_of_every_verdict_do_not_narrow_either():
    prompts, values = [str(n) for n in range(40)], [float(n % 3 == 0) for n in range(40)]
    for formula in (share, mean):
        once, five = formula(prompts, values), formula(prompts * 5, values * 5)
        assert (once.low, once.high, once.n) == (pytest.approx(five.low), pytest.approx(five.high), five.n)


def test_independent_rows_of_a_prompt_count_for_more_than_the_same_row_again():
    rng = np.random.default_rng(1)
    free = share(NAMES, (rng.random(120) < 0.5).astype(float))
    tied = share(NAMES, np.repeat(rng.random(40) < 0.5, 3).astype(float))
    assert free.high - free.low < 0.75 * (tied.high - tied.low)


def test_one_prompt_and_nothing_have_no_bounds():
    assert share(["a", "a"], [0, 1]).low is None
    assert mean([], []).estimate is None
    assert t_test(["a"], [1]) is None
    assert mean(["a", "b"], [3, 3]).note == "the same for every prompt: no interval"
    assert share(["a", "b"], [1, 1]).low > 0  # all won: Wilson still leaves room
