"""Intervals: against theory, against a peer, under simulation, and where there is no honest interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as peer

from handful.stats.bootstrap import Bootstrap, expanded_tail

QUICK = Bootstrap(draws=400)


def test_a_fair_coin_has_the_interval_of_theory():
    found = Bootstrap().mean([str(n) for n in range(100)], [n % 2 for n in range(100)])
    assert found.estimate == 0.5
    assert found.low == pytest.approx(0.402, abs=0.012)  # 1/2 - 1.96 * sqrt(1/4 / 100)
    assert found.high == pytest.approx(0.598, abs=0.012)
    assert (found.n, found.unit) == (100, "prompts")


def test_it_agrees_with_scipys_percentile_bootstrap_where_prompts_are_many():
    rng = np.random.default_rng(1)
    values = rng.random(400)
    theirs = peer.bootstrap((values,), np.mean, method="percentile", rng=rng, n_resamples=9999)
    ours = Bootstrap().mean([str(n) for n in range(400)], values)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.002)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.002)


def test_few_prompts_widen_the_tails_and_many_do_not():
    assert expanded_tail(10, 0.95) < 0.015
    assert expanded_tail(1000, 0.95) == pytest.approx(0.025, abs=0.0003)


def test_five_copies_of_each_verdict_do_not_narrow_the_interval():
    prompts, values = [str(n) for n in range(40)], [float(n % 3 == 0) for n in range(40)]
    once, five = QUICK.mean(prompts, values), QUICK.mean(prompts * 5, values * 5)
    assert (once.estimate, once.n) == (pytest.approx(five.estimate), five.n)
    assert (once.low, once.high) == (pytest.approx(five.low), pytest.approx(five.high))


def test_one_prompt_or_none_gives_no_interval_and_says_so():
    one, none = QUICK.mean(["a", "a"], [0, 1]), QUICK.mean([], [])
    assert (one.estimate, one.low, one.high, one.n) == (0.5, None, None, 1)
    assert "one prompt" in one.note
    assert (none.estimate, none.low, none.high, none.n) == (None, None, None, 0)


@pytest.mark.parametrize("wins", [0, 20])
def test_twenty_of_twenty_is_not_certainty(wins):
    found = QUICK.mean([str(n) for n in range(20)], [float(n < wins) for n in range(20)])
    exact = peer.binomtest(wins, 20).proportion_ci(method="exact")
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_all_ties_leave_room_for_either_side():
    found = QUICK.mean([str(n) for n in range(20)], [0.0] * 20, bounds=(-1.0, 1.0))
    assert found.low == pytest.approx(-found.high)
    assert found.high > 0.1


def test_unbounded_values_that_are_all_alike_have_no_interval():
    found = QUICK.mean(["a", "b"], [7, 7], bounds=None)
    assert (found.estimate, found.low, found.high) == (7, None, None)


def test_equal_data_under_two_names_have_equal_intervals():
    """Common random numbers: the draw depends on the seed and on how many prompts there are, never on who judged."""
    prompts, values = [f"{n:02}" for n in range(30)], [float(n % 3 == 0) for n in range(30)]
    back = list(reversed(prompts)), list(reversed(values))
    assert QUICK.mean(prompts, values) == QUICK.mean(prompts, values) == QUICK.mean(*back)
    assert QUICK.means(prompts, [[v, 1 - v] for v in values])[0] == QUICK.mean(prompts, values)
    lows = {Bootstrap(draws=101, seed=s).mean(prompts, values).low for s in range(8)}
    assert len(lows) > 1


def test_the_difference_of_two_judges_is_not_blurred_by_the_draw():
    """One of 40 prompts differs: both bounds of one judge lie above those of the other in every draw."""
    prompts, values = [f"{n:02}" for n in range(40)], [float(n % 2) for n in range(40)]
    better = [1.0, *values[1:]]
    for seed in range(20):
        quick = Bootstrap(draws=100, seed=seed)
        one, two = quick.mean(prompts, values), quick.mean(prompts, better)
        assert one.low <= two.low
        assert one.high <= two.high


def test_two_prompts_do_not_look_precise():
    grades = QUICK.mean(["a", "b"], [3, 4], bounds=(1.0, 6.0))
    assert (grades.low, grades.high) == (1, 6)  # resampling could only say 3 to 4
    halves = QUICK.mean(["a", "b"], [0.5, 1.0])
    assert (halves.low, halves.high) == (0, 1)
    assert grades.note == halves.note == "2 prompts show nothing: read no finding into it"
    assert QUICK.mean([str(n) for n in range(10)], [float(n % 2) for n in range(10)]).note == ""


def test_a_figure_that_is_no_mean_has_no_interval_of_four_prompts():
    def of(n):
        return QUICK.of(
            [str(k) for k in range(n)], [[float(k % 2), 1.0] for k in range(n)], lambda s: s[:, 0] / s[:, 1]
        )

    assert (of(4).low, of(4).note) == (None, "4 prompts give no interval")
    assert of(5).low is not None


@pytest.mark.parametrize("prompts", [2, 3, 5, 8])
def test_intervals_of_few_prompts_cover_too(prompts):
    """Grades of 1 to 6 whose mean is 3.9: resampling alone would hold it in 50% of studies of two prompts."""
    rng, hits, chances = np.random.default_rng(3), 0, [0.05, 0.1, 0.2, 0.3, 0.25, 0.1]
    for study in range(400):
        grades = rng.choice(6, prompts, p=chances) + 1.0
        found = Bootstrap(draws=100, seed=study).mean([str(n) for n in range(prompts)], grades, (1.0, 6.0))
        hits += found.low <= 3.9 <= found.high
    assert hits / 400 >= 0.92


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([0.0, 0.5, 1.0])), min_size=1))
def test_an_interval_holds_its_estimate_and_stays_within_bounds(rows):
    found = Bootstrap(draws=200).mean([p for p, _ in rows], [v for _, v in rows])
    assert found.n == len({p for p, _ in rows})
    if found.low is not None:
        assert 0 <= found.low <= found.estimate + 1e-9
        assert found.estimate <= found.high + 1e-9 <= 1 + 1e-8


@pytest.mark.parametrize(("prompts", "per_prompt"), [(25, 1), (60, 5)])
def test_95_percent_intervals_cover_95_percent_of_studies(prompts, per_prompt):
    """Each prompt has a win rate of its own, drawn around 0.45: the samples of a prompt hang together."""
    rng, studies, hits = np.random.default_rng(7), 600, 0
    names = [str(p) for p in range(prompts) for _ in range(per_prompt)]
    for study in range(studies):
        chance = np.repeat(rng.beta(0.9, 1.1, prompts), per_prompt)
        wins = (rng.random(len(names)) < chance).astype(float)
        found = Bootstrap(draws=600, seed=study).mean(names, wins)
        hits += found.low <= 0.45 <= found.high
    assert 0.93 <= hits / studies <= 0.975
