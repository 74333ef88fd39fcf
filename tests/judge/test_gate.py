"""Labelled pairs: read from the files that people have, put to every judge, and refused where they make no sense."""

from __future__ import annotations

import json

import pytest

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Verdict
from handful.judge.gate import Label, read_gate
from handful.judge.work import work
from handful.recipe.judging import FakeJudge, Judge

ROWS = [
    {
        "prompt": "How, now?",
        "left": "So it is,\nand long.",
        "right": "No.",
        "choice": "left",
        "annotator": "ann",
    },
    {
        "prompt": "How, now?",
        "left": "So it is,\nand long.",
        "right": "No.",
        "choice": "tie",
        "annotator": "bob",
    },
    {"prompt": "Why?", "left": "", "right": "Because.", "choice": "right", "id": 7, "group": "hard"},
]
CSV = (
    "\ufeffprompt,left,right,choice,annotator,id,group\r\n"
    '"How, now?","So it is,\nand long.",No.,left,ann,,\r\n'
    '"How, now?","So it is,\nand long.",No.,tie,bob,,\r\n'
    "Why?,,Because.,right,,7,hard\r\n"
)


def as_lines(rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("text", [as_lines(ROWS), json.dumps(ROWS, indent=1), CSV])
def test_json_lines_a_list_and_csv_hold_the_same_pairs(tmp_path, text):
    path = tmp_path / "gate"
    path.write_text(text, encoding="utf-8", newline="")
    items, labels = read_gate([str(path)])
    assert [(item.turns[0].text, item.texts) for item in items] == [
        ("How, now?", ("So it is,\nand long.", "No.")),
        ("Why?", ("", "Because.")),
    ]
    first, second = (item.id for item in items)
    assert labels == [
        Label(first, "How, now?", "left", annotator="ann"),
        Label(first, "How, now?", "tie", annotator="bob"),
        Label(second, "Why?", "right", group="hard", given="7"),
    ]


@pytest.mark.parametrize("mode", ["robust", "lima"])
def test_every_judge_judges_each_pair_once_in_both_orders(tmp_path, make_study, comparisons, out, mode):
    path = tmp_path / "gate.jsonl"
    path.write_text(as_lines(ROWS))
    entry = FakeJudge(kind="fake", prefers="longer", mode=mode)
    counts = work(Judge(judges={"j": entry}, gate=(str(path),)), make_study(comparisons), out)
    assert counts["gate"] == {"pairs": 2, "labels": 3}
    assert counts["verdicts"] == (12 if mode == "robust" else 6)
    found = list(jsonl.read(out / "gate.jsonl", Verdict))
    assert [(v.order, v.choice) for v in found] == [
        ("forward", "left"),
        ("swapped", "left"),
        ("forward", "right"),
        ("swapped", "right"),
    ]
    labels = list(jsonl.read(out / "gate_labels.jsonl", Label))
    assert {label.id for label in labels} == {v.comparison_id for v in found}
    study = {v.comparison_id for v in jsonl.read(out / "verdicts.jsonl", Verdict)}
    assert study.isdisjoint(label.id for label in labels)


def test_without_a_gate_there_is_no_file_of_it(make_study, comparisons, out):
    counts = work(Judge(judges={"j": FakeJudge(kind="fake")}), make_study(comparisons), out)
    assert "gate" not in counts
    assert not list(out.glob("gate*"))


GOOD = {"prompt": "p", "left": "l", "right": "r", "choice": "tie"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            as_lines([GOOD, {**GOOD, "choice": "A"}]),
            r"gate:2: the choice is 'A'; it must be one of left, right, tie",
        ),
        (as_lines([{**GOOD, "choice": None}]), r"gate:1: has no 'choice'"),
        (as_lines([{**GOOD, "choice": 1}]), r"gate:1: 'choice' is 1, which is no text"),
        (as_lines([{"prompt": "p", "left": "l", "choice": "tie"}]), r"gate:1: has no 'right'"),
        (as_lines([{**GOOD, "prompt": " "}]), r"gate:1: the prompt is empty"),
        (as_lines([{**GOOD, "left": ["x"]}]), r"gate:1: 'left' is \['x'\], which is no text"),
        (
            as_lines([{**GOOD, "annotator": "ann"}] * 2),
            r"gate:2: 'ann' has labelled this pair before, at .*gate:1",
        ),
        (as_lines([GOOD]) + "{broken", r"gate:2: is no JSON"),
        (json.dumps([GOOD, 3]), r"gate, row 2: is no object"),
        ("[" * 100_000, r"gate: is no JSON"),
        (
            "prompt,left,choice\np,l,left\n",
            r"gate: has no column 'right'.*this file has prompt, left, choice",
        ),
        ("prompt,left,right,choice\np,l,r\n", r"gate:2: has no 'choice'"),
        ("prompt,left,right,choice\np,l,r,win\n", r"gate:2: the choice is 'win'"),
        ('prompt,left,right,choice\np,"l,r,win\n', r"is no CSV that can be read"),
        ("prompt,left,right,choice\n", r"no labelled pair in it"),
        ("", r"no labelled pair in it"),
    ],
)
def test_what_is_no_labelled_pair_is_refused_with_its_place(tmp_path, text, message):
    path = tmp_path / "gate"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_gate([str(path)])


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: cannot be read"):
        read_gate([str(tmp_path / "nowhere")])
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary: cannot be read"):
        read_gate([str(tmp_path / "binary")])
