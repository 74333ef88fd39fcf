"""Several judges as one: majorities by table, effective judges by construction, and panels that are none."""

import numpy as np
import pytest

from handful.core.errors import DataError
from handful.core.types import Verdict
from handful.stats.bootstrap import Bootstrap
from handful.stats.panels import joint, members, panel, seat
from handful.stats.readings import Reading, annotator

QUICK = Bootstrap(draws=400)
SIDES = np.array(["left", "tie", "right"])


def judge(name, choices, mode="robust"):
    ids = [f"c{n}" for n in range(len(choices))]
    verdicts = [Verdict(id, name, c) for id, c in zip(ids, choices, strict=True)]
    return annotator(name, "model", verdicts, ids, mode)


def prompts(count):
    return {f"c{n}": f"p{n}" for n in range(count)}


@pytest.mark.parametrize(
    ("choices", "choice", "status"),
    [
        (["left", "left", "right"], "left", "read"),
        (["tie", "tie", "right"], "tie", "read"),
        (["left", "right", "tie"], "tie", "split"),
        (["left", "right"], "tie", "split"),
        (["left", "left", None], "left", "read"),
        (["left", None, None], None, "unreadable"),
        ([None, None, None], None, "unreadable"),
    ],
)
def test_a_panel_says_what_most_of_its_judges_say(choices, choice, status):
    readings = [Reading(c, "read" if c else "unreadable") for c in choices]
    assert joint(readings) == Reading(choice, status)


def test_what_no_judge_was_asked_is_missing():
    assert joint([Reading(None, "missing")] * 3).status == "missing"


def test_three_copies_of_a_judge_are_one_judge():
    said = list(np.random.default_rng(0).choice(SIDES, 60))
    found = panel("trio", [judge(name, said) for name in "abc"], prompts(60), QUICK)
    assert found.correlation.estimate == pytest.approx(1)
    assert found.effective_judges.estimate == pytest.approx(1)
    assert (found.unanimous.estimate, found.split, found.mode) == (1, 0, "robust")


def test_three_strangers_are_three_judges():
    rng = np.random.default_rng(1)
    found = panel("trio", [judge(n, list(rng.choice(SIDES, 2000))) for n in "abc"], prompts(2000), QUICK)
    assert found.effective_judges.estimate == pytest.approx(3, abs=0.2)
    assert found.correlation.low < 0 < found.correlation.high


def test_the_correlation_is_numpys():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 100)
    own = [np.where(rng.random(100) < 0.6, truth, rng.integers(0, 3, 100)) for _ in range(3)]
    found = panel(
        "trio", [judge(n, list(SIDES[o])) for n, o in zip("abc", own, strict=True)], prompts(100), QUICK
    )
    table = np.corrcoef(own)
    r = (table[0, 1] + table[0, 2] + table[1, 2]) / 3
    assert found.correlation.estimate == pytest.approx(r)
    assert found.effective_judges.estimate == pytest.approx(3 / (1 + 2 * r))
    assert found.correlation.low < r < found.correlation.high


def test_a_seated_panel_is_an_annotator_of_its_own_kind():
    found = seat("trio", [judge("a", ["left"]), judge("b", ["left"]), judge("c", ["right"])])
    assert (found.kind, found.mode, found.readings["c0"].choice) == ("panel", "robust", "left")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["ab", "cd", "xy"], "no judge is called 'xy'"),
        (["ab", "abb"], "did you mean 'ab'"),
        (["ab"], "needs two judges or more"),
        (["ab", "ab"], "each once"),
        (["ab", "plain"], "name one panel a mode"),
    ],
)
def test_a_panel_that_is_none_is_refused(wanted, words):
    judges = [judge("ab", ["left"]), judge("cd", ["left"]), judge("plain", ["left"], "lima")]
    with pytest.raises(DataError, match=words):
        members("trio", wanted, judges)
