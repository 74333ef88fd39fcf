"""Figure 9: what it draws, which way its sign goes, and where it says nothing of a sign."""

from dataclasses import replace
from math import log
from xml.etree import ElementTree

import pytest

from handful.core.types import Interval
from handful.recipe.judging import Choose, LocalJudge
from handful.report.appendix_b import choice_notes, correlation, figure_9
from handful.report.facts import Facts, StepFacts
from handful.report.page import Figure, Text
from handful.report.sections import training

SVG = "{http://www.w3.org/2000/svg}"
PASSED = Interval(0.8, 0.5, 1.1, 50)
FAILED = Interval(0.06, -0.13, 0.27, 50)
PERPLEXITIES, GRADES = [6, 7, 8, 10, 11], [None, 3.9, 4.0, 4.1, 4.3]


def of(recipe, perplexities=PERPLEXITIES, grades=GRADES, n=50, chosen=3, **choice):
    """A training, of whose epochs those that have a grade were graded on `n` prompts."""
    graded = [epoch for epoch, grade in enumerate(grades) if grade is not None]
    given = {"epoch": chosen, "by": "judge", "judge": "a-judge", "control": PASSED}
    given |= {"candidates": graded, "untold": []}
    rows = [{"epoch": e, "grade": Interval(grades[e], grades[e] - 0.1, grades[e] + 0.1, n)} for e in graded]
    return Facts(
        recipe=recipe,
        steps={"choose": StepFacts("k", {"epoch": chosen, "by": "judge"})},
        epochs=[{"epoch": e, "step": 10 * e, "dev_loss": log(p)} for e, p in enumerate(perplexities)],
        choice=given | {"epochs": rows} | choice,
    )


def test_as_in_the_paper_perplexity_and_quality_both_rise(recipe):
    figure = figure_9(of(recipe))
    assert "over 4 epochs: +0.96" in figure.caption
    assert "the higher the perplexity, the better the answers were graded" in figure.caption
    tree = ElementTree.fromstring(figure.svg)
    lines = [e.get("points").split() for e in tree.iter(f"{SVG}polyline")]
    assert [len(points) for points in lines] == [5, 4]
    assert [row["perplexity"] for row in figure.data] == pytest.approx([6, 7, 8, 10, 11])


def test_the_other_sign_is_named_as_well(recipe):
    figure = figure_9(of(recipe, [9, 8, 7, 6], [3.0, 3.5, 3.9, 4.2]))
    assert "the lower the perplexity, the better" in figure.caption


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"perplexities": [6, 7, 8, 10], "grades": [None, 3.9, 4.0, 4.1]},
            "over 3 epochs it would say nothing",
        ),
        ({"n": 9}, "the grades are of 9 prompts, and fewer than 10 show nothing"),
        ({"control": FAILED}, "the judge cannot be seen to tell answers to their own prompts"),
        ({"control": None}, "the judge cannot be seen to tell answers to their own prompts"),
        ({"untold": [1, 2, 4]}, "the grades tell the chosen epoch from no other"),
    ],
)
def test_nothing_is_said_of_a_sign_that_the_grades_cannot_bear(recipe, given, why):
    caption = figure_9(of(recipe, **given)).caption
    assert f"No correlation of perplexity with the grade is given: {why}" in caption
    assert "the better the answers were graded" not in caption
    assert "+0." not in caption


def test_an_epoch_that_is_told_from_some_others_lets_the_sign_be_said(recipe):
    assert "the better the answers were graded" in figure_9(of(recipe, untold=[1, 2])).caption


def test_the_judge_and_the_number_of_prompts_stand_beside_the_figure(recipe):
    figure = figure_9(of(recipe, n=12))
    assert figure.title == "Figure 9: perplexity and quality over epochs, graded by a-judge"
    assert "Mean grade of the answers to 12 dev prompts" in figure.svg
    assert "mean grades over 12 prompts; bars are 95% intervals" in figure.caption


def test_a_cut_scale_of_grades_is_said(recipe):
    assert "The scale of grades is cut: of 1 to 6 it shows 3.6 to 4.4." in figure_9(of(recipe)).caption
    whole = figure_9(of(recipe, grades=[None, 1.1, 3.0, 4.0, 5.9]))
    assert "scale of grades is cut" not in whole.caption


def test_the_mark_of_the_chosen_epoch_hides_no_interval(recipe):
    figure = figure_9(of(recipe))
    assert "The grey band is epoch 3, the one evaluated." in figure.caption
    drawn = [(e.tag.removeprefix(SVG), e.get("class")) for e in ElementTree.fromstring(figure.svg)]
    assert drawn.count(("rect", "tie")) == 2
    assert ("line", "mark") not in drawn
    first, second = (place for place, mark in enumerate(drawn) if mark == ("rect", "tie"))
    marks = ("whisker", "win", "loss", "line line-win", "line line-loss")
    assert not any(kind in marks for _, kind in drawn[:first])
    assert not any(kind in ("whisker", "loss") for _, kind in drawn[:second])


def test_a_local_judges_grades_are_named_as_expected_ones(recipe):
    judged = replace(recipe, choose=Choose(by="judge", judge=LocalJudge(kind="local")))
    assert "mean expected grades (of 1 to 6 by their likelihoods; in the study" in (
        figure_9(of(judged)).caption
    )
    assert "expected" not in figure_9(of(recipe)).caption


def test_what_the_choice_says_against_itself_stands_below_the_figure(recipe):
    noted = ["The grades do not tell epoch 3 from epoch 2 …"]
    blocks = training(of(recipe, notes=noted))
    place = next(n for n, one in enumerate(blocks) if isinstance(one, Figure) and one.name == "figure-9")
    assert blocks[place + 1] == Text(noted, "warning")
    assert choice_notes(of(recipe, notes=[])) is None
    assert choice_notes(of(recipe, notes=noted, by="last")) is None


def test_without_grades_perplexity_stands_alone(recipe):
    figure = figure_9(of(recipe, [9, 8, 7], [None, None, None]))
    assert figure.title == "Figure 9: perplexity and quality over epochs"
    assert "No judge graded the epochs" in figure.caption


def test_without_a_dev_set_there_is_nothing_to_draw(recipe):
    facts = Facts(recipe=recipe, epochs=[{"epoch": 1, "step": 4, "dev_loss": None}])
    assert isinstance(figure_9(facts), Text)


def test_a_correlation_needs_something_that_varies():
    assert correlation([(1, 2), (2, 4), (3, 6)]) == pytest.approx(1)
    assert correlation([(1, 2), (2, 1), (3, 0)]) == pytest.approx(-1)
    assert correlation([(1, 2), (1, 3)]) is None
