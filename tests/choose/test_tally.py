"""From picks to an epoch, with figures worked out by hand."""

import itertools
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.choose.offer import offer
from handful.choose.picks import Pick
from handful.choose.tally import tally
from handful.core.types import Turn

EPOCHS = [5, 6, 7]


def offered(count=2, texts=None):
    texts = texts or {epoch: f"Answer {epoch}." for epoch in EPOCHS}
    return [offer(f"dev/{n}", (Turn("user", f"Question {n}?"),), texts) for n in range(count)]


def picks(offers, *lines):
    """A pick for each (person, prompt's number, epochs)."""
    return [Pick(person, offers[n].prompt_id, offers[n].answers, tuple(best)) for person, n, best in lines]


def shares(found):
    return {epoch: share.estimate for epoch, share in found.shares.items()}


def test_a_vote_is_shared_among_what_was_marked_and_each_prompt_counts_the_same():
    offers = offered(2)
    found = tally(
        picks(offers, ("ann", 0, [5]), ("ben", 0, [5, 6]), ("cem", 0, [7]), ("ann", 1, [6])), offers, EPOCHS
    )
    # prompt 0: (1 + 1/2) / 3, (1/2) / 3, 1/3; prompt 1: 0, 1, 0
    assert shares(found) == {
        5: 0.25,
        6: pytest.approx((1 / 6 + 1) / 2, abs=1e-4),
        7: pytest.approx(1 / 6, abs=1e-4),
    }
    assert (found.epoch, found.people, found.picks) == (6, 3, 4)


def test_of_equals_the_earliest_epoch_is_taken():
    offers = offered(2)
    assert tally(picks(offers, ("ann", 0, [7]), ("ann", 1, [6])), offers, EPOCHS).epoch == 6
    assert tally(picks(offers, ("ann", 0, EPOCHS)), offers, EPOCHS).epoch == 5


def test_where_nobody_picked_there_is_nothing_to_say():
    assert tally([], offered(), EPOCHS) is None


def test_prompts_with_one_answer_count_for_all_alike():
    offers = [*offered(1), offer("dev/1", (Turn("user", "?"),), dict.fromkeys(EPOCHS, "The same."))]
    found = tally(picks(offers, ("ann", 0, [5])), offers, EPOCHS)
    assert shares(found) == {
        5: pytest.approx(2 / 3, abs=1e-4),
        6: pytest.approx(1 / 6, abs=1e-4),
        7: pytest.approx(1 / 6, abs=1e-4),
    }
    assert any("To 1 of 2 prompts all candidates answer the same" in note for note in found.notes)


def test_one_mind_on_all_prompts_leaves_no_doubt_and_a_divided_one_does():
    offers = offered(30)
    firm = tally(picks(offers, *(("ann", n, [6]) for n in range(30))), offers, EPOCHS)
    assert firm.shares[6].low == pytest.approx(0.025 ** (1 / 30), abs=1e-4)  # Clopper-Pearson: 30 of 30
    assert (firm.shares[6].high, firm.again, firm.untold, list(firm.notes)) == (1.0, 1.0, [], [])
    torn = tally(picks(offers, *(("ann", n, [EPOCHS[n % 3]]) for n in range(30))), offers, EPOCHS)
    assert torn.again < 0.7
    assert torn.untold == [6, 7]
    assert "do not tell epoch 5 from epochs 6, 7" in torn.notes[0]


def test_the_interval_is_that_of_a_mean_over_prompts():
    """30 prompts, 20 for one epoch: the percentile bootstrap of a share is near p +- 1.96 sqrt(p q / n)."""
    offers = offered(30)
    found = tally(picks(offers, *(("ann", n, [6] if n < 20 else [7]) for n in range(30))), offers, EPOCHS)
    half = 1.96 * (2 / 9 / 30) ** 0.5
    assert found.shares[6].low == pytest.approx(2 / 3 - half, abs=0.02)
    assert found.shares[6].high == pytest.approx(2 / 3 + half, abs=0.02)


def test_readers_of_one_prompt_do_not_make_it_many():
    """A hundred people on two prompts are two prompts."""
    offers = offered(2)
    crowd = [(f"p{n}", prompt, [6] if prompt else [5]) for n in range(100) for prompt in (0, 1)]
    found = tally(picks(offers, *crowd), offers, EPOCHS)
    assert (found.shares[5].low, found.shares[5].high, found.shares[5].n) == (0.0, 1.0, 2)


def test_prompts_that_nobody_read_are_said_and_count_for_nothing():
    offers = offered(25)
    found = tally(picks(offers, ("ann", 0, [7])), offers, EPOCHS)
    assert shares(found) == {5: 0.0, 6: 0.0, 7: 1.0}
    assert any("24 of 25 prompts nobody has read yet" in note for note in found.notes)


def overlap_by_chance(a, b, k):
    """By trying every pair of lists of that length."""
    pairs = itertools.product(itertools.combinations(range(k), a), itertools.combinations(range(k), b))
    return fmean(len(set(x) & set(y)) / max(a, b) for x, y in pairs)


@pytest.mark.parametrize(
    ("ann", "ben", "overlap"),
    [
        ([5], [5], 1.0),
        ([5], [6], 0.0),
        ([5], [5, 6], 0.5),
        ([5, 6], [6, 7], 0.5),
        ([5], EPOCHS, 1 / 3),
        (EPOCHS, EPOCHS, 1.0),
    ],
)
def test_agreement_is_the_overlap_of_two_lists_beside_that_of_chance(ann, ben, overlap):
    offers = offered(1)
    found = tally(picks(offers, ("ann", 0, ann), ("ben", 0, ben)), offers, EPOCHS).agreement
    assert found.overlap.estimate == pytest.approx(overlap, abs=1e-4)
    assert found.by_chance == pytest.approx(overlap_by_chance(len(ann), len(ben), 3), abs=1e-4)
    assert found.pairs == 1


def test_agreement_counts_answers_and_not_epochs():
    """5 and 6 read the same, so whoever marks them marks one answer of two."""
    offers = offered(1, {5: "Same.", 6: "Same.", 7: "Other."})
    found = tally(picks(offers, ("ann", 0, [5, 6]), ("ben", 0, EPOCHS)), offers, EPOCHS).agreement
    assert (found.overlap.estimate, found.by_chance) == (0.5, 0.5)


def test_one_person_alone_agrees_with_nobody():
    offers = offered(2)
    assert tally(picks(offers, ("ann", 0, [5]), ("ben", 1, [5])), offers, EPOCHS).agreement is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.sets(st.sampled_from(EPOCHS), min_size=1)),
        min_size=1,
        unique_by=lambda line: line[:2],
    )
)
def test_shares_sum_to_one_and_the_chosen_has_the_most(lines):
    offers = offered(4)
    found = tally(picks(offers, *((f"p{who}", n, sorted(best)) for n, who, best in lines)), offers, EPOCHS)
    assert sum(shares(found).values()) == pytest.approx(1, abs=1e-3)
    assert shares(found)[found.epoch] == max(shares(found).values())
