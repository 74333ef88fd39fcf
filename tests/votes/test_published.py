"""Figures that others published, or computed once on their own, from raw data by the functions of `handful stats`."""

import csv
import gzip
import json
import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from handful.votes.agree import groups_agree
from handful.votes.annotators import annotators
from handful.votes.between import annotators_agree
from handful.votes.ranking import rankings
from handful.votes.rates import rates
from handful.votes.read import read
from handful.votes.readings import readings
from handful.votes.resample import Resampler
from handful.votes.words import words

QUICK = Resampler(draws=1_000)


@pytest.fixture(scope="module")
def data(shared_data):
    return shared_data / "eval"


@pytest.fixture(scope="module")
def expected(data):
    return json.loads((data / "expected.json").read_text())


@pytest.fixture(scope="module")
def crowd(data):
    names = {"prompt_id": "prompt", "annotator": "worker", "choice": "winner"}
    return read([data / "llmfao/crowd-comparisons.csv"], columns=names)


def test_pandalms_annotators(data, expected):
    votes = read([data / "pandalm/testset-v1.json"], "pandalm")
    found = readings(votes)
    rows, left_out = annotators_agree(votes, found, QUICK, 10)
    assert (len(rows), left_out) == (3, 0)
    for row in rows:
        pair = f"{row.first[-1]}-{row.second[-1]}"
        assert row.exact.pairs == 999
        assert row.kappa.estimate == pytest.approx(expected["pandalm"]["cohen_kappa"][pair], abs=1e-4)
        assert round(row.kappa.estimate, 2) == expected["pandalm"]["cohen_kappa"]["published"][pair]
        tie_discounted = expected["pandalm"]["tie_discounted_ours"][pair]
        assert row.tie_discounted.estimate == pytest.approx(tie_discounted, abs=1e-5)
    (group,) = groups_agree(votes, found, QUICK)
    audit = expected["tie_discounted_audit_ours"]["pandalm"]
    assert group.exact.pairs == audit["pairs"]
    assert group.tie_discounted.estimate == pytest.approx(audit["tie_discounted"], abs=1e-4)
    assert group.always_tie == pytest.approx(audit["always_tie_annotator"], abs=1e-3)
    assert group.chance == pytest.approx(audit["chance"], abs=1e-3)
    assert group.alpha.estimate == pytest.approx(audit["alpha_tie_distance"], abs=1e-3)


def test_a_crowds_agreement(crowd, expected):
    (group,) = groups_agree(crowd, readings(crowd), QUICK)
    audit = expected["tie_discounted_audit_ours"]["llmfao_crowd"]
    assert (group.exact.pairs, group.tie_discounted.n) == (audit["pairs"], 13)
    assert group.tie_discounted.estimate == pytest.approx(audit["tie_discounted"], abs=1e-5)
    assert group.always_tie == pytest.approx(audit["always_tie_annotator"], abs=2e-3)
    assert group.chance == pytest.approx(audit["chance"], abs=1e-3)
    assert group.alpha.estimate == pytest.approx(audit["alpha_tie_distance"], abs=1e-3)
    nominal = expected["llmfao"]["krippendorff_alpha_nominal"]
    assert group.alpha_nominal.estimate == pytest.approx(nominal, abs=1e-9)


def test_a_crowds_ranking_is_evalicas(crowd, data):
    (ranking,) = rankings(crowd, readings(crowd), Resampler(draws=1_000))
    with (data / "llmfao/evalica-golden.csv").open() as file:
        golden = {
            r["item"]: math.log(float(r["score"]))
            for r in csv.DictReader(file)
            if r["algorithm"] == "bradley_terry"
        }
    centre = np.mean(list(golden.values()))
    assert len(ranking.strengths) == len(golden) == 59
    for row in ranking.strengths:
        assert row.strength.estimate == pytest.approx(golden[row.system] - centre, abs=1e-6)
    estimates = [row.strength.estimate for row in ranking.strengths]
    assert all(a >= b for a, b in pairwise(estimates))


def test_alpaca_evals_leaderboard(data, expected, tmp_path):
    """57 rows: the mean preference, its standard error, and the win rate of the choices."""
    with gzip.open(data / "alpaca_eval/annotations_labels.csv.gz", "rt") as file:
        labels = [
            {
                "instruction": row["instruction_id"],
                "generator_1": "gpt4_turbo",
                "generator_2": row["model"],
                "annotator": row["annotator"],
                "preference": float(row["preference"]),
            }
            for row in csv.DictReader(file)
        ]
    (tmp_path / "annotations.json").write_text(json.dumps(labels))
    votes = read([tmp_path / "annotations.json"], "alpaca_eval")
    found = {row.second: row for row in rates(votes, readings(votes), QUICK)}
    with (data / "alpaca_eval/weighted_alpaca_eval_gpt4_turbo_leaderboard.csv").open() as file:
        board = {row[""]: row for row in csv.DictReader(file)}
    compared = sorted(set(board) & set(found))
    assert len(compared) == expected["alpaca_eval2"]["models_reproducible_here"] == 57
    for name in compared:
        row, theirs = found[name], board[name]
        assert (row.first, row.verdicts) == ("gpt4_turbo", int(theirs["n_total"]))
        assert 100 * (1 - row.score.estimate) == pytest.approx(float(theirs["win_rate"]), abs=1e-6)
        assert 100 * row.standard_error == pytest.approx(float(theirs["standard_error"]), abs=1e-6)
        discrete = 100 * (1 - row.ties_as_half.estimate)
        assert discrete == pytest.approx(float(theirs["discrete_win_rate"]), abs=1e-6)
        assert (row.losses, row.wins, row.ties) == tuple(
            int(float(theirs[n])) for n in ("n_wins", "n_wins_base", "n_draws")
        )


def test_llmbars_evaluators_in_both_orders(data, expected, tmp_path):
    """325 runs against the experts' labels; the two numbers of each, counted here by a few lines of their own."""
    runs = defaultdict(list)
    with gzip.open(data / "llmbar/evaluator_labels.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            said = (row["gold"], row["winner_order1"], row["winner_order2"])
            runs[f"{row['subset']} {row['evaluator']} {row['prompt']}"].append(said)
    write_runs(runs, tmp_path / "runs.csv")
    votes = read([tmp_path / "runs.csv"], vocabulary=words("names", ["tie=tie", "unreadable=none"]))
    found = readings(votes, "each")
    estimates_only = Resampler(draws=10)
    pairs, left_out = annotators_agree(votes, found, estimates_only, 1_000)
    exact = {max(pair.first, pair.second, key=len): pair.exact for pair in pairs}
    alone = {row.name: row for row in annotators(votes, found, estimates_only, 1_000)[0]}
    assert (left_out, len(exact)) == (0, expected["llmbar"]["evaluator_folders"])
    published = {}
    for run, rows in runs.items():
        said = [(gold, choice) for gold, *both in rows for choice in both if choice]
        right = sum(gold == choice for gold, choice in said)
        assert (exact[run].agreed, exact[run].pairs) == (right, len(said))
        both = [(one, other) for _, one, other in rows if one and other]
        same = alone[run].same_when_swapped.estimate
        assert same == pytest.approx(sum(one == other for one, other in both) / len(both))
        # as LLMBar counts: what cannot be read is wrong, and like what cannot be read
        alike = same * alone[run].swapped + sum(one == other == "" for _, one, other in rows)
        published[run] = (round(50 * right / len(rows), 1), round(100 * alike / len(rows), 1))
    assert published["Natural GPT-4 Vanilla_NoRules"] == (93.5, 97.0)
    assert published["Natural PaLM2 Vanilla_NoRules"] == (82.0, 84.0)
    assert published["Natural PaLM2 Vanilla"] == (83.0, 80.0)


def write_runs(runs, path):
    """A table in which the expert, and each run in both orders, choose one or two by name."""
    label = {"1": "one", "2": "two", "": "none"}
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["prompt_id", "annotator", "left", "right", "choice"])
        for run, rows in runs.items():
            for place, (gold, first, second) in enumerate(rows):
                prompt = f"{run} {place}"
                out.writerow([prompt, "expert", "one", "two", label[gold]])
                out.writerow([prompt, run, "one", "two", label[first]])
                out.writerow([prompt, run, "two", "one", label[second]])


@pytest.mark.parametrize("judge", ["gpt4", "gpt3.5"])
def test_reviews_of_limas_prompts_in_both_orders(data, judge):
    """Wins and position bias from the raw reviews; counted again from the scores that stand beside them."""
    path = data / f"cherry_pairs/lima_wrap_reviews_{judge}.json"
    votes = read([path], "reviews")
    (pair,) = rates(votes, readings(votes), QUICK)
    (alone,), _ = annotators(votes, readings(votes), QUICK, 5)
    outcomes, shown, same = Counter(), Counter(), 0
    for entry in json.loads(path.read_text())["data"]:
        forward, backward = (json.loads(entry[name]) for name in ("scores", "scores_reverse"))
        first = np.sign(forward[0] - forward[1])  # 1: Answer1 is better
        second = np.sign(backward[1] - backward[0])
        outcomes[first if first == second else 0] += 1
        shown.update([np.sign(forward[0] - forward[1]), np.sign(backward[0] - backward[1])])
        same += first == second
    assert (pair.first, pair.verdicts) == ("Answer1", 300)
    assert (pair.wins, pair.ties, pair.losses) == (outcomes[1], outcomes[0], outcomes[-1])
    assert (alone.swapped, alone.same_when_swapped.estimate) == (300, pytest.approx(same / 300))
    assert alone.first_shown.estimate == pytest.approx(shown[1] / (shown[1] + shown[-1]))
    if judge == "gpt3.5":  # it chooses the second place
        assert alone.first_shown.high < 0.25
        assert alone.same_when_swapped.estimate == 0.3
    else:
        assert 0.4 < alone.first_shown.estimate < 0.6
        assert alone.same_when_swapped.estimate == pytest.approx(0.72)
