"""Who is asked what next, and on which side."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.annotate.assign import deal, place_of
from handful.annotate.pairs import pairs_of


@given(st.integers(), st.text(max_size=8), st.integers(0, 41), st.integers(0, 41))
def test_sides_are_balanced_wherever_a_person_stops(seed, person, count, stop):
    orders = list(deal(seed, person, [f"s{n}" for n in range(count)]).values())[:stop]
    assert abs(orders.count("forward") - orders.count("swapped")) <= 1


def test_a_deal_depends_on_seed_and_person_and_not_on_the_order_of_pairs():
    pairs = [f"s{n}" for n in range(20)]
    dealt = deal(1, "ann", pairs)
    assert list(deal(1, "ann", reversed(pairs)).items()) == list(dealt.items())
    assert sorted(dealt) == sorted(pairs)
    assert list(deal(1, "ben", pairs)) != list(dealt)
    assert list(deal(2, "ann", pairs)) != list(dealt)


def test_each_side_of_each_pair_is_seen_by_about_half_of_the_people():
    """400 people, 10 pairs: forward counts are binomial(400, 1/2), and 5 sigma is 50."""
    counts = Counter()
    for number in range(400):
        counts.update(
            pair for pair, order in deal(0, f"p{number}", "abcdefghij").items() if order == "forward"
        )
    assert all(150 <= counts[pair] <= 250 for pair in "abcdefghij")


@pytest.fixture
def dealt(study):
    return deal(0, "ann", pairs_of(study))


def test_a_person_walks_through_their_own_order(study, ledger, give, dealt):
    seen = []
    while True:
        place = place_of("ann", dealt, ledger.entries(), 1)
        assert (place.answered, place.total) == (len(seen), 6)
        if not place.open:
            break
        seen.append(place.open[0])
        give(ledger, "ann", pairs_of(study)[place.open[0]])
    assert seen == list(dealt)


def test_the_pairs_with_the_fewest_answers_come_first(study, ledger, give, dealt):
    pairs = pairs_of(study)
    once = list(dealt)[:3]
    for pair in once:
        give(ledger, "ben", pairs[pair])
    assert place_of("ann", dealt, ledger.entries(), 2).open == (*list(dealt)[3:], *once)


def test_a_pair_with_enough_answers_is_not_offered(study, ledger, give, dealt):
    enough = next(iter(dealt))
    give(ledger, "ben", pairs_of(study)[enough])
    assert enough not in place_of("ann", dealt, ledger.entries(), 1).open
    assert enough in place_of("ann", dealt, ledger.entries(), 2).open


def test_what_was_taken_back_comes_first_and_the_latest_of_it_at_the_front(study, ledger, give, dealt):
    one, two, *_ = dealt
    entries = [give(ledger, "ann", pairs_of(study)[pair]) for pair in (one, two)]
    assert place_of("ann", dealt, ledger.entries(), 1).last == entries[1]
    ledger.undo("ann", entries[0].id)
    ledger.undo("ann", entries[1].id)
    place = place_of("ann", dealt, ledger.entries(), 1)
    assert place.open[:2] == (two, one)
    assert place.last is None


def test_answers_in_another_study_are_not_asked_again_and_do_not_count_here_otherwise(
    study, ledger, give, dealt, make_comparison
):
    give(ledger, "ann", make_comparison(99))  # only there
    give(ledger, "ann", study.comparisons[0].swapped())  # there with the other sides, and here
    place = place_of("ann", dealt, ledger.entries(), 1)
    assert (place.answered, place.total) == (1, 6)
