"""Exact tests against enumeration and peers, and the correction for asking several times."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from handful.stats.significance import by_prompt, holm, multiplicity, permutation


@pytest.mark.parametrize(("wins", "losses"), [(1, 0), (3, 3), (8, 1), (120, 90)])
def test_with_one_verdict_a_prompt_it_is_the_sign_test(wins, losses):
    found = permutation([1] * wins + [-1] * losses + [0] * 5)
    assert found == pytest.approx(binomtest(wins, wins + losses).pvalue)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_it_counts_all_assignments_of_signs(differences):
    observed = abs(sum(differences))
    signs = product((1, -1), repeat=len(differences))
    sums = [abs(sum(s * d for s, d in zip(row, differences, strict=True))) for row in signs]
    expected = sum(total >= observed for total in sums) / len(sums)
    found = permutation(differences)
    assert found == (pytest.approx(expected) if any(differences) else None)


def test_fractions_are_exact_and_scale_changes_nothing():
    thirds = [Fraction(1, 3), Fraction(2, 3), Fraction(-1, 5)]
    assert permutation(thirds) == permutation([d * 15 for d in thirds])


def test_a_prompt_with_five_verdicts_is_one_prompt():
    assert by_prompt([("p", 1)] * 5 + [("q", -1)]) == [5, -1]
    assert permutation(by_prompt([("p", 1)] * 5)) == 1.0


def test_many_uneven_differences_are_tested_by_drawn_signs():
    rng = np.random.default_rng(3)
    differences = [Fraction(int(d), 997) for d in rng.integers(-5000, 6000, 1500)]
    found = permutation(differences)
    sums = np.array([float(d) for d in differences])
    normal = abs(sums.sum()) / np.sqrt((sums**2).sum())
    assert found < 0.001
    assert normal > 3


def test_holm_is_statsmodels():
    values = [0.01, 0.04, 0.03, 0.2, 0.011]
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
    assert holm([0.01, None, 0.04]) == pytest.approx([0.02, None, 0.04])


def test_several_tests_are_warned_of_in_words():
    assert multiplicity(1, "baselines") == ""
    assert "5 baselines were tested at once" in multiplicity(5, "baselines")
    assert "23%" in multiplicity(5, "baselines")
