"""From two verdicts to one reading; from sides to the subject's outcome."""

import pytest

from handful.core.types import Seal, Verdict
from handful.stats.readings import annotator, outcome, pairs_of, reading

BOTH = ("forward", "swapped")


@pytest.mark.parametrize(
    ("forward", "swapped", "choice", "status"),
    [
        ("left", "left", "left", "read"),
        ("tie", "tie", "tie", "read"),
        ("left", "right", "tie", "flipped"),
        ("left", "tie", "tie", "flipped"),
        ("left", None, None, "unreadable"),
        (None, "tie", None, "unreadable"),
        (None, None, None, "unreadable"),
    ],
)
def test_two_orders_make_one_reading(forward, swapped, choice, status):
    found = reading({"forward": forward, "swapped": swapped}, BOTH)
    assert (found.choice, found.status) == (choice, status)


def test_a_single_order_is_taken_as_it_is_and_half_an_answer_is_missing():
    assert reading({"swapped": "right"}, ["swapped"]).choice == "right"
    assert reading({"forward": "right"}, BOTH).status == "missing"
    assert reading({}).status == "missing"


def test_a_model_owes_every_comparison_and_a_person_only_those_seen():
    verdict = Verdict("c1", "x", "left")
    assert annotator("x", "model", [verdict], ["c1", "c2"]).readings["c2"].status == "missing"
    assert list(annotator("x", "person", [verdict], ["c1", "c2"]).readings) == ["c1"]


def test_a_persons_last_word_counts():
    changed = [Verdict("c1", "ann", "left"), Verdict("c1", "ann", "tie")]
    assert annotator("ann", "person", changed, ["c1"]).readings["c1"].choice == "tie"


def test_outcome_is_said_of_the_subject_on_either_side():
    seal = Seal("c1", "p1", left="base", right="tuned")
    assert [outcome(c, seal, "tuned") for c in ("left", "right", "tie")] == ["loss", "win", "tie"]
    assert [outcome(c, seal, "base") for c in ("left", "right", "tie")] == ["win", "loss", "tie"]


def test_the_study_names_the_subject():
    seals = [Seal("1", "p", "a", "b"), Seal("2", "q", "b", "a"), Seal("3", "p", "c", "b")]
    found = pairs_of(seals, [("b", "c"), ("b", "a")])
    assert [(p.subject, p.baseline, len(p.seals)) for p in found] == [("b", "c", 1), ("b", "a", 2)]


def test_without_a_name_the_system_in_every_pair_is_the_subject():
    found = pairs_of([Seal("1", "p", "a", "b"), Seal("3", "p", "c", "b")])
    assert {(p.subject, p.baseline) for p in found} == {("b", "a"), ("b", "c")}
    assert pairs_of([]) == []
