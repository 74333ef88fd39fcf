"""The rate at equal length: statsmodels' model, planted effects, and data that give no estimate."""

import numpy as np
import pytest
import statsmodels.api as sm

from handful.core.types import Comparison, Seal, Turn, Verdict
from handful.stats.length_control import controlled_rate, length_control
from handful.stats.readings import Pair, annotator


def planted(count, quality, taste, bias=300.0, seed=0):
    """Rows of a judge that weighs quality (log-odds) and, by `taste`, lengths that are `bias` longer on average."""
    rng = np.random.default_rng(seed)
    differences = rng.normal(bias, 400, count)
    scale = np.sqrt((differences**2).mean())
    chances = 1 / (1 + np.exp(-(quality + taste * np.tanh(differences / scale))))
    wins = (rng.random(count) < chances).astype(float)
    wins[rng.random(count) < 0.2] = 0.5
    return [f"p{n // 2}" for n in range(count)], list(wins), list(differences)


def test_it_is_statsmodels_logistic_model_with_clustered_errors():
    prompts, wins, differences = planted(300, 0.3, 1.0)
    x = np.tanh(np.array(differences) / np.sqrt((np.array(differences) ** 2).mean()))
    groups = np.unique(prompts, return_inverse=True)[1]
    theirs = sm.GLM(wins, sm.add_constant(x), family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    rate, slope, note = controlled_rate(prompts, wins, differences)
    assert rate.estimate == pytest.approx(1 / (1 + np.exp(-theirs.params[0])), abs=1e-8)
    assert slope.estimate == pytest.approx(theirs.params[1], abs=1e-7)
    # theirs has (m - 1) / (m - k) as well, and a normal for our t
    half = theirs.bse[1] * np.sqrt((300 - 2) / 299) * 1.9759 if groups.max() == 149 else 0
    assert (slope.high - slope.low) / 2 == pytest.approx(half, rel=2e-3)
    assert (rate.n, note) == (150, "")


def test_a_taste_for_length_is_taken_out():
    prompts, wins, differences = planted(6000, 0.0, 2.0)
    rate, slope, _ = controlled_rate(prompts, wins, differences)
    assert np.mean(wins) > 0.6
    assert rate.low <= 0.5 <= rate.high
    assert slope.low > 1


def test_without_such_a_taste_nothing_changes():
    prompts, wins, differences = planted(6000, 0.6, 0.0)
    rate, slope, _ = controlled_rate(prompts, wins, differences)
    assert rate.estimate == pytest.approx(np.mean(wins), abs=0.02)
    assert slope.low <= 0 <= slope.high


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "nothing to measure"),
        ([(f"p{n}", 1.0, n) for n in range(5)], "fewer than 10 prompts"),
        ([(f"p{n}", 1.0, n) for n in range(20)], "the same outcome everywhere"),
        ([(f"p{n}", n % 2, 7) for n in range(20)], "the same difference of lengths"),
        ([(f"p{n}", float(n > 10), n - 10) for n in range(20)], "without error: no estimate"),
    ],
)
def test_where_the_data_give_no_estimate_there_is_none(rows, why):
    rate, slope, _ = controlled_rate(*([row[k] for row in rows] for k in range(3)))
    assert (rate.estimate, rate.low, slope.estimate) == (None, None, None)
    assert why in rate.note


def test_equal_length_beyond_the_data_is_said():
    prompts, wins, _ = planted(60, 0.3, 0.0)
    rng = np.random.default_rng(0)
    _, _, note = controlled_rate(prompts, wins, list(rng.uniform(100, 900, 60)))
    assert "equal length is beyond the data" in note


def test_sides_are_the_subjects_whichever_it_stood_on():
    ids = [f"c{n}" for n in range(40)]
    seals = [
        Seal(id, f"p{id}", *(("tuned", "base") if n % 2 else ("base", "tuned"))) for n, id in enumerate(ids)
    ]
    shown = {
        s.comparison_id: Comparison(
            s.comparison_id,
            s.prompt_id,
            (Turn("user", "?"),),
            *("x" * (10 + n % 5) if name == "tuned" else "x" * (8 + n % 3) for name in (s.left, s.right)),
        )
        for n, s in enumerate(seals)
    }
    verdicts = [Verdict(s.comparison_id, "j", "tie" if n % 4 == 0 else "left") for n, s in enumerate(seals)]
    found = length_control(annotator("j", "model", verdicts, ids), Pair("tuned", "base", seals), shown, 0.95)
    assert found.longer == pytest.approx(np.mean([2 + n % 5 - n % 3 for n in range(40)]))
    assert found.plain.estimate == pytest.approx((10 * 0.5 + 20 * 1 + 10 * 0) / 40)
