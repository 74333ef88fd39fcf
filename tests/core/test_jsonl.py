import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Example, Origin, Prompt, Turn, Verdict

ORIGIN = Origin("other", "cooking", "q/11/a/12")


@pytest.mark.parametrize(
    "record",
    [
        Example("se/11", (Turn("user", "How?"), Turn("assistant", "Thus, ünïcode.\nTwo lines.")), ORIGIN),
        Verdict("1", "judge", None, raw="I cannot say."),
        Verdict("1", "judge", "tie", "swapped"),
    ],
    ids=["example", "unreadable verdict", "tie"],
)
def test_records_come_back_as_they_were(tmp_path, record):
    path = tmp_path / "records.jsonl"
    jsonl.write(path, [record])
    assert list(jsonl.read(path, type(record))) == [record]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_any_text_survives_and_stays_on_its_line(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("jsonl") / "v.jsonl"
    verdicts = [Verdict("1", "judge", None, raw=text) for text in texts]
    assert jsonl.write(path, verdicts) == len(texts)
    assert path.read_bytes().count(b"\n") == len(texts)
    assert list(jsonl.read(path, Verdict)) == verdicts


def prompt_by(role):
    origin = {"source": "se", "community": "cooking", "item": "1"}
    return json.dumps({"id": "a", "turns": [{"role": role, "text": "How?"}], "origin": origin})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id": "a", "turnz": []}', "unknown field `turnz`"),
        ('{"id": "a"}', "missing required field `turns`"),
        (prompt_by("cook"), r"Invalid enum value 'cook' - at `\$\.turns\[0\]\.role`"),
        (prompt_by("assistant"), "a: turn 0 is by the assistant, not the user"),
        ('{"id": "a", "turns": [', "Input data was truncated"),
    ],
)
def test_a_bad_line_is_named_by_file_line_and_field(tmp_path, line, problem):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(jsonl.dumps(Prompt("ok", (Turn("user", "How?"),), ORIGIN)) + line.encode() + b"\n")
    with pytest.raises(DataError, match=rf"prompts\.jsonl:2: .*{problem}"):
        list(jsonl.read(path, Prompt))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.jsonl: no such file"):
        list(jsonl.read(tmp_path / "absent.jsonl", Prompt))


@pytest.mark.parametrize("cut", range(1, 40, 7))
def test_recovery_keeps_whole_lines_and_cuts_the_half_one(tmp_path, cut):
    path = tmp_path / "grown.jsonl"
    first, second = Verdict("1", "judge", "left"), Verdict("2", "judge", "tie")
    jsonl.append(path, [first])
    path.write_bytes(path.read_bytes() + jsonl.dumps(second)[:cut])
    assert jsonl.recover(path, Verdict) == [first]
    jsonl.append(path, [second])
    assert jsonl.recover(path, Verdict) == [first, second]


def test_there_is_nothing_to_recover_where_nothing_was_written(tmp_path):
    assert jsonl.recover(tmp_path / "absent.jsonl", Verdict) == []
