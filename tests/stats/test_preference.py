"""Win, tie and loss: the paper's figure from counts, the sign test against a peer, and what is left out."""

import msgspec
import pytest
from scipy.stats import binomtest

from handful.core.types import Seal, Verdict
from handful.stats.bootstrap import Bootstrap
from handful.stats.preference import adjust, preferences, sign_test
from handful.stats.readings import annotator, pairs_of

QUICK = Bootstrap(draws=300)


def study(outcomes, baseline="base"):
    """Seals and one judge's verdicts with these outcomes for "tuned"; its side alternates."""
    seals, verdicts = [], []
    for n, result in enumerate(outcomes):
        left = n % 2 == 0
        seals.append(Seal(f"{baseline}{n}", f"p{n}", *(("tuned", baseline) if left else (baseline, "tuned"))))
        side = {"tie": "tie", "win": "left" if left else "right", "loss": "right" if left else "left"}
        verdicts.append(Verdict(f"{baseline}{n}", "j", side.get(result)))
    return seals, verdicts


def judged(outcomes):
    seals, verdicts = study(outcomes)
    judge = annotator("j", "model", verdicts, [s.comparison_id for s in seals])
    return preferences([judge], pairs_of(seals, [("tuned", "base")]), QUICK)[0]


def test_the_papers_figure_1_row_against_alpaca():
    """53, 21 and 26 of a hundred; the paper's headline of 74% counts ties as success."""
    found = judged(["win"] * 159 + ["tie"] * 63 + ["loss"] * 78)
    rates = (found.win, found.tie, found.loss, found.at_least_as_good, found.ties_as_half, found.net)
    assert [round(100 * r.estimate, 1) for r in rates] == [53, 21, 26, 74, 63.5, 27]
    assert found.win.n == 300
    assert found.win.low == pytest.approx(0.53 - 1.96 * (0.53 * 0.47 / 300) ** 0.5, abs=0.012)
    assert found.net.low > 0


def test_unreadable_verdicts_are_counted_and_in_no_rate():
    found = judged(["win", "loss", "unreadable", "win"])
    assert (found.unreadable, found.comparisons, found.win.n) == (1, 4, 3)
    assert found.win.estimate == pytest.approx(2 / 3)


def test_without_a_readable_verdict_there_is_no_rate_at_all():
    found = judged(["unreadable"] * 5)
    assert (found.win.estimate, found.win.low, found.p_value) == (None, None, None)
    assert (found.unreadable, found.wins) == (5, 0)


def test_flipped_comparisons_are_ties_by_rule():
    seals, forward = study(["win", "win"])
    swapped = [
        Verdict(forward[0].comparison_id, "j", "left", "swapped"),
        Verdict(forward[1].comparison_id, "j", "left", "swapped"),
    ]
    judge = annotator("j", "model", forward + swapped, [s.comparison_id for s in seals])
    found = preferences([judge], pairs_of(seals, [("tuned", "base")]), QUICK)[0]
    assert (found.wins, found.ties, found.flipped) == (1, 1, 1)


def test_people_are_pooled_and_shown_one_by_one():
    seals, verdicts = study(["win", "win", "loss"])
    ids = [s.comparison_id for s in seals]
    ann = annotator("ann", "person", verdicts[:2], ids)
    bob = annotator("bob", "person", verdicts[1:], ids)
    found = preferences([ann, bob], pairs_of(seals, [("tuned", "base")]), QUICK)
    assert [(p.judge, p.wins, p.losses) for p in found] == [
        ("all people", 3, 1),
        ("ann", 2, 0),
        ("bob", 1, 1),
    ]
    assert found[0].win.n == 3  # prompts, of four verdicts
    assert found[0].missing == 0


@pytest.mark.parametrize(("wins", "losses"), [(0, 1), (3, 3), (8, 1), (0, 9), (120, 90)])
def test_the_sign_test_is_scipys(wins, losses):
    outcomes = ["win"] * wins + ["loss"] * losses + ["tie"] * 4
    rows = [(str(n), result) for n, result in enumerate(outcomes)]
    assert sign_test(rows) == pytest.approx(binomtest(wins, wins + losses).pvalue)


def test_the_sign_test_counts_a_prompt_once():
    assert sign_test([("p", "win")] * 10) == 1.0
    assert sign_test([("p", "win"), ("p", "loss")]) is None


def test_holm_adjusts_for_the_number_of_baselines():
    base = judged(["win"])
    rows = [msgspec.structs.replace(base, p_value=p) for p in (0.01, 0.04, 0.03)]
    assert [p.p_holm for p in adjust(rows)] == [pytest.approx(p) for p in (0.03, 0.06, 0.06)]
