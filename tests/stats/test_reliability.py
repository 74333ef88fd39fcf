"""Many annotators: alphas and kappas of peers, and each against the others by hand."""

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as peers_fleiss

from handful.core.types import Verdict
from handful.stats.agreement import CHOICES, alpha, exact, tie_discounted
from handful.stats.bootstrap import Bootstrap
from handful.stats.readings import annotator
from handful.stats.reliability import (
    alpha_interval,
    between_groups,
    fleiss_kappa,
    leave_one_out,
    majority,
    reliability,
)

QUICK = Bootstrap(draws=300)
TABLE = st.lists(st.lists(st.sampled_from(CHOICES), min_size=2, max_size=4), min_size=2, max_size=15)


def crowd(**said):
    """Annotators by name, each with a choice (or None) for c0, c1 …, and comparison -> prompt."""
    ids = [f"c{n}" for n in range(max(map(len, said.values())))]
    people = [
        annotator(
            name,
            "person",
            [Verdict(id, name, choice) for id, choice in zip(ids, choices, strict=False) if choice],
            ids,
        )
        for name, choices in said.items()
    ]
    return people, {id: f"p{id}" for id in ids}


@given(TABLE)
@settings(max_examples=50, deadline=None)
def test_alpha_with_the_tie_distance_is_that_of_an_interval_scale_with_the_tie_in_the_middle(items):
    """1 - tie-discounted accuracy is |x - y| / 2 with left -1, tie 0, right 1: a metric of its own, so krippendorff
    is given it as a function."""
    rows = [(str(n), choices) for n, choices in enumerate(items)]
    found = alpha_interval(rows, tie_discounted, QUICK).estimate
    assert found == (
        pytest.approx(alpha(items, tie_discounted)) if len({c for i in items for c in i}) > 1 else None
    )
    place = {"left": -1.0, "tie": 0.0, "right": 1.0}
    width = max(map(len, items))
    data = [[place[i[k]] if k < len(i) else np.nan for i in items] for k in range(width)]
    if found is not None:
        theirs = krippendorff.alpha(
            np.array(data), level_of_measurement=lambda a, b, dtype=np.float64, **_: np.abs(a - b) / 2
        )
        assert found == pytest.approx(theirs)


def test_alphas_interval_covers_it_and_needs_two_prompts():
    rng = np.random.default_rng(2)
    truth = rng.choice(CHOICES, 80)
    items = [
        (f"p{n}", [t if rng.random() < 0.7 else rng.choice(CHOICES) for _ in range(3)])
        for n, t in enumerate(truth)
    ]
    found = alpha_interval(items, exact, Bootstrap(draws=1000))
    assert found.low < found.estimate < found.high
    assert 0.1 < found.high - found.low < 0.4
    one = alpha_interval([("p", ["left", "right"]), ("p", ["left", "left"])], exact, QUICK)
    assert (one.low, one.note) == (None, "one prompt gives no interval")


@given(st.lists(st.lists(st.sampled_from(CHOICES), min_size=3, max_size=3), min_size=2, max_size=15))
@settings(max_examples=50, deadline=None)
def test_fleiss_kappa_is_statsmodels(items):
    if len({choice for item in items for choice in item}) == 1:
        assert fleiss_kappa(items) is None
        return
    table = aggregate_raters(np.array([[CHOICES.index(c) for c in item] for item in items]), n_cat=3)[0]
    assert fleiss_kappa(items) == pytest.approx(peers_fleiss(table))


def test_fleiss_kappa_wants_equally_many_choices():
    assert fleiss_kappa([["left", "tie"], ["left", "tie", "right"]]) is None


def test_each_against_the_others():
    people, prompts = crowd(
        ann=["left", "left", "tie", "right"],
        bob=["left", "left", "left", "right"],
        cat=["right", "left", "left", None],
    )
    ann, bob, cat = leave_one_out(people, prompts, QUICK)
    # with bob 1, 1, 1/2, 1; with cat 0, 1, 1/2
    assert ann.others.estimate == pytest.approx((3.5 + 1.5) / 7)
    # the majority of the others: c0 a draw, so tie 1/2; c1 left 1; c2 left 1/2; c3 right 1
    assert ann.majority.estimate == pytest.approx(3 / 4)
    assert (ann.comparisons, cat.comparisons, bob.kind) == (4, 3, "person")


@pytest.mark.parametrize(
    ("choices", "most"),
    [
        (["left"], "left"),
        (["left", "right"], "tie"),
        (["left", "left", "right"], "left"),
        (["left", "right", "tie", "tie"], "tie"),
    ],
)
def test_a_draw_is_a_tie(choices, most):
    assert majority(choices) == most


def test_groups_meet_in_pairs_of_members():
    """The paper's table: crowd with crowd, crowd with authors, authors with authors."""
    people, prompts = crowd(a=["left", "left"], b=["left", "tie"], x=["right", "left"], y=["right", "left"])
    found = between_groups({"crowd": people[:2], "authors": people[2:]}, prompts, QUICK)
    table = {(row.first, row.second): (row.tie_discounted.estimate, row.comparisons) for row in found}
    assert table == {
        ("crowd", "crowd"): (0.75, 2),
        ("authors", "authors"): (1.0, 2),
        ("crowd", "authors"): ((0 + 0 + 0 + 0 + 1 + 1 + 0.5 + 0.5) / 8, 8),
    }


def test_people_who_share_nothing_have_no_reliability():
    people, prompts = crowd(a=["left", None], b=[None, "left"])
    found = reliability("people", people, prompts, QUICK)
    assert (found.comparisons, found.alpha_nominal.estimate, found.fleiss_kappa) == (0, None, None)
