"""Answers from files, and a study that trains nothing: what is not known is a dash, what is not there no section."""

import json
from dataclasses import replace

import pytest

from handful.core import jsonl
from handful.core.types import Dropped, Response
from handful.recipe.systems import Generate, ResponsesSystem
from handful.recipe.values import InputPath
from handful.report.agreement import agreement, agreement_matrix, of_one_mode
from handful.report.facts import Facts
from handful.report.work import work

SYSTEMS = ("tuned", "base")
FILE = ResponsesSystem(kind="responses", path=InputPath("/somewhere/answers.json"))


@pytest.fixture
def report(build, tmp_path):
    """(numbers, page, Markdown) of a study of two files of answers."""

    def make(finish="eos", failed=0):
        recipe, inputs = build(systems=SYSTEMS, people={})
        for name in SYSTEMS:
            path = inputs[f"generate/{name}"] / "responses.jsonl"
            answered = [Response(f"test/{n}", name, "two words", 0, finish, 0) for n in range(failed, 24)]
            missing = [Response(f"test/{n}", name, "", 0, "error", 0) for n in range(failed)]
            jsonl.write(path, [*missing, *answered])
        stray = [Dropped("zzz", "unknown_prompt", "answers.json: row 31: answers no prompt")] * 3
        jsonl.write(inputs["generate/base"] / "unused.jsonl", stray)
        jsonl.write(inputs["dataset"] / "train.jsonl", [])
        jsonl.write(inputs["dataset"] / "dev.jsonl", [])
        manifest = inputs["clean"] / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "counts": {}}))
        made = replace(recipe, train=None, generate=Generate(systems=dict.fromkeys(SYSTEMS, FILE)))
        out = tmp_path / "report"
        out.mkdir(exist_ok=True)
        work(made, {label: folder for label, folder in inputs.items() if label != "train"}, out)
        texts = [(out / f"report.{ending}").read_text(encoding="utf-8") for ending in ("json", "html", "md")]
        return json.loads(texts[0]), *texts[1:]

    return make


def test_a_file_says_neither_tokens_nor_why_an_answer_ended(report):
    numbers, page, _ = report()
    rows = numbers["sections"]["systems"]["tables"][0]["rows"]
    assert [(row["Tokens"], row["Ended its turn"]) for row in rows] == [(None, None)] * 2
    assert [table["caption"] for table in numbers["sections"]["systems"]["tables"]] == [
        "How each system answered"
    ]
    assert "0 tokens" not in page
    assert "made elsewhere · 2 words" in page
    assert not [s["id"] for s in numbers["series"] if s["id"].startswith("ended/")]


def test_a_file_that_says_why_is_believed(report):
    numbers, page, _ = report(finish="length")
    captions = [table["caption"] for table in numbers["sections"]["systems"]["tables"]]
    assert captions == ["How each system answered", "Why they stopped"]
    assert "made elsewhere · 2 words · stopped: out of tokens" in page
    assert [s["id"] for s in numbers["series"] if s["id"].startswith("ended/")] == [
        "ended/tuned",
        "ended/base",
    ]


def test_rows_that_answer_nothing_and_prompts_without_a_row_are_lost_aloud(report):
    numbers, _, _ = report(failed=2)
    (row, _) = numbers["sections"]["systems"]["tables"][0]["rows"]
    assert row["Responses"] == 22
    words = numbers["sections"]["losses"]["text"]
    assert "Answers to prompts that base does not have in its file: 2." in words
    assert (
        "Rows of base's file that were passed over (unknown prompt): 3, such as answers.json: row 31: answers no "
        "prompt."
    ) in words


def test_a_study_without_training_has_a_shorter_report(report):
    numbers, _, text = report()
    assert not {"data", "training"} & numbers["sections"].keys()
    assert text.splitlines()[2] == "24 prompts asked, 2 systems"
    departures = " ".join(numbers["sections"]["departures"]["text"])
    assert "train" not in departures
    assert "Table 1" not in departures
    assert not any("lost their tail" in line for line in numbers["sections"]["losses"]["text"])
    assert (
        "Where the prompts are from: authored, 24 (licence not stated)."
        in numbers["sections"]["systems"]["text"]
    )


def test_no_figure_of_agreement_mixes_the_two_modes(recipe):
    lima = replace(recipe.judge.judges["local"], mode="lima")
    judges = {**recipe.judge.judges, "lima": lima}
    pairs = [("local", "rule"), ("local", "lima"), ("all people", "lima"), ("all people", "local")]
    figures = ("comparisons", "exact", "chance", "always_tie", "weighted_kappa", "kappa")
    rows = [{"first": a, "second": b, "tie_discounted": 0.5, **dict.fromkeys(figures, 1)} for a, b in pairs]
    groups = [
        {"first": "models (lima)", "second": "models (robust)"},
        {"first": "people", "second": "people"},
    ]
    asked = replace(recipe, judge=replace(recipe.judge, judges=judges))
    facts = Facts(recipe=asked, stats={"agreement": rows, "groups": groups})
    matrix = agreement_matrix(facts)
    names = [column.name for column in matrix.columns]
    cell = {row[0]: dict(zip(names, row, strict=True)) for row in matrix.rows}
    assert (cell["local"]["lima"], cell["all people"]["lima"], cell["local"]["rule"]) == (None, 0.5, 0.5)
    assert ("local", "lima") not in {(row[0], row[1]) for row in agreement(facts).rows}
    assert of_one_mode(facts, "groups") == groups[1:]
