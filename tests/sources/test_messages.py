"""Dialogues from JSON: each form is recognised, each bad row is one line that says where and why."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.core.types import Dropped, Turn
from handful.recipe.sources import Messages
from handful.recipe.values import InputPath
from handful.sources.messages import dialogue, read

ASKED, REPLIED = Turn("user", "Why?"), Turn("assistant", "So.")


def read_all(*paths, **options):
    found = []
    source = Messages(kind="messages", paths=tuple(InputPath(str(path)) for path in paths), **options)
    read("chat", source, {}, lambda file, record: found.append((file, record)), paths[0])
    return found


@pytest.fixture
def lines(tmp_path):
    """Write rows, or raw lines, to a .jsonl."""

    def write(*rows, name="chat.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
        return path

    return write


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
        {"conversations": ["Why?", "So."]},
        {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}], "id": None},
        {"instruction": "Why?", "input": "", "output": "So."},
        {"instruction": "Why?", "output": "So.", "history": []},
    ],
)
def test_every_form_is_the_same_dialogue(row):
    assert dialogue(row) == ((ASKED, REPLIED), "")


def test_alpacas_input_follows_its_instruction_and_its_history_comes_before():
    row = {"instruction": "Add.", "input": "1 + 1", "output": "2", "history": [["Why?", "So."]]}
    assert dialogue(row)[0] == (ASKED, REPLIED, Turn("user", "Add.\n\n1 + 1"), Turn("assistant", "2"))


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=7))
def test_text_is_never_changed(texts):
    assert [turn.text for turn in dialogue({"conversations": texts})[0]] == texts


def test_a_row_is_known_by_its_own_id_or_by_its_number(lines):
    row = {"conversations": ["Why?", "So."]}
    path = lines(row, row | {"id": 7}, row | {"id": "beer.example.com/5"}, row)
    assert [record.id for _, record in read_all(path)] == ["chat/1", "chat/7", "beer.example.com/5", "chat/4"]


def test_numbers_run_on_over_several_files(lines):
    row = {"conversations": ["Why?", "So."]}
    first, second = lines(row, row, name="a.jsonl"), lines(row, name="b.jsonl")
    assert [record.id for _, record in read_all(first, second)] == ["chat/1", "chat/2", "chat/3"]
    assert read_all(first.parent) == read_all(first, second)


def test_a_row_is_credited_as_it_says_or_as_the_recipe_says(lines):
    row = {"conversations": ["Why?", "So."]}
    path = lines(row, row | {"author": "Ann", "license": "MIT", "url": "https://x", "source": "wikihow"})
    plain, own = (record.origin for _, record in read_all(path, author="Us", license="CC0"))
    assert (plain.author, plain.license, plain.community, plain.item) == ("Us", "CC0", "chat", "chat.jsonl:1")
    assert (own.author, own.license, own.url, own.community) == ("Ann", "MIT", "https://x", "wikihow")


def test_a_list_a_byte_order_mark_and_blank_lines_are_read(tmp_path):
    row = json.dumps({"conversations": ["Why?", "So."]})
    path = tmp_path / "chat.json"
    for content in (f"[{row},\n{row}]", f"\ufeff[{row}, {row}]", f"\ufeff{row}\r\n\r\n{row}"):
        path.write_text(content, encoding="utf-8")
        assert [record.turns for _, record in read_all(path)] == [(ASKED, REPLIED)] * 2


def test_a_test_split_takes_prompts_and_drops_last_answers(lines):
    path = lines({"conversations": "Why?"}, {"conversations": ["Why?"]}, {"conversations": ["Why?", "So."]})
    assert [(file, record.turns) for file, record in read_all(path, split="test")] == [("test", (ASKED,))] * 3


def test_a_row_that_ends_with_the_user_is_dropped_where_answers_are_needed(lines):
    path = lines({"conversations": ["Why?", "So."]}, {"instruction": "Why?", "output": " "})
    (kept, example), (file, dropped) = read_all(path, split="dev")
    assert (kept, example.turns) == ("dev", (ASKED, REPLIED))
    assert (file, dropped) == (
        "dropped",
        Dropped("chat/2", "no_answer", "chat.jsonl:2: the dialogue ends with the user"),
    )


def test_a_system_message_is_left_out_and_noted(lines):
    row = {
        "messages": [
            {"role": "system", "content": "Be kind."},
            *({"role": t.role, "content": t.text} for t in (ASKED, REPLIED)),
        ]
    }
    (_, note), (_, example) = read_all(lines(row))
    assert (note.id, note.rule) == ("chat/1", "system_message")
    assert "Be kind." in note.detail
    assert example.turns == (ASKED, REPLIED)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{not json", "not JSON"),
        ('{"conversations": ["a \\ud800"]}', "not JSON"),
        ("7", "a row must be an object"),
        ({}, "has none of messages, conversations and instruction, but nothing"),
        ({"prompt": "x"}, "but prompt"),
        ({"conversations": []}, "has no turns"),
        ({"conversations": ["Why?", ""]}, "turn 2 is blank"),
        ({"conversations": ["Why?", 3]}, "conversations must be a list of objects with from and value"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "turn 1 is not text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "turn 1 is by 'tool'"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "turn 0 is by the assistant, not the user"),
        ({"messages": {"role": "user"}}, "messages must be a list"),
        ({"instruction": "", "output": "x"}, "turn 1 is blank"),
        ({"instruction": "x", "input": 4, "output": "x"}, "must be text"),
        ({"instruction": "x", "output": "x", "history": ["x"]}, "history must be a list of"),
        ({"conversations": ["Why?", "So."], "id": [1]}, "id must be text or a number"),
        ({"conversations": ["Why?", "So."], "id": "same"}, "the id 'chat/same' stands there twice"),
    ],
)
def test_a_bad_row_is_one_line_that_says_where_and_why(lines, row, reason):
    good = {"conversations": ["Why?", "So."], "id": "same"}
    (_, kept), (file, dropped) = read_all(lines(good, row))
    assert kept.id == "chat/same"
    assert (file, dropped.rule) == ("dropped", "bad_row")
    assert dropped.detail.startswith("chat.jsonl:2: ")
    assert reason in dropped.detail


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("[]", "is an empty list"),
        ('[{"conversations": ', "begins as a JSON list, and cannot be read as one"),
        ("Just a letter.\nAnd more.", "2 of 2 lines are not JSON, the first in line 1: .*; it must hold one"),
        ('{"story": "Long ago."}', "none of its 1 rows can be used; the first is a bad_row: .*but story"),
        ('{"conversations": "Why?"}', 'every one ends with the user; prompts are read with split = "test"'),
    ],
)
def test_a_file_that_gives_nothing_is_an_error(tmp_path, content, error):
    path = tmp_path / "chat.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=error) as caught:
        read_all(path)
    assert str(path) in str(caught.value)


def test_a_wrong_path_is_an_error(tmp_path):
    for path, match in [(tmp_path, r"holds no \*\.json"), (tmp_path / "no.json", "no such file")]:
        with pytest.raises(DataError, match=match):
            read_all(path)


def test_limas_own_rows_are_read_in_both_their_forms(shared_data):
    ours = [record for _, record in read_all(shared_data / "lima" / "lima.json")]
    assert len(ours) == 1029
    assert sum(len(record.turns) > 2 for record in ours) == 29
    lines = (shared_data / "lima" / "derived_train.jsonl").read_text(encoding="utf-8").splitlines()
    peer = [json.loads(line)["conversations"] for line in lines]
    assert [[turn.text for turn in record.turns] for record in ours] == peer
    assert [record.turns for _, record in read_all(shared_data / "lima" / "derived_train.jsonl")] == [
        r.turns for r in ours
    ]


def test_limas_test_prompts_are_read(shared_data):
    found = read_all(shared_data / "lima" / "lima_test_set.jsonl", split="test")
    assert ({file for file, _ in found}, len(found)) == ({"test"}, 300)


def test_alpacas_rows_are_read_and_its_two_empty_outputs_dropped(shared_data):
    found = read_all(shared_data / "alpaca" / "alpaca_5000.json")
    assert [file for file, _ in found].count("examples") == 4998
    assert {record.rule for file, record in found if file == "dropped"} == {"no_answer"}


def test_a_seed_task_is_a_dialogue_an_instance(lines):
    seed = {"id": "seed_task_0", "name": "sums", "instruction": "Add.", "is_classification": False}
    one = {"input": "1 + 1", "output": "2"}
    path = lines(
        seed | {"instances": [one]},
        seed | {"id": "b", "instances": [one, {"input": "", "output": "3"}]},
        seed | {"id": None, "instances": [one, "no instance"]},
        seed | {"id": "d", "instances": []},
    )
    found = [record for _, record in read_all(path)]
    assert [record.id for record in found] == [
        *("chat/seed_task_0", "chat/b-1", "chat/b-2", "chat/3-1", "chat/3-2", "chat/d")
    ]
    assert found[0].turns == (Turn("user", "Add.\n\n1 + 1"), Turn("assistant", "2"))
    assert found[2].turns == (Turn("user", "Add."), Turn("assistant", "3"))
    assert [record.rule for record in found[4:]] == ["no_answer", "no_answer"]


def test_keys_that_mean_nothing_are_counted_a_file(lines):
    row = {"conversations": ["Why?", "So."], "source": None}
    paths = (
        lines(row | {"score": 3}, row | {"score": 4, "lang": "en"}, name="a.jsonl"),
        lines(row, name="b.jsonl"),
    )
    source = Messages(kind="messages", paths=tuple(InputPath(str(path)) for path in paths))
    counts = read("chat", source, {}, lambda file, record: None, paths[0])
    assert counts == {"ignored_keys": {"a.jsonl": {"lang": 1, "score": 2}}}


def test_json_nested_without_end_is_a_bad_row(lines):
    (_, kept), (_, dropped) = read_all(lines({"conversations": ["Why?", "So."]}, "[" * 100_000))
    assert kept.turns == (ASKED, REPLIED)
    assert dropped.rule == "bad_row"


def test_alpacas_seed_tasks_are_all_read(shared_data):
    found = read_all(shared_data / "alpaca" / "seed_tasks.jsonl")
    assert ([file for file, _ in found], found[0][1].id) == (["examples"] * 175, "chat/seed_task_0")
    assert found[1][1].turns[0].text.endswith("given pairs?\n\nNight : Day :: Right : Left")
