"""Files of other tools, made here in their form."""

import json

import pytest

from handful.core.errors import DataError
from handful.votes.rates import rates
from handful.votes.read import read
from handful.votes.readings import readings
from handful.votes.words import words


@pytest.fixture
def load(tmp_path):
    def load(records, format, name="file.json"):
        lines = "\n".join(map(json.dumps, records)) if name.endswith("l") else json.dumps(records)
        (tmp_path / name).write_text(lines)
        return read([tmp_path / name], format)

    return load


def annotation(preference, prompt="How?"):
    return {
        "instruction": prompt,
        "generator_1": "base",
        "generator_2": "new",
        "annotator": "gpt",
        "preference": preference,
    }


def test_alpaca_evals_preferences_new_and_old_weighted_and_missing(load, quick):
    said = [1, 2, 1.0, 1.75, 1.5, 0, None, float("nan")]
    votes = load([annotation(p, f"prompt {n}") for n, p in enumerate(said)], "alpaca_eval")
    (row,) = rates(votes, readings(votes), quick)
    assert (row.first, row.wins, row.losses, row.ties) == ("base", 2, 2, 2)
    assert row.score.estimate == pytest.approx((1 + 0 + 1 + 0.25 + 0.5 + 0.5) / 6)
    assert readings(votes).unreadable == 2
    assert not votes.shown


def test_the_same_instruction_twice_is_two_prompts_in_alpaca_eval(load, quick):
    votes = load([annotation(1), annotation(2)], "alpaca_eval")
    assert len(readings(votes).item) == 2


@pytest.mark.parametrize("preference", [3, -1, 0.5, "1", True])
def test_alpaca_evals_preference_is_from_1_to_2(load, preference):
    with pytest.raises(DataError, match=r"file\.json:1: preference is "):
        load([annotation(preference)], "alpaca_eval")


def judged(g1, g2, turn=1):
    return {
        "question_id": 81,
        "model_1": "new",
        "model_2": "old",
        "g1_winner": g1,
        "g2_winner": g2,
        "judge": ["gpt-4", "pair-v2"],
        "turn": turn,
    }


def voted(winner, judge="expert_1", turn=1):
    return {
        "question_id": 81,
        "model_a": "old",
        "model_b": "new",
        "winner": winner,
        "judge": judge,
        "turn": turn,
    }


def test_mt_benchs_models_and_people_are_read_together(load, quick):
    votes = load(
        [
            judged("model_1", "model_1"),
            judged("model_1", "model_2", turn=2),
            judged("tie", "error", turn=3),
            voted("model_b"),
            voted("tie (inconsistent)", "author_0", turn=2),
            voted("model_a", "someone"),
        ],
        "mt_bench",
        "file.jsonl",
    )
    assert votes.groups == ["judge", "expert", "author", "people"]
    by_group = {
        row.group: (row.first, row.wins, row.ties, row.losses) for row in rates(votes, readings(votes), quick)
    }
    assert by_group["judge"] == ("new", 1, 1, 0)  # turn 2: a change of mind; turn 3: unreadable
    assert by_group["expert"] == ("new", 1, 0, 0)
    assert by_group["author"] == ("new", 0, 1, 0)
    assert by_group["people"] == ("new", 0, 0, 1)
    shown = [votes.systems[s] for s in votes.left[:2]]
    assert shown == ["new", "old"]  # game 2 shows model_2 first


@pytest.mark.parametrize(
    ("format", "records", "why"),
    [
        ("mt_bench", [{"question_id": 1, "judge": "x", "score": 7}], "no pairwise judgment"),
        ("mt_bench", [{"a": 1}], "is not a file of MT-Bench"),
        ("mt_bench", [voted("model_c")], "'model_c'"),
        ("alpaca_eval", [{"a": 1}], "is not a file of AlpacaEval"),
        ("pandalm", [{"a": 1}], "is not a file of PandaLM"),
        ("pandalm", [{"idx": 1, "gpt_result": "1"}], "is in no test set"),
        ("reviews", [{"a": 1}], "not a file of paired reviews"),
        ("reviews", 3, "not a file of paired reviews"),
    ],
)
def test_a_file_of_another_kind_is_refused(load, format, records, why):
    with pytest.raises(DataError, match=why):
        load(records, format)


def test_pandalms_test_set_and_results(tmp_path, quick):
    item = {
        "idx": 4,
        "cmp_key": "a-7b_b-7b",
        "instruction": "Do.",
        "input": "",
        "annotator1": 1,
        "annotator2": 0,
        "annotator3": 2,
    }
    (tmp_path / "set.json").write_text(json.dumps([item]))
    (tmp_path / "gpt.json").write_text(json.dumps([{"idx": 4, "gpt_result": "2 or 1?"}]))
    votes = read([tmp_path / "gpt.json", tmp_path / "set.json"], "pandalm")
    (whole, people) = (row for row in rates(votes, readings(votes), quick) if row.group in ("", "people"))
    assert (whole.wins, whole.ties, whole.losses) == (people.wins, people.ties, people.losses) == (1, 1, 1)
    assert readings(votes).unreadable == 1


@pytest.mark.parametrize(
    ("review", "choice"),
    [
        ("8 9\nwords", "right"),
        ("9.5, 7", "left"),
        ("7/10 7/10", "tie"),
        ("no scores", "unreadable"),
        ("-1 -1", "unreadable"),
    ],
)
def test_reviews_are_read_by_the_scores_of_their_first_line(review, choice):
    from handful.votes.formats import by_scores

    assert by_scores(review) == choice


@pytest.mark.parametrize("options", [{"columns": {"left": "a"}}, {"vocabulary": words("letters")}])
def test_columns_and_words_do_not_go_with_formats(tmp_path, options):
    with pytest.raises(DataError, match="go with plain tables"):
        read([tmp_path / "x"], "mt_bench", **options)
