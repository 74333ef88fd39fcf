"""Strengths: two peers' on the same data, and what is said where there are none."""

import csv

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.stats.bootstrap import Bootstrap
from handful.stats.bradley_terry import bradley_terry, davidson, ranking, tables

QUICK = Bootstrap(draws=200)
GOT = {"X": 1.0, "Y": 0.0, "Draw": 0.5}


def votes(count=400, seed=0, strengths=(1.0, 0.3, -0.4, -0.9), nu=0.7):
    """Matches of four systems whose strengths are known, with ties by Davidson's model."""
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        a, b = rng.choice(4, 2, replace=False)
        weights = np.exp([strengths[a], strengths[b], (strengths[a] + strengths[b]) / 2])
        chances = weights * [1, 1, nu]
        got = rng.choice([1.0, 0.0, 0.5], p=chances / chances.sum())
        found.append((f"p{number % 80}", f"s{a}", f"s{b}", float(got)))
    return found


def test_it_is_evalicas_and_choixs():
    matches = votes()
    found = {row.system: row.strength.estimate for row in ranking("j", "", matches, QUICK).strengths}
    winners = [
        {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}[m[3]] for m in matches
    ]
    theirs = np.log(evalica.bradley_terry([m[1] for m in matches], [m[2] for m in matches], winners).scores)
    theirs -= theirs.mean()
    for system, strength in found.items():
        assert strength == pytest.approx(theirs[system], abs=1e-5)
    wins, _ = tables([f"s{n}" for n in range(4)], matches)
    again = choix.ilsr_pairwise_dense(wins)
    assert [found[f"s{n}"] for n in range(4)] == pytest.approx(list(again - again.mean()), abs=1e-5)


def test_many_tables_at_once_are_each_of_them_alone():
    rng = np.random.default_rng(1)
    stack = rng.integers(1, 20, (6, 5, 5)).astype(float) * (1 - np.eye(5))
    together = bradley_terry(stack)
    for table, strengths in zip(stack, together, strict=True):
        assert bradley_terry(table) == pytest.approx(strengths)


def test_intervals_hold_the_truth_in_nineteen_studies_of_twenty():
    truth, hits, asked = np.array([1.0, 0.3, -0.4, -0.9]), 0, 0
    expected = dict(zip(["s0", "s1", "s2", "s3"], truth - truth.mean(), strict=True))
    for seed in range(60):
        for row in ranking("j", "", votes(400, seed, nu=1e-9), Bootstrap(draws=200, seed=seed)).strengths:
            hits += row.strength.low <= expected[row.system] <= row.strength.high
            asked += 1
    assert 0.91 <= hits / asked <= 0.98


def test_davidson_finds_the_share_of_ties_that_made_the_votes():
    wins, ties = tables([f"s{n}" for n in range(4)], votes(20_000))
    strengths, nu = davidson(wins - ties / 2, ties)
    assert nu == pytest.approx(0.7, abs=0.05)
    assert strengths == pytest.approx([1.0, 0.3, -0.4, -0.9], abs=0.07)
    assert davidson(wins, np.zeros((4, 4)))[1] == 0.0


def test_two_systems_have_the_log_odds_of_their_rate():
    found = ranking("j", "", [(f"p{n}", "a", "b", float(n % 4 > 0)) for n in range(40)], QUICK)
    assert found.strengths[0].strength.estimate == pytest.approx(np.log(3) / 2)
    assert [row.system for row in found.strengths] == ["a", "b"]


@pytest.mark.parametrize(
    ("matches", "words"),
    [
        (
            [("p", "a", "b", 1.0), ("p", "b", "a", 1.0), ("q", "c", "d", 0.5)],
            "no comparison joins [a, b] with [c, d]",
        ),
        (
            [("p", "a", "b", 1.0), ("q", "b", "c", 1.0), ("r", "c", "b", 1.0)],
            "[a] never lost to, or tied with",
        ),
        ([], "fewer than two systems"),
    ],
)
def test_where_there_is_no_scale_words_say_so_and_no_number_does(matches, words):
    found = ranking("j", "", matches, QUICK)
    assert words in found.words
    assert all(row.strength.estimate is None for row in found.strengths)


def test_a_hair_from_separation_there_is_an_estimate_without_bounds():
    matches = [(f"p{n}", "a", "b", 1.0) for n in range(15)] + [("q", "a", "b", 0.0)]
    found = ranking("j", "", [*matches, ("r", "b", "c", 1.0), ("s", "b", "c", 0.0)], QUICK)
    assert found.strengths[0].strength.estimate is not None
    assert (found.strengths[0].strength.low, "no interval" in found.strengths[0].strength.note) == (
        None,
        True,
    )


def test_all_ties_are_no_certainty():
    found = ranking("j", "", [(f"p{n}", "a", "b", 0.5) for n in range(20)], QUICK)
    assert (found.strengths[0].strength.estimate, found.strengths[0].strength.low) == (0, None)
    assert found.tie_parameter is None


@pytest.mark.parametrize("seed", range(4))
def test_nor_are_they_in_a_tournament_of_many(seed):
    """Rounding of the fit must not pass for an interval of no width."""
    rng = np.random.default_rng(seed)
    pairs = [rng.choice(6, 2, replace=False) for _ in range(40)]
    found = ranking("j", "", [(f"p{n}", f"s{a}", f"s{b}", 0.5) for n, (a, b) in enumerate(pairs)], QUICK)
    for row in found.strengths:
        assert (row.strength.low, row.strength.high) == (None, None)
        assert "no interval" in row.strength.note


def test_four_prompts_bound_no_strength():
    found = ranking("j", "", [(f"p{n}", "a", "b", float(n % 2)) for n in range(4)], QUICK)
    assert (found.strengths[0].strength.low, found.strengths[0].strength.note) == (
        None,
        "4 prompts give no interval",
    )


@given(st.permutations(range(60)))
@settings(max_examples=15, deadline=None)
def test_the_order_of_votes_changes_no_estimate_and_swapping_sides_none(order):
    matches = votes(60, 4)
    turned = [(p, b, a, 1 - got) for p, a, b, got in (matches[n] for n in order)]
    one = {r.system: r.strength.estimate for r in ranking("j", "", matches, QUICK).strengths}
    two = {r.system: r.strength.estimate for r in ranking("j", "", turned, QUICK).strengths}
    assert one == pytest.approx(two)


def test_eight_thousand_real_votes(shared_data):
    """Golden scores of evalica on llmfao's crowd votes."""
    with (shared_data / "eval/llmfao/crowd-comparisons.csv").open() as file:
        worth = {"left": 1.0, "right": 0.0, "tie": 0.5}
        matches = [(v["prompt"], v["left"], v["right"], worth[v["winner"]]) for v in csv.DictReader(file)]
    systems = list(dict.fromkeys(name for m in matches for name in m[1:3]))
    found = dict(zip(systems, bradley_terry(tables(systems, matches)[0]), strict=True))
    with (shared_data / "eval/llmfao/evalica-golden.csv").open() as file:
        rows = list(csv.DictReader(file))
    golden = {r["item"]: np.log(float(r["score"])) for r in rows if r["algorithm"] == "bradley_terry"}
    centre = np.mean(list(golden.values()))
    assert len(golden) == 59
    assert max(abs(found[name] - (value - centre)) for name, value in golden.items()) < 1e-6
