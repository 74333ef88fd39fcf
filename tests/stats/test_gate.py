"""A judge on labelled pairs: figures by hand, real judges, and the words that follow."""

import csv
import gzip

import numpy as np
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
    assert found.failed == (evaluator == "ChatGPT")
    right = sum(a == b == side[r["gold"]] for (a, b), r in zip(pairs, rows, strict=True))
    assert found.accuracy_all.estimate == pytest.approx(right / len(rows))


def test_accuracy_of_all_counts_what_could_not_be_read_as_wrong():
    found = gate("j", "robust", said(*PAIRS), TRUTH, QUICK)
    assert (found.accuracy.estimate, found.accuracy.n) == (2 / 4, 4)
    assert (found.accuracy_all.estimate, found.accuracy_all.n) == (2 / 5, 5)
    some = gate("j", "robust", said(*PAIRS[:2]), TRUTH, QUICK)
    assert (some.accuracy_all.estimate, some.missing) == (
        1,
        3,
    )  # what was never asked is no error of the judge


def test_the_right_side_by_hand():
    """Of nine readable verdicts two are on the pair that people call a tie: two of the other seven are wrong."""
    pairs = [("left", "left"), ("right", "right"), ("left", "right"), (None, "right"), ("right", "right")]
    found = gate("j", "robust", said(*pairs), TRUTH, QUICK)
    assert found.right_side.estimate == pytest.approx(5 / 7)


def coin(count, seed, right=0.5):
    """A judge that is right so often in each order, on labels of which nine in ten are the left."""
    rng = np.random.default_rng(seed)
    truth = ["left" if rng.random() < 0.9 else "right" for _ in range(count)]
    other = {"left": "right", "right": "left"}
    pairs = [tuple(side if rng.random() < right else other[side] for _ in range(2)) for side in truth]
    return gate("j", "robust", said(*pairs), labels(*truth), Bootstrap(draws=200, seed=seed))


def test_who_guesses_fails_a_large_gate_whichever_side_the_labels_favour():
    assert sum(coin(400, seed).failed for seed in range(20)) >= 17
    assert not any(coin(400, seed, right=0.65).failed for seed in range(20))
    assert not any(coin(9, seed, right=0.0).failed for seed in range(5))


def test_fewer_than_ten_pairs_pass_nobody():
    sides = ["left", "right", "tie"] * 3
    found = gate("j", "robust", said(*zip(sides, sides, strict=True)), labels(*sides), QUICK)
    assert (found.accuracy.estimate, found.passed, found.failed) == (1, False, False)


def in_one_order(count=20):
    """A judge that the study asked once of each comparison, as people are."""
    ids = [f"c{n}" for n in range(count)]
    verdicts = [
        Verdict(id, "j", ("left", "right")[n % 2], ("forward", "swapped")[n // 2 % 2])
        for n, id in enumerate(ids)
    ]
    return annotator("j", "model", verdicts, ids, "lima"), {id: id for id in ids}


def test_a_judge_asked_in_one_order_is_known_by_its_flips_on_the_gate():
    judge, prompts = in_one_order()
    always_first = [("left", "right")] * 8 + [("left", "left"), ("right", "right")]
    truth = ["left", "right"] * 5
    found = trust(
        judge, prompts, 0, None, QUICK, gate=gate("j", "lima", said(*always_first), labels(*truth), QUICK)
    )
    assert found.flipped.estimate is None
    assert found.gate_flipped.estimate == 0.8
    assert (found.grade, found.flags) == ("no", ("flips",))
    assert found.words[0] == (
        "Do not trust this judge: on the gate, shown the same two answers in the other order, it changed its mind in "
        "80% of cases (n = 10 prompts)."
    )


def test_flips_on_the_gate_that_settle_nothing_are_told_as_the_gates():
    judge, prompts = in_one_order()
    pairs = [("left", "right")] * 5 + [("left", "left")] * 5
    found = trust(
        judge,
        prompts,
        0,
        None,
        QUICK,
        gate=gate("j", "lima", said(*pairs), labels(*["left", "right"] * 5), QUICK),
    )
    assert found.grade == "unproven"
    assert found.words[0] == (
        "The study asked it in one order only. On the gate: shown the same two answers in the other order, it changed "
        "its mind in 50% of cases (n = 10 prompts): that is not enough to call it steady."
    )


def test_a_judge_that_guesses_on_the_gate_is_not_to_be_trusted():
    judge, prompts = in_one_order()
    sides = ["left", "right"] * 200
    wrong_half = [
        side if n % 4 < 2 else {"left": "right", "right": "left"}[side] for n, side in enumerate(sides)
    ]
    steady_and_random = gate(
        "j", "lima", said(*zip(wrong_half, wrong_half, strict=True)), labels(*sides), QUICK
    )
    found = trust(judge, prompts, 0, None, QUICK, gate=steady_and_random)
    assert (found.grade, found.flags) == ("no", ("gate",))
    assert "chose the side that people chose in 50% of its decisions (n = 400 prompts)" in found.words[0]
