"""What was shown names a pair, and an answer is read back as one on the study's own comparison."""

import msgspec
import pytest

from handful.annotate.ledger import Entry, hash_of
from handful.annotate.pairs import Study, arranged, given_of_wanted, pairs_of, shown_hash, verdicts_of
from handful.core.types import Turn


def test_the_sides_do_not_name_a_pair_and_everything_else_shown_does(make_comparison):
    one = make_comparison(1)
    name = shown_hash(one, "Which is better?")
    assert shown_hash(one.swapped(), "Which is better?") == name
    assert shown_hash(msgspec.structs.replace(one, id="other", prompt_id="other"), "Which is better?") == name
    others = [
        shown_hash(one, "Which is worse?"),
        shown_hash(msgspec.structs.replace(one, left="left 2"), "Which is better?"),
        shown_hash(msgspec.structs.replace(one, turns=(Turn("user", "Question 2?"),)), "Which is better?"),
    ]
    assert len({name, *others}) == 4


@pytest.mark.parametrize(
    ("order", "choice", "read"),
    [
        ("forward", "first", "left"),
        ("forward", "second", "right"),
        ("forward", "neither", "tie"),
        ("swapped", "first", "right"),
        ("swapped", "second", "left"),
        ("swapped", "neither", "tie"),
    ],
)
def test_a_choice_among_a_and_b_is_said_of_left_and_right(study, ledger, give, order, choice, read):
    comparison = study.comparisons[0]
    give(ledger, "ann", comparison, choice, order)
    (verdict,) = verdicts_of(study, ledger.entries())
    assert (verdict.comparison_id, verdict.judge, verdict.choice, verdict.order) == ("c0", "ann", read, order)
    preferred = {"first": arranged(comparison, order).left, "second": arranged(comparison, order).right}
    assert preferred.get(choice) == {"left": comparison.left, "right": comparison.right}.get(read)


@pytest.mark.parametrize("order", ["forward", "swapped"])
def test_an_answer_holds_in_a_study_that_draws_the_other_sides(study, ledger, give, order):
    """The person chose a text. Whichever side another study puts it on, the verdict is for that text."""
    asked = study.comparisons[0]
    give(ledger, "ann", asked, "first", order)
    chosen = arranged(asked, order).left
    later = Study((msgspec.structs.replace(asked.swapped(), id="d9"),), study.instructions)
    (verdict,) = verdicts_of(later, ledger.entries())
    assert verdict.comparison_id == "d9"
    assert getattr(later.comparisons[0], verdict.choice) == chosen


def test_one_answer_counts_for_comparisons_that_look_the_same(make_comparison, ledger, give):
    one = make_comparison(1)
    twin = msgspec.structs.replace(one.swapped(), id="twin")
    study = Study((one, twin), "Which is better?")
    assert list(pairs_of(study).values()) == [one]
    give(ledger, "ann", one, "first")
    assert [(v.comparison_id, v.choice) for v in verdicts_of(study, ledger.entries())] == [
        ("c1", "left"),
        ("twin", "right"),
    ]
    assert given_of_wanted(study, ledger.entries(), 1) == (2, 2)


def test_equal_texts_keep_the_order_that_was_shown(make_comparison):
    same = make_comparison(1, "same", "same")
    entry = Entry(1, "", "ann", shown_hash(same, "?"), "c1", "swapped", hash_of("same"), "first")
    (verdict,) = verdicts_of(Study((same,), "?"), [entry])
    assert (verdict.order, verdict.choice) == ("swapped", "right")


def test_too_many_verdicts_on_one_comparison_do_not_make_up_for_another(study, ledger, give):
    for person in ("ann", "ben", "cleo"):
        give(ledger, person, study.comparisons[0])
    give(ledger, "ann", study.comparisons[1])
    assert given_of_wanted(study, ledger.entries(), 2) == (3, 12)


def test_verdicts_come_in_the_studys_order_and_then_by_person(study, ledger, give):
    for person in ("zoe", "ann"):
        for comparison in reversed(study.comparisons):
            give(ledger, person, comparison)
    found = [(v.comparison_id, v.judge) for v in verdicts_of(study, ledger.entries())]
    assert found == [(f"c{n}", person) for n in range(6) for person in ("ann", "zoe")]
