from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Comparison, Dropped, Seal
from handful.judge.tasks import OPTIONS
from handful.recipe.judging import Study
from handful.run.store import content_hashes
from handful.study.work import instructions, work

SECRET_NAMES = ("zebra-7b", "quokka-65b")


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "study.partial"
    folder.mkdir()
    return folder


def run(inputs, out, **params):
    return work(Study(**params), inputs, out)


def test_every_prompt_and_sample_is_compared_once_for_each_baseline(make_inputs, answers, out):
    counts = run(make_inputs(answers("tuned", "base", "few", samples=3)), out)
    assert counts == {
        "comparisons": 54,
        "pairs": {"tuned vs base": 27, "tuned vs few": 27},
        "unpaired": 0,
        "leaks": 0,
        "tasks": {"preference": 54},
        "not_graded": 0,
        "flags": {"same_text": 0, "addresses_judge": 0, "hidden_text": 0},
        "families": {},
    }
    seals = list(jsonl.read(out / "sealed" / "key.jsonl", Seal))
    assert len({(s.prompt_id, s.sample, frozenset((s.left, s.right))) for s in seals}) == 54


def test_a_comparison_holds_the_two_texts_that_its_seal_names(make_inputs, answers, out):
    said = {("p4", "tuned"): "Answer 4.0 in style 0.", ("p4", "base"): "Answer 4.0 in style 1."}
    run(make_inputs(answers("tuned", "base")), out)
    seal = next(s for s in jsonl.read(out / "sealed" / "key.jsonl", Seal) if s.prompt_id == "p4")
    [shown] = [c for c in jsonl.read(out / "comparisons.jsonl", Comparison) if c.id == seal.comparison_id]
    assert (shown.left, shown.right) == (said["p4", seal.left], said["p4", seal.right])
    assert shown.turns[0].text == "What is p4?"


def test_no_system_name_stands_in_what_a_judge_reads(make_inputs, answers, out):
    run(make_inputs(answers(*SECRET_NAMES)), out)
    for name in ("comparisons.jsonl", "instructions.md"):
        shown = (out / name).read_text()
        assert not any(secret in shown for secret in SECRET_NAMES)
    assert all(secret in (out / "sealed" / "key.jsonl").read_text() for secret in SECRET_NAMES)


def test_the_order_of_the_response_files_changes_nothing(make_inputs, answers, tmp_path):
    systems = answers("tuned", "base", samples=2)
    hashes = []
    for n in range(3):
        folder = tmp_path / f"out{n}"
        folder.mkdir()
        shuffled = {name: random.Random(n).sample(rows, len(rows)) for name, rows in systems.items()}
        run(make_inputs(shuffled, at=f"in{n}"), folder)
        hashes.append(content_hashes(folder))
    assert hashes[0] == hashes[1] == hashes[2]


def test_running_again_over_what_an_interruption_left_gives_the_same(make_inputs, answers, out, tmp_path):
    inputs = make_inputs(answers("tuned", "base"))
    whole = tmp_path / "whole"
    whole.mkdir()
    run(inputs, whole)
    (out / "sealed").mkdir()
    (out / "sealed" / "key.jsonl").write_text('{"half a li')
    run(inputs, out)
    assert content_hashes(out) == content_hashes(whole)


def test_a_prompt_without_both_responses_is_left_out_with_a_reason(make_inputs, answers, out):
    systems = answers("tuned", "base", "few")
    del systems["base"][2]
    systems["few"][5] = replace(systems["few"][5], text="", finish="error", tokens=0)
    counts = run(make_inputs(systems), out)
    assert (counts["comparisons"], counts["unpaired"]) == (16, 2)
    assert list(jsonl.read(out / "unpaired.jsonl", Dropped)) == [
        Dropped("p2", "no_response", "tuned vs base, sample 0: base"),
        Dropped("p5", "failed_response", "tuned vs few, sample 0: few"),
    ]


def test_an_empty_response_is_a_response(make_inputs, answers, out):
    systems = answers("tuned", "base")
    systems["base"][0] = replace(systems["base"][0], text="", tokens=0)
    assert run(make_inputs(systems), out)["comparisons"] == 9


def test_dev_prompts_may_be_compared_too(make_inputs, answers, out):
    systems = {name: [replace(rows[0], prompt_id="dev1")] for name, rows in answers("tuned", "base").items()}
    run(make_inputs(systems), out)
    [comparison] = jsonl.read(out / "comparisons.jsonl", Comparison)
    assert [turn.text for turn in comparison.turns] == ["Hello"]


def test_a_response_that_names_its_author_is_counted(make_inputs, answers, out):
    systems = answers(*SECRET_NAMES)
    systems["zebra-7b"][3] = replace(systems["zebra-7b"][3], text="I am Zebra-7B, at your service.")
    assert run(make_inputs(systems), out)["leaks"] == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: [*rows, rows[3]], "the response to 'p3', sample 0, stands there twice"),
        (
            lambda rows: [replace(rows[0], prompt_id="p77")],
            "to 'p77', sample 0, answers no prompt of the data set",
        ),
        (
            lambda rows: [replace(rows[0], system="other")],
            "says that it is by 'other', in the folder of 'base'",
        ),
    ],
)
def test_responses_that_do_not_fit_are_an_error_that_names_the_file(
    make_inputs, answers, out, spoil, message
):
    systems = answers("tuned", "base")
    systems["base"] = spoil(systems["base"])
    with pytest.raises(DataError) as caught:
        run(make_inputs(systems), out)
    assert message in str(caught.value)
    assert "generate-base/responses.jsonl" in str(caught.value)


def test_a_missing_response_file_is_named(make_inputs, answers, out):
    inputs = make_inputs(answers("tuned", "base"))
    (inputs["generate/base"] / "responses.jsonl").unlink()
    with pytest.raises(DataError, match=r"generate-base/responses.jsonl: no such file"):
        run(inputs, out)


def test_nothing_to_compare_is_an_error(make_inputs, answers, out):
    systems = answers("tuned", "base")
    systems["base"] = [replace(row, text="", finish="error") for row in systems["base"]]
    with pytest.raises(DataError, match="no prompt was answered by both"):
        run(make_inputs(systems), out)
    with pytest.raises(DataError, match="tuned, base were asked nothing"):
        run(make_inputs({"tuned": [], "base": []}, at="empty"), out)


def test_the_instructions_offer_the_three_options_word_for_word(make_inputs, answers, out):
    run(make_inputs(answers("tuned", "base")), out)
    lines = (out / "instructions.md").read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix("- ") for line in lines if line.startswith("- ")] == list(OPTIONS.values())
    assert (out / "instructions.md").read_text(encoding="utf-8") == instructions()
