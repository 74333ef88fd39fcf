"""Pairs with a known answer are read strictly; what people agree to is there."""

import json

import pytest

from handful.annotate.items import read_study
from handful.annotate.practice import checks_of, consent_of, practice_of
from handful.core.errors import DataError
from handful.recipe.evaluation import Annotate


def test_three_pairs_of_ours_have_a_left_a_right_and_a_tie_and_each_says_why(study):
    pairs = practice_of(Annotate(), study)
    assert sorted(item.known for item in pairs) == ["left", "right", "tie"]
    assert all(item.kind == "practice" and len(item.explanation) > 40 for item in pairs)
    assert all(len(set(item.load().texts)) == 2 for item in pairs)
    assert len({item.key for item in pairs} | study.items.keys()) == 3 + len(study.items)


def test_where_no_preference_is_asked_there_is_nothing_to_practise(make_folder, make_submission):
    graded = read_study(make_folder(submissions=[make_submission(1)]))
    assert practice_of(Annotate(), graded) == []
    with pytest.raises(DataError, match=r"annotate\.checks: these are pairs"):
        checks_of(Annotate(checks=("x.csv",)), graded)


ROW = {"id": 7, "prompt": " 1+1? ", "left": "2", "right": "3", "choice": "Left", "explanation": "It is 2."}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", json.dumps(ROW) + "\n\n"),
        ("a.json", json.dumps([ROW])),
        ("a.csv", "id,prompt,left,right,choice,explanation\n7, 1+1? ,2,3,Left,It is 2.\n"),
    ],
)
def test_pairs_are_read_from_each_form(study, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (item,) = practice_of(Annotate(practice=(str(tmp_path / name),)), study)
    assert (item.subject, item.known, item.explanation) == ("7", "left", "It is 2.")
    assert (item.load().turns[0].text, item.load().texts) == ("1+1?", ("2", "3"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{**ROW, "choice": "A"}], r"a\.json, row 1: the choice is 'A'; it must be one of left, right, tie"),
        ([{**ROW, "left": None}], "row 1: has no 'left'"),
        ([{**ROW, "right": 3}], "row 1: 'right' is 3, which is no text"),
        ([{**ROW, "prompt": "  "}], "row 1: the prompt is empty"),
        (["words"], "row 1: is no object"),
        ([ROW, {**ROW, "choice": "tie"}], r"row 2: this pair has another choice at .*row 1"),
        ([ROW, {**ROW, "left": "3", "right": "2"}], "row 2: this pair has another choice"),
        ([], "no pair in it"),
    ],
)
def test_what_is_wrong_with_a_pair_is_said_where_it_stands(study, tmp_path, rows, words):
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with pytest.raises(DataError, match=words):
        checks_of(Annotate(checks=(str(tmp_path / "a.json"),)), study)


def test_the_same_pair_turned_round_is_one_check(study, tmp_path):
    turned = {**ROW, "left": "3", "right": "2", "choice": "right"}
    (tmp_path / "a.json").write_text(json.dumps([ROW, turned]))
    assert len(checks_of(Annotate(checks=(str(tmp_path / "a.json"),)), study)) == 1


def test_consent_is_ours_or_the_recipes(tmp_path):
    assert "stop at any time" in consent_of(Annotate())
    (tmp_path / "one.md").write_text("# We ask\n")
    (tmp_path / "two.md").write_text("\n")
    assert consent_of(Annotate(consent=(str(tmp_path / "one.md"),))) == "# We ask\n"
    with pytest.raises(DataError, match=r"two\.md: is empty"):
        consent_of(Annotate(consent=(str(tmp_path / "two.md"),)))
    with pytest.raises(DataError, match="cannot be read"):
        consent_of(Annotate(consent=(str(tmp_path / "three.md"),)))
