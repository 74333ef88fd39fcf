"""Picks as rows of the ledger: a chain for each person and prompt, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from handful.annotate.picks import Picks, Said

FIVE, SIX = Said((5,)), Said((6,), "clearer")
pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def test_a_pick_stands_until_it_is_taken_back(ledger):
    picks = Picks(ledger)
    assert picks.head("ann", "dev/1") == 0
    assert picks.add("ann", "dev/1", "seen", FIVE, 0)
    first = picks.standing("ann", "dev/1", "seen")
    assert (first.said, first.id) == (FIVE, picks.head("ann", "dev/1"))
    assert picks.add("ann", "dev/1", "seen", None, first.id)
    assert picks.standing("ann", "dev/1", "seen") is None
    assert picks.add("ann", "dev/1", "seen", SIX, picks.head("ann", "dev/1"))
    assert picks.standing("ann", "dev/1", "seen").said == SIX
    assert [row.said for row in picks.every()] == [FIVE, None, SIX]  # nothing is lost


def test_a_form_sent_twice_is_stored_once(ledger):
    picks = Picks(ledger)
    assert picks.add("ann", "dev/1", "seen", FIVE, 0)
    assert not picks.add("ann", "dev/1", "seen", FIVE, 0)
    assert not picks.add("ann", "dev/1", "seen", SIX, 0)
    assert [row.said for row in picks.every()] == [FIVE]


def test_of_many_at_once_one_is_stored(ledger):
    picks = Picks(ledger)
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda _: picks.add("ann", "dev/1", "seen", FIVE, 0), range(16)))
    assert sum(stored) == 1
    assert len(ledger.rows("picks")) == 1


def test_what_was_picked_is_there_after_a_restart(ledger):
    assert Picks(ledger).add("ann", "dev/1", "seen", SIX, 0)
    again = Picks(ledger)
    assert again.standing("ann", "dev/1", "seen").said == SIX
    assert not again.add("ann", "dev/1", "seen", FIVE, 0)


def test_another_training_asks_anew_and_takes_nothing_from_the_first(ledger):
    picks = Picks(ledger)
    assert picks.add("ann", "dev/1", "of one training", FIVE, 0)
    assert picks.standing("ann", "dev/1", "of another") is None
    assert picks.add("ann", "dev/1", "of another", SIX, picks.head("ann", "dev/1"))
    assert picks.standing("ann", "dev/1", "of one training").said == FIVE
    assert picks.standing("ann", "dev/1", "of another").said == SIX


def test_people_and_prompts_do_not_meet(ledger):
    picks = Picks(ledger)
    assert all(picks.add(who, id, "seen", FIVE, 0) for who in ("ann", "ben") for id in ("dev/1", "dev/2"))
    assert len(list(picks.every())) == 4
