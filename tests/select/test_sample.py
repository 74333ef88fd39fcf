from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.rng import rng_for
from handful.select.sample import Entry, community_weights, sample


def test_temperature_evens_out_the_communities():
    sizes = {"large": 1000, "small": 1}
    assert community_weights(sizes, 1)["large"] == pytest.approx(1000 / 1001)
    assert community_weights(sizes, 3)["large"] == pytest.approx(10 / 11)  # 1000 ** (1/3) = 10


@given(
    st.dictionaries(st.text(min_size=1), st.integers(1, 10**9), min_size=1, max_size=20), st.floats(1e-3, 1e6)
)
def test_weights_sum_to_one_at_any_temperature(sizes, temperature):
    assert sum(community_weights(sizes, temperature).values()) == pytest.approx(1)


@pytest.fixture
def entries(make_entry):
    return [
        make_entry(f"{name}/{n}", name, score=n // 2) for name in ("cooking", "travel") for n in range(10)
    ]


def test_a_sample_depends_on_the_seed_and_not_on_the_order(entries):
    drawn = sample(entries, 6, 3.0, rng_for(0, "select"))
    assert drawn == sample(reversed(entries), 6, 3.0, rng_for(0, "select"))
    assert any(drawn != sample(entries, 6, 3.0, rng_for(seed, "select")) for seed in range(1, 5))


def test_the_best_of_a_community_comes_first_and_the_lower_id_of_equals(entries):
    drawn = sample(entries, 20, 3.0, rng_for(0, "select"))
    cooking = [entry.id for entry in drawn if entry.community == "cooking"]
    assert cooking == [f"cooking/{n}" for n in (8, 9, 6, 7, 4, 5, 2, 3, 0, 1)]


def test_a_community_is_drawn_as_often_as_its_weight_says(make_entry):
    entries = [
        make_entry(f"{name}/{n}", name) for name, size in (("l", 8000), ("s", 1000)) for n in range(size)
    ]
    shares = Counter(entry.community for entry in sample(entries, 900, 3.0, rng_for(1, "select")))
    assert shares["l"] == pytest.approx(600, abs=60)  # 2 : 1, as cube roots; four standard deviations


def test_used_up_communities_leave_the_draw(make_entry):
    entries = [make_entry("a/1", "a"), *(make_entry(f"b/{n}", "b") for n in range(50))]
    assert len(sample(entries, 51, 0.01, rng_for(0))) == 51


def test_ready_made_examples_are_drawn_at_random_and_keep_their_order():
    entries = [Entry(f"{n}", "s", "c", None, n) for n in range(100)]
    samples = [sample(entries, 10, 3.0, rng_for(seed)) for seed in range(3)]
    for drawn in samples:
        assert [e.place for e in drawn] == sorted(e.place for e in drawn)
    assert samples[0] != samples[1] != samples[2]


def test_too_few_are_an_error_with_both_numbers(entries):
    with pytest.raises(ValueError, match="asked for 21, but there are 20"):
        sample(entries, 21, 3.0, rng_for(0))


def test_none_can_be_asked_for(entries):
    assert sample(entries, 0, 3.0, rng_for(0)) == []
    assert sample([], 0, 3.0, rng_for(0)) == []
