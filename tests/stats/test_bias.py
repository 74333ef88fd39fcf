"""Judges with a planted taste are flagged, and fair ones are not: many simulated studies of each."""

import numpy as np
import pytest

from handful.core.types import Comparison, Turn, Verdict
from handful.stats.bootstrap import Bootstrap
from handful.stats.lengths import length_bias
from handful.stats.readings import annotator
from handful.stats.trust import trust

TEXTS = ["x" * n for n in range(1, 60)]


def examine(count, seed, place=0.0, taste=0.0, mode="robust"):
    """A judge whose log-odds for the left are the (drawn) quality, plus `place` for what is shown first and `taste` for
    what is longer. A fair one has neither; half of what it says is noise all the same."""
    rng = np.random.default_rng(seed)
    ids, shown, verdicts = [], {}, []
    for n in range(count):
        left, right = rng.choice(59, 2, replace=False)
        id = f"c{n}"
        ids.append(id)
        shown[id] = Comparison(id, f"p{n}", (Turn("user", "?"),), TEXTS[left], TEXTS[right])
        worth = rng.normal(0, 1) + taste * np.sign(left - right)
        orders = ("forward", "swapped") if mode == "robust" else (("forward", "swapped")[n % 2],)
        for order in orders:
            lean = worth + (place if order == "forward" else -place)
            chosen = (
                "tie" if rng.random() < 0.2 else "left" if rng.random() < 1 / (1 + np.exp(-lean)) else "right"
            )
            verdicts.append(Verdict(id, "j", chosen, order))
    judge = annotator("j", "model", verdicts, ids, mode)
    quick = Bootstrap(draws=200, seed=seed)
    bias = length_bias(judge, shown, quick)
    return trust(judge, {id: f"p{id}" for id in ids}, 0, None, quick, bias.longer_chosen)


@pytest.mark.parametrize("mode", ["robust", "lima"])
def test_a_fair_judge_is_rarely_flagged(mode):
    found = [examine(100, seed, mode=mode) for seed in range(150)]
    assert sum("position" in t.flags for t in found) / 150 < 0.05
    assert sum("length" in t.flags for t in found) / 150 < 0.05


def test_a_judge_that_favours_the_first_place_is_flagged():
    found = [examine(100, seed, place=0.8) for seed in range(40)]
    assert sum("position" in t.flags for t in found) >= 38
    assert sum("length" in t.flags for t in found) <= 2


def test_a_judge_that_favours_the_second_place_is_flagged_and_told_so():
    found = examine(200, 0, place=-1.5)
    assert "position" in found.flags
    assert found.grade == "no"
    assert any("the answer shown second" in words for words in found.words)


def test_a_judge_that_favours_length_is_flagged():
    found = [examine(150, seed, taste=1.3) for seed in range(40)]
    assert sum("length" in t.flags for t in found) >= 38
    assert sum("position" in t.flags for t in found) <= 2


def test_a_judge_that_goes_by_length_alone_is_not_to_be_trusted():
    found = examine(100, 0, taste=9)
    assert found.grade == "no"
    assert any("it chose the longer answer" in words for words in found.words)


def test_a_mild_leaning_is_said_and_is_no_reason_to_distrust():
    found = examine(800, 1, place=0.3)
    assert "position" in found.flags
    assert any(
        words.startswith("It leans to a place: it chose the answer shown first in") for words in found.words
    )
