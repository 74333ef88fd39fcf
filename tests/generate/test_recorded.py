"""Answers from a file: which row answers which prompt, and what is said where that is not clear."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dialogue, Dropped, Origin, Prompt, Response, Turn
from handful.generate.work import work
from handful.recipe.systems import Generate, ResponsesSystem
from handful.recipe.values import InputPath

ORIGIN = Origin("mine", "", "made for the tests")
QUESTIONS = {f"p{number}": text for number, text in enumerate(["Why?", "How so?", "Since  when?\n", "Who?"])}


@pytest.fixture
def ask(tmp_path):
    """Writes a file of responses, reads it as a system, and gives (counts, responses, errors, unused)."""

    def run(content, name="", prompts=None, suffix=".json", **more):
        made = prompts or [Prompt(id, (Turn("user", text),), ORIGIN) for id, text in QUESTIONS.items()]
        for folder in ("dataset", "out"):
            (tmp_path / folder).mkdir(exist_ok=True)
        jsonl.write(tmp_path / "dataset" / "test.jsonl", made)
        path = tmp_path / f"answers{suffix}"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        system = ResponsesSystem(kind="responses", path=InputPath(str(path)), name=name)
        out = tmp_path / "out"
        counts = work(Generate(systems={"theirs": system}, **more), {"dataset": tmp_path / "dataset"}, out)
        return (
            counts,
            list(jsonl.read(out / "responses.jsonl", Response)),
            [(one.id, one.rule) for one in jsonl.read(out / "errors.jsonl", Dropped)],
            [(one.id, one.rule) for one in jsonl.read(out / "unused.jsonl", Dropped)],
        )

    return run


def by_id(ids, **more):
    return [{"prompt_id": id, "text": f" To {id}. ", **more} for id in ids]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_rows_are_matched_by_id_in_the_order_of_the_prompts(ask):
    counts, responses, errors, unused = ask(by_id(["p2", "p0", "p3", "p1"]))
    assert [(r.prompt_id, r.system, r.text, r.finish) for r in responses] == [
        (f"p{number}", "theirs", f"To p{number}.", "eos") for number in range(4)
    ]
    assert (errors, unused, counts["unused"]) == ([], [], {})
    assert "temperature" in counts["not_applied"], "it was sampled elsewhere"


def test_json_lines_a_list_and_csv_say_the_same(ask):
    rows = by_id(QUESTIONS)
    table = io.StringIO()
    writer = csv.DictWriter(table, ["prompt_id", "text"])
    writer.writeheader()
    writer.writerows(rows)
    readings = [ask(text)[1] for text in (json.dumps(rows), lines(rows), table.getvalue())]
    assert readings[0] == readings[1] == readings[2]


def test_without_an_id_the_text_decides_white_space_apart(ask):
    """As AlpacaEval's model_outputs.json."""
    rows = [
        {"instruction": text, "output": text.upper(), "generator": "m", "dataset": "x"}
        for text in ("Who?", "Since when?", " Why?", "How\nso?")
    ]
    _, responses, errors, _ = ask(rows)
    assert [r.text for r in responses] == ["WHY?", "HOW\nSO?", "SINCE WHEN?", "WHO?"]
    assert errors == []


def test_alpacas_input_stands_below_its_instruction(ask):
    prompt = Prompt("a", (Turn("user", "Add.\n\n1 and 2"),), ORIGIN)
    rows = [{"instruction": "Add.", "input": "1 and 2", "output": "3"}]
    assert ask(rows, prompts=[prompt])[1][0].text == "3"


def test_our_own_responses_are_read_as_they_are(ask):
    rows = [
        {"prompt_id": "p0", "system": "a", "text": "", "sample": 0, "finish": "eot", "tokens": 0},
        {"prompt_id": "p1", "system": "a", "text": "Long", "sample": 0, "finish": "length", "tokens": 9},
        {"prompt_id": "p2", "system": "a", "text": "", "sample": 0, "finish": "error", "tokens": 0},
    ]
    _, responses, errors, _ = ask(lines(rows), first=3)
    assert [(r.text, r.finish) for r in responses] == [("", "eot"), ("Long", "length"), ("", "error")]
    assert errors == [("p2", "recorded_error")]


def test_what_is_missing_empty_or_unknown_is_on_record(ask):
    rows = [*by_id(["p0", "p9"]), {"prompt_id": "p1", "text": " "}, {"prompt": "What?", "text": "That."}]
    counts, responses, errors, unused = ask(rows)
    assert [r.finish for r in responses] == ["eos", "error", "error", "error"]
    assert errors == [("p1", "empty_response"), ("p2", "no_response"), ("p3", "no_response")]
    assert unused == [("p9", "unknown_prompt"), ("What?", "unknown_prompt")]
    assert counts["errors"] == {"empty_response": 1, "no_response": 2}
    assert counts["unused"] == {"unknown_prompt": 2}


def test_an_empty_cell_is_an_empty_answer(ask):
    table = "prompt,text,finish\nWhy?,,\nHow so?,So,\nWho?,,error\n"
    assert ask(table)[2] == [("p0", "empty_response"), ("p2", "no_response"), ("p3", "recorded_error")]


def test_a_file_of_several_systems_needs_a_name(ask):
    rows = by_id(QUESTIONS, generator="gpt4") + by_id(["p0"], generator="claude")
    with pytest.raises(DataError, match=r"2 systems: claude \(1 rows\), gpt4 \(4 rows\); name one in"):
        ask(rows)
    with pytest.raises(DataError, match=r"no rows of 'gpt-4' .*did you mean 'gpt4'"):
        ask(rows, name="gpt-4")
    counts, responses, *_ = ask(rows, name="gpt4")
    assert len(responses) == 4
    assert counts["unused"] == {"other_system": 1}


def test_two_different_answers_to_a_prompt_are_an_error_and_two_equal_ones_are_counted(ask):
    rows = by_id(QUESTIONS)
    with pytest.raises(DataError, match=r"2 different answers to p1 .*row 2 and answers.json: row 5"):
        ask([*rows, {"prompt_id": "p1", "text": "Another"}])
    assert ask([*rows, rows[1]])[3] == [("p1", "duplicate")]


def test_several_answers_are_samples_where_the_recipe_wants_some(ask):
    twice = [row for row in by_id(["p0", "p1"]) for row in (row, {**row, "text": "Again"})]
    _, responses, errors, _ = ask(twice, first=2, samples=2)
    assert [(r.prompt_id, r.sample, r.text) for r in responses] == [
        ("p0", 0, "To p0."),
        ("p0", 1, "Again"),
        ("p1", 0, "To p1."),
        ("p1", 1, "Again"),
    ]
    assert errors == []
    numbered = [{**row, "sample": number} for number, row in zip((1, 0, 1, 0), twice, strict=True)]
    assert [r.text for r in ask(numbered, first=2, samples=2)[1]] == ["Again", "To p0.", "Again", "To p1."]
    assert ask(numbered, first=2)[3] == [("p0", "more_samples"), ("p1", "more_samples")]


def test_prompts_that_ask_the_same_share_an_answer_or_have_one_each(ask):
    prompts = [Prompt(id, (Turn("user", "Why?"),), ORIGIN) for id in "ab"]
    one = {"prompt": "Why?", "text": "So."}
    assert [r.text for r in ask([one], prompts=prompts)[1]] == ["So.", "So."]
    assert [r.text for r in ask([one, {**one, "text": "Not."}], prompts=prompts)[1]] == ["So.", "Not."]


def test_an_id_with_the_text_of_another_prompt_is_an_error(ask):
    with pytest.raises(
        DataError, match=r"row 1: is to answer p0, and asks 'Who\?', where that prompt asks 'Why"
    ):
        ask([{"prompt_id": "p0", "prompt": "Who?", "text": "I."}])


def test_a_rows_own_id_does_not_hide_its_text(ask):
    rows = [
        {"id": f"x{number}", "prompt": text, "text": id}
        for number, (id, text) in enumerate(QUESTIONS.items())
    ]
    assert [r.text for r in ask(rows)[1]] == list(QUESTIONS)


MT_BENCH = [
    {
        "question_id": 81,
        "answer_id": "x",
        "model_id": "vicuna",
        "choices": [{"index": 0, "turns": ["Aloha!", "All about Aloha!"]}],
        "tstamp": 0.5,
    }
]
TWO_TURNS = [
    Turn("user", "Write about Hawaii."),
    Turn("assistant", "(theirs)"),
    Turn("user", "Start with A."),
]


def test_answers_in_turns_are_matched_by_the_questions_id(ask, tmp_path):
    """As FastChat's model_answer files; the data set's id has the source in front."""
    prompt = Prompt("mt/81", tuple(TWO_TURNS), ORIGIN)
    assert ask(lines(MT_BENCH), prompts=[prompt])[1][0].text == "All about Aloha!"
    single = Prompt("mt/81", tuple(TWO_TURNS[:1]), ORIGIN)
    assert ask(lines(MT_BENCH), prompts=[single])[1][0].text == "Aloha!"


def test_a_recorded_dialogue_is_one(ask, tmp_path):
    prompt = Prompt("mt/81", tuple(TWO_TURNS), ORIGIN)
    _, (response,), _, _ = ask(lines(MT_BENCH), prompts=[prompt], dialogues=True)
    (dialogue,) = jsonl.read(tmp_path / "out" / "dialogues.jsonl", Dialogue)
    assert response.text == "All about Aloha!"
    assert [turn.text for turn in dialogue.turns] == [
        "Write about Hawaii.",
        "Aloha!",
        "Start with A.",
        "All about Aloha!",
    ]
    said = [{"role": turn.role, "content": turn.text} for turn in dialogue.turns]
    assert ask([{"messages": said}], prompts=[prompt], dialogues=True)[1][0].text == "All about Aloha!"


def test_one_answer_is_no_dialogue(ask, tmp_path):
    prompt = Prompt("mt/81", tuple(TWO_TURNS), ORIGIN)
    _, _, errors, _ = ask([{"prompt_id": "mt/81", "text": "A."}], prompts=[prompt], dialogues=True)
    assert errors == [("mt/81", "turns_missing")]
    assert list(jsonl.read(tmp_path / "out" / "dialogues.jsonl", Dialogue)) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("[]", "holds no responses"),
        (b"\x1f\x8b...", "is packed with gzip"),
        ("<!doctype html><p>Not found", "is a web page"),
        ('[{"prompt_id": "p0"', "begins as a JSON list"),
        ('{"prompt_id": "p0", "text": "x"}\n{"prompt_id"', r"answers.json:2: not JSON"),
        ("[3]", "row 1: a row must be an object"),
        ([{"prompt_id": "p0", "text": 3}], "the answer must be text"),
        ([{"prompt": "Why?", "answers": "x"}], "has no answer: no column text, output"),
        ([{"text": "x"}], "does not say which prompt it answers: no column prompt_id"),
        ([{"prompt_id": "p0", "text": "x", "finish": "done"}], "finish 'done' is none of"),
        ([{"prompt_id": "p0", "text": "x", "sample": "one"}], "sample must be a number"),
        ([{"prompt_id": "p0", "text": "x", "finish": ["eos"]}], "is none of"),
        ([{"prompt_id": "p0", "choices": [{"turns": ["x"], "index": -1}]}], "sample must be a number"),
        ([{"prompt_id": "p0", "choices": [{"turns": []}]}], "choices must be a list"),
        ([{"messages": [{"role": "user", "content": "Why?"}]}], "must alternate"),
        ([{"prompt": "Nobody asked", "text": "x"}], "none of its 1 rows answers any of the 4 prompts"),
        ("a,b\n1,2\n", "neither JSON nor a CSV table"),
        ("prompt_id,text\np0\n", "answers.json:2: has not the 2 columns"),
        ("prompt_id,text\np0,a,b\n", "answers.json:2: has not the 2 columns"),
        ("just some words", "neither JSON nor a CSV table"),
        (b"prompt_id,text\np0,\xff\n", "is not UTF-8"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_line(ask, tmp_path, content, told):
    with pytest.raises(DataError, match=told) as caught:
        ask(content)
    assert str(tmp_path) in str(caught.value)
    assert not (tmp_path / "out" / "responses.jsonl").exists()


def test_a_file_that_is_not_there_is_named(tmp_path, dataset, out):
    system = ResponsesSystem(kind="responses", path=InputPath(str(tmp_path / "no.json")))
    with pytest.raises(DataError, match=r"no\.json: cannot be read"):
        work(Generate(systems={"it": system}), {"dataset": dataset}, out)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}":,\\nptex01 \n', max_size=60).map(str.encode))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory, content):
    from handful.generate.rows import read

    path = tmp_path_factory.mktemp("any") / "answers.json"
    path.write_bytes(content)
    with suppress(DataError):
        assert all(row.answers for row in read(path))


def test_real_outputs_of_seven_systems_match_their_805_prompts(shared_data, tmp_path):
    """AlpacaEval's; two of DaVinci's answers are empty, and two rows of its forerunner are not there."""
    folder = shared_data / "eval/alpaca_eval"
    asked = json.loads((folder / "gpt4.json").read_text())
    (dataset := tmp_path / "dataset").mkdir()
    prompts = [
        Prompt(f"ae/{number}", (Turn("user", row["instruction"]),), ORIGIN)
        for number, row in enumerate(asked)
    ]
    jsonl.write(dataset / "test.jsonl", prompts)
    expected = {
        "text_davinci_003": {"empty_response": 2},
        "text_davinci_001": {"no_response": 2},
        **{key: {} for key in ("alpaca-7b", "deita-7b-v1.0", "humpback-llama-65b", "claude", "gpt4")},
    }
    for name, errors in expected.items():
        (out := tmp_path / name).mkdir()
        system = ResponsesSystem(kind="responses", path=InputPath(str(folder / f"{name}.json")))
        counts = work(Generate(systems={name: system}), {"dataset": dataset}, out)
        assert (counts["responses"], counts.get("errors", {}), counts["unused"]) == (805, errors, {})
    texts = [response.text for response in jsonl.read(tmp_path / "gpt4" / "responses.jsonl", Response)]
    assert texts == [row["output"].strip() for row in asked]
