"""Parquet as an input: what `kind = "messages"` reads, and what it refuses."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from handful.core.errors import DataError
from handful.core.types import Turn
from handful.recipe.sources import Messages
from handful.recipe.values import InputPath
from handful.sources.messages import read

ASKED, REPLIED = Turn("user", "Why?"), Turn("assistant", "So.")


def read_all(path, **options):
    found = []
    source = Messages(kind="messages", paths=(InputPath(str(path)),), **options)
    read("chat", source, {}, lambda file, record: found.append((file, record)), path)
    return found


@pytest.fixture
def write(tmp_path):
    def write(rows, name="chat.parquet", **options):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name, **options)
        return tmp_path / name

    return write


def test_every_form_is_read_and_columns_of_no_use_are_passed_over(write):
    said = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    for row in (
        {"messages": said, "embedding": [0.5], "author": "Ann"},
        {"conversations": ["Why?", "So."], "source": "wikihow"},
        {"instruction": "Why?", "input": None, "output": "So."},
    ):
        ((file, record),) = read_all(write([row]))
        assert (file, record.turns) == ("examples", (ASKED, REPLIED))
        assert (record.id, record.origin.item) == ("chat/1", "chat.parquet: row 1")
        assert record.origin.author == (row.get("author") or "")


def test_a_folder_may_hold_parquet_beside_json_and_rows_are_numbered_over_batches(write, tmp_path):
    write([{"conversations": ["Why?", "So."]}] * 2500, row_group_size=700)
    (tmp_path / "more.jsonl").write_text('{"conversations": ["Why?", "So."]}\n')
    found = read_all(tmp_path)
    assert len(found) == 2501
    assert found[2499][1].origin.item == "chat.parquet: row 2500"


def test_a_bad_row_is_one_line_that_says_where(write):
    found = read_all(write([{"conversations": ["Why?", "So."]}, {"conversations": ["Why?", " "]}]))
    assert (found[1][0], found[1][1].rule) == ("dropped", "bad_row")
    assert found[1][1].detail == "chat.parquet: row 2: turn 2 is blank"


def test_a_file_without_dialogues_names_its_columns(write):
    path = write([{"text": "x", "label": 1}])
    with pytest.raises(DataError, match="no column named messages or conversations or instruction, but text"):
        read_all(path)


def test_an_empty_table_is_an_error(tmp_path):
    schema = pa.schema([("conversations", pa.list_(pa.string()))])
    pq.write_table(schema.empty_table(), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"none of its 0 rows can be used; it is empty"):
        read_all(tmp_path / "x.parquet")


@pytest.mark.parametrize("damage", ["cut", "text", "nothing", "middle"])
def test_a_damaged_file_is_an_error(write, damage):
    path = write([{"conversations": [f"Why {n}?", "So."]} for n in range(2000)])
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-100],
            "text": b"PAR1, or so it says",
            "nothing": b"",
            "middle": whole[:40] + bytes(400) + whole[440:],
        }[damage]
    )
    with pytest.raises(DataError, match="cannot be read as Parquet") as caught:
        read_all(path)
    assert str(path) in str(caught.value)
