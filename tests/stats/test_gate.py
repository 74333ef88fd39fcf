"""A judge on labelled pairs: figures by hand, real judges, and the words that follow."""

import csv
import gzip

import pytest

from handful.core.types import Verdict
from handful.stats.bootstrap import Bootstrap
from handful.stats.gate import Label, gate, truths
from handful.stats.readings import annotator
from handful.stats.trust import trust

QUICK = Bootstrap(draws=300)


def said(*pairs):
    verdicts = []
    for number, (forward, swapped) in enumerate(pairs):
        verdicts += [
            Verdict(f"g{number}", "j", forward),
            Verdict(f"g{number}", "j", swapped, "swapped"),
        ]
    return verdicts


def labels(*choices, **rest):
    return [Label(f"g{n}", f"prompt {n}", choice, **rest) for n, choice in enumerate(choices)]


PAIRS = [("left", "left"), ("right", "right"), ("left", "right"), (None, "left"), ("right", "right")]
TRUTH = labels("left", "right", "left", "left", "tie")


def test_by_hand():
    found = gate("j", "robust", said(*PAIRS), TRUTH, QUICK)
    assert (found.pairs, found.read, found.unreadable) == (5, 4, 1)
    assert found.accuracy.estimate == 2 / 4  # the pair whose orders differ is a tie, and the label is not
    assert found.accuracy_tie_discounted.estimate == (1 + 1 + 0.5 + 0.5) / 4
    assert found.accuracy_each_order.estimate == pytest.approx(6 / 9)
    assert found.accuracy_when_steady.estimate == pytest.approx(2 / 3)
    assert found.flipped.estimate == 1 / 4
    assert found.always == 2 / 4
    assert not found.passed


def test_kappa_by_hand():
    found = gate("j", "robust", said(*PAIRS), TRUTH, QUICK)
    # readings left, right, tie, right against left, right, left, tie: chance (1*2 + 2*1 + 1*1) / 16
    assert found.kappa.estimate == pytest.approx((2 / 4 - 5 / 16) / (1 - 5 / 16))
    assert found.chance == pytest.approx(5 / 16)


def test_several_people_are_a_majority_and_are_measured_too():
    several = [
        Label("g0", "p", "left", annotator="ann"),
        Label("g0", "p", "left", annotator="bob"),
        Label("g0", "p", "right", annotator="cat"),
        Label("g1", "q", "left", annotator="ann"),
        Label("g1", "q", "right", annotator="bob"),
    ]
    assert truths(several) == {"g0": "left", "g1": "tie"}
    found = gate("j", "robust", said(("left", "left"), ("tie", "tie")), several, QUICK)
    assert found.accuracy.estimate == 1
    assert found.people.estimate == 1 / 4
    assert gate("j", "robust", said(*PAIRS), TRUTH, QUICK).people is None


def test_groups_of_pairs_are_shown_apart():
    mixed = [*labels("left", "left", group="easy"), Label("g2", "prompt 2", "right", "hard")]
    found = gate("j", "", said(("left", "left"), ("left", "left"), ("left", "left")), mixed, QUICK)
    assert {name: row.estimate for name, row in found.by_group.items()} == {"easy": 1, "hard": 0}


def test_a_judge_that_passes_is_validated_and_the_words_give_the_figures():
    sides = ["left", "right"] * 15
    verdicts = [
        Verdict(f"c{n}", "j", side, order) for n, side in enumerate(sides) for order in ("forward", "swapped")
    ]
    judge = annotator("j", "model", verdicts, [f"c{n}" for n in range(30)], "robust")
    passed = gate("j", "robust", said(*zip(sides, sides, strict=True)), labels(*sides), QUICK)
    prompts = {f"c{n}": f"p{n}" for n in range(30)}
    found = trust(judge, prompts, 0, None, QUICK, gate=passed)
    assert found.grade == "validated"
    assert "On 30 labelled pairs of the gate it is right in 100%" in " ".join(found.words)
    failed = gate("j", "robust", said(*zip(sides, sides, strict=True)), labels(*(["left"] * 30)), QUICK)
    assert trust(judge, prompts, 0, None, QUICK, gate=failed).grade == "unproven"
    without = trust(judge, prompts, 0, None, QUICK)
    assert without.gate_accuracy is None
    assert "not validated" in without.words[-1]


def test_a_gate_on_which_nothing_could_be_read_validates_nobody():
    found = gate("j", "robust", said((None, None)), labels("left"), QUICK)
    assert (found.read, found.accuracy.estimate, found.kappa.estimate, found.passed) == (0, None, None, False)


@pytest.mark.parametrize(
    ("evaluator", "accuracy", "flips", "steady"),
    [("GPT-4", 0.845, 0.072, 0.871), ("PaLM2", 0.698, 0.284, 0.783), ("ChatGPT", 0.400, 0.341, 0.348)],
)
def test_real_judges_on_experts_labels(shared_data, evaluator, accuracy, flips, steady):
    """LLMBar, prompt "Vanilla": the figures were computed once by another program."""
    with gzip.open(shared_data / "eval/llmbar/evaluator_labels.csv.gz", "rt") as file:
        rows = [r for r in csv.DictReader(file) if (r["evaluator"], r["prompt"]) == (evaluator, "Vanilla")]
    side = {"1": "left", "2": "right"}
    pairs = [(side.get(r["winner_order1"]), side.get(r["winner_order2"])) for r in rows]
    found = gate("j", "", said(*pairs), labels(*(side[r["gold"]] for r in rows)), QUICK)
    readable = sum(choice is not None for pair in pairs for choice in pair) / (2 * len(pairs))
    assert found.accuracy_each_order.estimate * readable == pytest.approx(
        accuracy, abs=0.001
    )  # theirs: wrong
    assert found.flipped.estimate == pytest.approx(flips, abs=0.008)
    assert found.accuracy_when_steady.estimate == pytest.approx(steady, abs=0.004)
    assert found.passed == (evaluator != "ChatGPT")
