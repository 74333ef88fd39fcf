"""Figures of an epoch's answers, against values worked out by hand."""

import math
from dataclasses import replace

import pytest

from handful.choose.measure import candidates, few_answers, perplexity, repeated, rows
from handful.choose.records import read
from handful.recipe.curation import Dataset
from handful.recipe.judging import Choose, FakeJudge
from handful.recipe.schema import Recipe
from handful.recipe.sources import Authored, Messages
from handful.recipe.training import Train
from handful.recipe.values import ModelRef


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (range(1, 16), [5, 6, 7, 8, 9, 10]),
        (range(1, 8), [5, 6, 7]),
        (range(1, 4), [1, 2, 3]),  # a short training: all that there are
        ([15], [15]),  # train.keep = "last"
    ],
)
def test_candidates_are_the_epochs_5_to_10_as_far_as_there_are_any(there, found):
    assert candidates(list(there), 5, 10) == found


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("one two three", None),
        ("a b c d e", 0.0),
        ("a b c d a b c d", 1 / 5),  # runs: abcd bcda cdab dabc abcd
        ("no no no no no", 1 / 2),
        ("", None),
    ],
)
def test_repeated_is_the_share_of_runs_of_four_words_that_came_before(text, share):
    assert repeated(text) == pytest.approx(share)


def test_perplexity_is_exp_of_the_loss_where_a_float_can_hold_it():
    assert perplexity(2.0) == math.exp(2.0)
    assert perplexity(None) is None
    assert perplexity(1e4) is None


def test_a_row_holds_what_can_be_counted_of_its_epochs_answers(build):
    made = build(
        text=lambda epoch, n: "one two three four" if n else "",
        finish=lambda epoch, n: "length" if n == 3 else "eot",
    )
    table = rows(read(made.inputs["train"], made.inputs["dataset"]), [5, 6])
    row = table[4]
    assert (row.epoch, row.step, row.candidate, row.answers) == (5, 50, True, 4)
    assert row.dev_loss == 2.5
    assert row.perplexity == pytest.approx(12.18249396)
    assert row.eot_rate == 0.75
    assert row.mean_words == 3.0
    assert row.repeated_4grams == 0.0
    assert not table[3].candidate


def test_without_a_dev_set_there_is_nothing_to_measure(build):
    made = build(dev=False)
    row = rows(read(made.inputs["train"], made.inputs["dataset"]), [5])[0]
    assert (row.dev_loss, row.perplexity, row.eot_rate, row.mean_words) == (None, None, None, None)


def recipe(by, dev_samples, dev, split="train"):
    judge = FakeJudge(kind="fake") if by == "judge" else None
    return Recipe(
        name="r",
        sources={"a": Messages(kind="messages", paths=(), split=split)},
        dataset=Dataset(dev=dev),
        train=Train(model=ModelRef("m"), dev_samples=dev_samples),
        choose=Choose(by=by, judge=judge),
    )


def test_a_choice_from_fewer_than_ten_answers_is_doubted():
    assert few_answers(recipe("judge", 4, 50)).startswith(
        "train.dev_samples = 4: a judge is to choose among epochs from answers to so many prompts"
    )
    assert few_answers(recipe("people", 50, 8)).startswith("dataset.dev = 8: people are to choose")
    assert few_answers(recipe("judge", 9, 0, split="dev")).startswith("train.dev_samples = 9:")


@pytest.mark.parametrize(
    "given",
    [
        recipe("judge", 10, 10),
        recipe("people", 50, 0, split="dev"),
        recipe("last", 4, 4),
        recipe("hand", 4, 4),
    ],
)
def test_nothing_is_doubted_of_ten_answers_or_where_nobody_grades(given):
    assert few_answers(given) == ""


@pytest.mark.parametrize(("splits", "doubted"), [((), False), (("train", "dev"), False), (("train",), True)])
def test_the_dev_files_of_an_authored_set_are_answers_to_choose_by(splits, doubted):
    authored = Authored(kind="authored", splits=splits)
    assert bool(few_answers(replace(recipe("judge", 20, 0), sources={"a": authored}))) == doubted
