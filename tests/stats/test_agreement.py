"""Agreement: the nine cells, published figures from raw data, and what chance would give."""

import csv
import json
from collections import defaultdict
from itertools import combinations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.stats.agreement import CHOICES, agreement, alpha, both_ways, exact, tie_discounted
from handful.stats.bootstrap import Bootstrap

QUICK = Bootstrap(draws=200)


@pytest.mark.parametrize(
    ("first", "second", "points"),
    [
        ("left", "left", 1),
        ("left", "right", 0),
        ("left", "tie", 0.5),
        ("right", "left", 0),
        ("right", "right", 1),
        ("right", "tie", 0.5),
        ("tie", "left", 0.5),
        ("tie", "right", 0.5),
        ("tie", "tie", 1),
    ],
)
def test_the_nine_cells(first, second, points):
    assert tie_discounted(first, second) == points


def test_a_case_by_hand():
    rows = [("1", "left", "left"), ("2", "tie", "left"), ("3", "left", "right"), ("4", "tie", "tie")]
    found = agreement("a", "b", rows, QUICK)
    assert found.tie_discounted.estimate == (1 + 0.5 + 0 + 1) / 4
    assert found.exact.estimate == 0.5
    # a: left 1/2, tie 1/2; b: left 1/2, right 1/4, tie 1/4
    assert found.chance == pytest.approx(0.5 * (0.5 + 0.25 * 0.5) + 0.5 * (0.25 + 0.75 * 0.5))
    assert found.always_tie == pytest.approx(0.5 + (2 + 1) / 16)
    assert found.kappa == pytest.approx((0.5 - 0.375) / (1 - 0.375))


def test_two_who_share_no_comparison_have_no_agreement():
    found = agreement("a", "b", [], QUICK)
    assert (found.comparisons, found.tie_discounted.estimate, found.chance, found.kappa) == (
        0,
        None,
        None,
        None,
    )


def test_kappa_is_not_defined_where_both_always_say_the_same():
    assert agreement("a", "b", [("1", "tie", "tie"), ("2", "tie", "tie")], QUICK).kappa is None


@given(st.lists(st.lists(st.sampled_from(CHOICES), min_size=2, max_size=4), min_size=2, max_size=20))
def test_alpha_is_krippendorffs(items):
    counts = np.array([[row.count(choice) for choice in CHOICES] for row in items])
    if (counts.sum(axis=0) > 0).sum() < 2:
        assert alpha(items, exact) is None
    else:
        theirs = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
        assert alpha(items, exact) == pytest.approx(theirs)


def test_pandalms_published_kappas(shared_data):
    """README of PandaLM: .85, .88 and .86 between its three annotators."""
    rows = json.loads((shared_data / "eval/pandalm/testset-v1.json").read_text())
    expected = json.loads((shared_data / "eval/expected.json").read_text())["pandalm"]
    label = {0: "tie", 1: "left", 2: "right"}
    for pair in ("1-2", "1-3", "2-3"):
        a, b = (f"annotator{n}" for n in pair.split("-"))
        found = agreement(a, b, [(str(r["idx"]), label[int(r[a])], label[int(r[b])]) for r in rows], QUICK)
        assert found.comparisons == 999
        assert found.kappa == pytest.approx(expected["cohen_kappa"][pair], abs=1e-4)
        assert round(found.kappa, 2) == expected["cohen_kappa"]["published"][pair]
        assert found.tie_discounted.estimate == pytest.approx(expected["tie_discounted_ours"][pair], abs=1e-5)


def test_a_crowd_agrees_hardly_more_than_one_who_always_says_tie(shared_data):
    with (shared_data / "eval/llmfao/crowd-comparisons.csv").open() as file:
        votes = list(csv.DictReader(file))
    items = defaultdict(list)
    for vote in votes:
        items[vote["prompt"], vote["id"]].append(vote["winner"])
    rows = [(prompt, a, b) for (prompt, _), cast in items.items() for a, b in combinations(cast, 2)]
    crowd = agreement("people", "people", both_ways(rows), QUICK)
    tied = agreement("crowd", "always tie", [(v["prompt"], v["winner"], "tie") for v in votes], QUICK)
    assert (crowd.comparisons, crowd.tie_discounted.n) == (15112, 13)
    assert crowd.tie_discounted.estimate == pytest.approx(0.69934, abs=1e-5)
    assert crowd.tie_discounted.low == pytest.approx(0.661, abs=0.02)  # by prompt, not by vote: .694
    assert crowd.chance == pytest.approx(0.576, abs=1e-3)
    assert tied.tie_discounted.estimate == pytest.approx(0.694, abs=1e-3)
    assert alpha(items.values(), exact) == pytest.approx(0.2905951039, abs=1e-9)
    assert alpha(items.values(), tie_discounted) == pytest.approx(0.289, abs=1e-3)
