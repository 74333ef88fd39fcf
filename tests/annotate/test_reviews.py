"""Reviews of the curation desk on the ledger: a chain a person and text, in SQLite and PostgreSQL alike."""

from contextlib import closing

import pytest

from handful.annotate.ledger import open_ledger
from handful.annotate.reviews import Reviews, Text
from handful.core.types import Turn

SEEN = "a" * 64
TEXT = Text((Turn("user", "Why?"), Turn("assistant", "é “so” \\ \n.")), "Anna", "CC0", ("own",))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    target = (
        tmp_path / "desk.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    with closing(open_ledger(target, serve=True)) as opened:
        yield opened


def test_what_stands_is_read_back_as_it_was_written(ledger):
    reviews = Reviews(ledger)
    made = reviews.record("anna", "q/1", SEEN, "edit", reason="why", tags=("a", "b"), text=TEXT, nonce="n")
    assert reviews.of("q/1") == Reviews(ledger).of("q/1") == {"anna": made}
    assert (made.decision, made.reason, made.tags, made.text) == ("edit", "why", ("a", "b"), TEXT)
    assert made.at


def test_a_later_row_supersedes_and_one_without_a_decision_takes_back(ledger):
    reviews = Reviews(ledger)
    reviews.record("anna", "q/1", SEEN, "accept")
    reviews.record("ben", "q/1", SEEN, "reject")
    reviews.record("anna", "q/1", SEEN, "reject")
    for found in (reviews, Reviews(ledger)):
        assert {person: review.decision for person, review in found.of("q/1").items()} == {
            "anna": "reject",
            "ben": "reject",
        }
    reviews.record("anna", "q/1", SEEN, None)
    for found in (reviews, Reviews(ledger)):
        assert list(found.of("q/1")) == ["ben"]
        assert found.last_of("anna") is None
        assert found.candidates() == ["q/1"]
    assert [row.supersedes for row in ledger.rows("reviews")] == [None, None, 1, 3]


def test_the_same_form_twice_is_one_row(ledger):
    reviews = Reviews(ledger)
    first = reviews.record("anna", "q/1", SEEN, "accept", nonce="n")
    assert reviews.record("anna", "q/1", SEEN, "reject", nonce="n") == first
    assert Reviews(ledger).sent("n") == first
    assert len(ledger.rows("reviews")) == 1


def test_two_that_write_behind_the_same_row_leave_one_chain(ledger):
    one, two = Reviews(ledger), Reviews(ledger)
    made = one.record("anna", "q/1", SEEN, "accept")
    assert two.record("anna", "q/1", SEEN, "reject") == made  # it learns what stands, and adds nothing
    assert len(ledger.rows("reviews")) == 1
