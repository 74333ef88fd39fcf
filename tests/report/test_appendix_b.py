"""Figure 9: what it draws, and which way its sign goes."""

from math import log
from xml.etree import ElementTree

import pytest

from handful.core.types import Interval
from handful.report.appendix_b import correlation, figure_9
from handful.report.facts import Facts, StepFacts
from handful.report.page import Text


def of(recipe, perplexities, grades, chosen=3):
    return Facts(
        recipe=recipe,
        steps={"choose": StepFacts("k", {"epoch": chosen, "by": "judge"})},
        epochs=[{"epoch": n, "step": 10 * n, "dev_loss": log(p)} for n, p in enumerate(perplexities)],
        choice={
            "epochs": [
                {"epoch": n, "grade": Interval(g, g - 0.1, g + 0.1, 50)}
                for n, g in enumerate(grades)
                if g is not None
            ]
        },
    )


def test_as_in_the_paper_perplexity_and_quality_both_rise(recipe):
    figure = figure_9(of(recipe, [6, 7, 8, 10], [None, 3.9, 4.0, 4.1]))
    assert "over 3 epochs: +0.98" in figure.caption
    assert "the higher the perplexity, the better the answers were graded" in figure.caption
    assert "The dashed line is epoch 3" in figure.caption
    tree = ElementTree.fromstring(figure.svg)
    lines = [e.get("points").split() for e in tree.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(points) for points in lines] == [4, 3]
    assert [row["perplexity"] for row in figure.data] == pytest.approx([6, 7, 8, 10])


def test_the_other_sign_is_named_as_well(recipe):
    figure = figure_9(of(recipe, [9, 8, 7, 6], [3.0, 3.5, 3.9, 4.2]))
    assert "the lower the perplexity, the better" in figure.caption


def test_without_grades_perplexity_stands_alone(recipe):
    figure = figure_9(of(recipe, [9, 8, 7], [None, None, None]))
    assert "No judge graded the epochs" in figure.caption


def test_without_a_dev_set_there_is_nothing_to_draw(recipe):
    facts = Facts(recipe=recipe, epochs=[{"epoch": 1, "step": 4, "dev_loss": None}])
    assert isinstance(figure_9(facts), Text)


def test_a_correlation_needs_something_that_varies():
    assert correlation([(1, 2), (2, 4), (3, 6)]) == pytest.approx(1)
    assert correlation([(1, 2), (2, 1), (3, 0)]) == pytest.approx(-1)
    assert correlation([(1, 2), (1, 3)]) is None
