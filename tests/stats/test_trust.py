"""Which judges are not to be trusted, and in which words."""

import csv
import gzip

import pytest

from handful.core.types import Interval, Verdict
from handful.stats.agreement import agreement
from handful.stats.bootstrap import Bootstrap
from handful.stats.losses import Grading
from handful.stats.readings import annotator
from handful.stats.trust import always_said, trust

QUICK = Bootstrap(draws=400)
IDS = [f"c{n}" for n in range(20)]
PROMPTS = {id: id.replace("c", "p") for id in IDS}


def judge(*orders):
    """A judge with (forward, swapped) for each comparison."""
    verdicts = []
    for id, (forward, swapped) in zip(IDS, orders, strict=False):
        verdicts += [Verdict(id, "j", forward), Verdict(id, "j", swapped, "swapped")]
    return annotator("j", "model", verdicts, IDS[: len(orders)])


def test_a_judge_that_goes_by_the_place_is_found_out():
    found = trust(judge(*[("left", "right")] * 20), PROMPTS, 0, None, QUICK)
    assert found.first_position.estimate == 1
    assert (found.self_agreement.estimate, found.flipped.estimate) == (0, 1)
    assert (found.always, found.grade) == ("the first shown", "no")
    assert "it chose the first shown every time" in found.words[0]
    assert found.words[1] == (
        "Do not trust this judge: shown the same two answers in the other order it changed its mind "
        "in 100% of cases (n = 20 prompts)."
    )


def test_a_steady_judge_is_still_not_validated():
    found = trust(judge(*[("left", "left"), ("right", "right")] * 10), PROMPTS, 0, None, QUICK)
    assert (found.self_agreement.estimate, found.first_position.estimate) == (1, 0.5)
    assert found.grade == "unproven"
    assert "not validated against people" in found.words[-1]


def test_a_judge_that_always_ties_is_not_to_be_trusted():
    found = trust(judge(*[("tie", "tie")] * 20), PROMPTS, 0, None, QUICK)
    assert (found.always, found.grade) == ("a tie", "no")
    assert found.first_position.estimate is None


def test_always_is_not_said_of_three_comparisons():
    assert always_said(judge(*[("tie", "tie")] * 3)) == ""


def test_unreadable_verdicts_are_a_share_and_a_reason():
    found = trust(judge(*[("left", "left"), (None, "left")] * 10), PROMPTS, 3, None, QUICK)
    assert found.unreadable.estimate == 0.25
    assert found.truncated == 3
    assert any("25% of its verdicts could not be read" in words for words in found.words)


def grading(read):
    return Grading(len(read), tuple(f"p{n}" for n in range(len(read))), tuple(read))


def test_unreadable_grades_are_a_share_of_their_own_and_a_reason():
    steady = judge(*[("left", "left"), ("right", "right")] * 10)
    found = trust(steady, PROMPTS, 0, None, QUICK, grading=grading([False] * 12 + [True] * 4))
    assert (found.grades, found.unreadable_grades.estimate, found.unreadable.estimate) == (16, 0.75, 0)
    assert (found.grade, found.flags) == ("no", ("unreadable_grades",))
    assert found.words[0] == "Do not trust this judge: 75% of its grades could not be read."
    assert trust(steady, PROMPTS, 0, None, QUICK, grading=grading([True] * 16)).grade == "unproven"


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_fewer_than_ten_prompts_show_nothing_of_a_judge_however_bad_or_good(count):
    people = agreement(
        "j", "people", [(f"p{n}", *(["left", "right"][n % 2],) * 2) for n in range(count)], QUICK
    )
    for orders in (("left", "right"), ("tie", "tie"), ("left", "left")):
        found = trust(judge(*[orders] * count), PROMPTS, 0, people, QUICK)
        assert (found.grade, found.flags) == ("unproven", ())
        begins = "One prompt shows" if count == 1 else f"{count} prompts show"
        assert found.words[0] == f"{begins} nothing of a judge: what follows are figures, no findings."
        assert found.words[-1].endswith(f"of {count} prompts: too few to tell.")


def test_a_judge_without_verdicts_has_no_figures():
    found = trust(judge(), PROMPTS, 0, None, QUICK)
    assert (found.verdicts, found.self_agreement, found.grade) == (
        0,
        Interval(None, None, None, 0, note="nothing to measure"),
        "unproven",
    )


def test_a_judge_that_agrees_with_people_beyond_the_baselines_is_validated():
    steady = judge(*[("left", "left"), ("right", "right")] * 10)
    rows = [(f"p{n}", side, side) for n, side in enumerate(["left", "right"] * 10)]
    found = trust(steady, PROMPTS, 0, agreement("j", "people", rows, QUICK), QUICK)
    assert found.grade == "validated"
    doubtful = [(f"p{n}", "left", "left" if n % 2 else "right") for n in range(20)]
    assert trust(steady, PROMPTS, 0, agreement("j", "people", doubtful, QUICK), QUICK).grade == "unproven"


@pytest.mark.parametrize(
    ("evaluator", "self_agreement", "grade"),
    [("GPT-4", 0.928, "unproven"), ("ChatGPT", 0.659, "no"), ("Falcon", 0.415, "no")],
)
def test_real_judges_of_llmbar(shared_data, evaluator, self_agreement, grade):
    """Both orders of 419 real pairs; the shares were computed once from the data by another program."""
    with gzip.open(shared_data / "eval/llmbar/evaluator_labels.csv.gz", "rt") as file:
        rows = [r for r in csv.DictReader(file) if (r["evaluator"], r["prompt"]) == (evaluator, "Vanilla")]
    assert len(rows) == 419
    side = {"1": "left", "2": "right"}
    verdicts, ids = [], []
    for number, row in enumerate(rows):
        id = f"c{number}"
        ids.append(id)
        verdicts += [
            Verdict(id, "j", side.get(row["winner_order1"])),
            Verdict(id, "j", side.get(row["winner_order2"]), "swapped"),
        ]
    found = trust(annotator("j", "model", verdicts, ids), dict(zip(ids, ids, strict=True)), 0, None, QUICK)
    assert found.self_agreement.estimate == pytest.approx(self_agreement, abs=0.002)
    assert found.grade == grade
