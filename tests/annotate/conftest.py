"""A small study, and ledgers that are closed again."""

import pytest

from handful.annotate.ledger import Ledger, hash_of
from handful.annotate.pairs import Study, arranged, shown_hash
from handful.core.types import Comparison, Turn


def comparison(number, left=None, right=None):
    turns = (Turn("user", f"Question {number}?"),)
    return Comparison(f"c{number}", f"p{number}", turns, left or f"left {number}", right or f"right {number}")


@pytest.fixture
def make_comparison():
    return comparison


@pytest.fixture
def study():
    return Study(tuple(comparison(n) for n in range(6)), "Which is better?")


@pytest.fixture
def open_ledger(tmp_path):
    opened = []

    def open_one(name="people.sqlite"):
        opened.append(Ledger(tmp_path / name))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger):
    return open_ledger()


@pytest.fixture
def give(study):
    """Store an answer of `person` to `comparison`, seen in `order`."""

    def give_one(
        ledger, person, comparison, choice="first", order="forward", instructions=study.instructions
    ):
        entry, _ = ledger.record(
            person=person,
            shown=shown_hash(comparison, instructions),
            comparison_id=comparison.id,
            order=order,
            first=hash_of(arranged(comparison, order).left),
            choice=choice,
        )
        return entry

    return give_one
