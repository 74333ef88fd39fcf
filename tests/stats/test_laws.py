"""What must hold of any study: mirrored sides, shuffled rows, doubled rows, relabelled prompts."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core.types import MIRROR, Seal, Verdict
from handful.stats.agreement import CHOICES, agreement
from handful.stats.bootstrap import Bootstrap
from handful.stats.preference import preferences
from handful.stats.readings import annotator, pairs_of

QUICK = Bootstrap(draws=150)
ROWS = st.lists(
    st.tuples(st.sampled_from("pqrst"), st.sampled_from([*CHOICES, None]), st.sampled_from([*CHOICES, None])),
    min_size=1,
    max_size=25,
)
RATES = ("win", "tie", "loss", "at_least_as_good", "ties_as_half", "net")


def study(rows, times=1):
    """Seals and verdicts in both orders of one judge; "tuned" stands on the left of every other row. Each row is there
    `times` times."""
    seals, verdicts = [], []
    for n, (prompt, forward, swapped) in enumerate(rows):
        sides = ("tuned", "base") if n % 2 else ("base", "tuned")
        for id in (f"c{n}-{copy}" for copy in range(times)):
            seals.append(Seal(id, prompt, *sides))
            verdicts += [Verdict(id, "j", forward), Verdict(id, "j", swapped, "swapped")]
    return seals, verdicts


def judged(seals, verdicts, subject="tuned"):
    ids = [seal.comparison_id for seal in seals]
    other = "base" if subject == "tuned" else "tuned"
    found = preferences([annotator("j", "model", verdicts, ids)], pairs_of(seals, [(subject, other)]), QUICK)
    return found[0]


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_swapping_sides_changes_nothing(rows):
    seals, verdicts = study(rows)
    turned = [msgspec.structs.replace(s, left=s.right, right=s.left) for s in seals]
    mirrored = [msgspec.structs.replace(v, choice=MIRROR[v.choice]) for v in verdicts]
    assert judged(seals, verdicts) == judged(turned, mirrored)


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_naming_the_other_system_the_subject_mirrors_the_result(rows):
    seals, verdicts = study(rows)
    one, two = judged(seals, verdicts), judged(seals, verdicts, "base")
    assert (one.wins, one.ties, one.losses) == (two.losses, two.ties, two.wins)
    assert (one.p_value, one.p_permutation) == (two.p_value, two.p_permutation)
    if one.win.estimate is not None:
        assert one.net.estimate == pytest.approx(-two.net.estimate)
        assert one.analytic["win"] == two.analytic["loss"]


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_changes_no_figure(rows, rng: random.Random):
    seals, verdicts = study(rows)
    one = judged(seals, verdicts)
    rng.shuffle(verdicts)
    assert judged(seals, verdicts) == one
    shuffled = list(seals)
    rng.shuffle(shuffled)
    two = judged(shuffled, verdicts)
    for name in RATES:
        a, b = getattr(one, name), getattr(two, name)
        assert (a.estimate, a.n, a.low is None) == (
            b.estimate and pytest.approx(b.estimate),
            b.n,
            b.low is None,
        )
        assert one.analytic[name].low == (two.analytic[name].low and pytest.approx(two.analytic[name].low))
    assert one.p_permutation == two.p_permutation


@given(ROWS, st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_the_same_verdicts_again_narrow_nothing(rows, times):
    one, many = judged(*study(rows)), judged(*study(rows, times))
    for name in RATES:
        for a, b in ((getattr(one, name), getattr(many, name)), (one.analytic[name], many.analytic[name])):
            assert a.n == b.n
            if a.low is not None:
                assert b.high - b.low >= a.high - a.low - 1e-9
    assert one.p_permutation == many.p_permutation


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_every_interval_holds_its_estimate_and_says_why_where_there_is_none(rows):
    found = judged(*study(rows))
    for interval in (*(getattr(found, name) for name in RATES), *found.analytic.values()):
        if interval.low is None:
            assert interval.note
        else:
            assert interval.low - 1e-9 <= interval.estimate <= interval.high + 1e-9
    assert found.wins + found.ties + found.losses + found.unreadable + found.missing == found.comparisons


@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from(CHOICES), st.sampled_from(CHOICES)), min_size=1
    )
)
@settings(max_examples=40, deadline=None)
def test_agreement_does_not_ask_who_is_first_or_which_side_is_left(rows):
    one = agreement("a", "b", rows, QUICK)
    two = agreement("b", "a", [(p, MIRROR[b], MIRROR[a]) for p, a, b in rows], QUICK)
    assert one.tie_discounted.estimate == two.tie_discounted.estimate
    assert one.chance == pytest.approx(two.chance)
    assert one.kappa == (two.kappa and pytest.approx(two.kappa))
