"""Parquet: the same values in the same bytes, in row groups of bounded size."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core.types import Example, Origin, Turn
from handful.dataset import parquet
from handful.dataset.arrow import array_of, type_of
from handful.dataset.layouts import CANDIDATE_COLUMNS
from handful.dataset.parquet import write_parquet

text = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
COLUMNS = [
    ("string", text),
    ("int64", st.none() | st.integers(-(2**63), 2**63 - 1)),
    (["string"], st.none() | st.lists(text, max_size=3)),
    ([["string"]], st.none() | st.lists(st.lists(text, max_size=2), max_size=2)),
    (
        [{"role": "string", "n": "int64"}],
        st.none() | st.lists(st.fixed_dictionaries({"role": text, "n": st.none() | st.just(7)}), max_size=3),
    ),
]


@pytest.mark.parametrize(("column", "values"), COLUMNS, ids=lambda x: str(x)[:20])
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_arrays_are_those_that_pyarrow_makes(column, values, data):
    given_values = data.draw(st.lists(values, max_size=20))
    made = array_of(given_values, column)
    made.validate(full=True)
    assert made.equals(pa.array(given_values, type_of(column)))


def test_a_candidate_and_a_dialogue_are_a_row_each(make_candidate, tmp_path):
    origin = Origin("other", "cooking", "q/1/a/2", "https://x.org/a/2", "Ann", "CC BY-SA 4.0")
    day = "2015-03-05T05:06:07.008"
    candidate = make_candidate(tags=("rice", "pot"), origin=origin, views=90, answered=day)
    turns = tuple(Turn("assistant" if n % 2 else "user", t) for n, t in enumerate("abcd"))
    dialogue = Example("chat/1", turns, Origin("chat", "chat", "row 1", title="T"), ("kind=x",), 5)
    short = Example("chat/2", turns[:2], Origin("chat", "chat", "row 2"))
    path = tmp_path / "x.parquet"
    assert write_parquet([candidate, dialogue, short], path) == 3
    table = pq.read_table(path)
    assert table.column_names == list(CANDIDATE_COLUMNS)
    first, second, third = table.to_pylist()
    assert first == {
        "id": "cooking/1",
        "title": candidate.title,
        "body": candidate.body,
        "answer": candidate.answer,
        "question_score": 30,
        "answer_score": 12,
        "views": 90,
        "asked": None,
        "answered": day,
        "tags": ["rice", "pot"],
        "source": "other",
        "community": "cooking",
        "item": "q/1/a/2",
        "url": "https://x.org/a/2",
        "author": "Ann",
        "license": "CC BY-SA 4.0",
        "messages": None,
    }
    assert (second["title"], second["body"], second["answer"]) == ("T", "a", "b")
    assert (second["question_score"], second["answer_score"], second["tags"]) == (None, 5, ["kind=x"])
    assert [(turn["role"], turn["content"]) for turn in second["messages"]] == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
        ("assistant", "d"),
    ]
    assert (third["body"], third["answer"], third["messages"]) == ("a", "b", None)


def test_no_field_of_a_candidate_is_lost(make_candidate):
    candidate = make_candidate()
    fields = {*candidate.__struct_fields__, *candidate.origin.__struct_fields__} - {"origin"}
    assert fields <= set(CANDIDATE_COLUMNS)


def test_it_makes_the_same_bytes_again_compressed_with_zstd(make_candidate, tmp_path):
    records = [make_candidate(id=f"cooking/{n}") for n in range(50)]
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_parquet(records, one)
    write_parquet(iter(records), two)
    assert one.read_bytes() == two.read_bytes()
    group = pq.ParquetFile(one).metadata.row_group(0)
    assert {group.column(n).compression for n in range(group.num_columns)} == {"ZSTD"}


def test_row_groups_end_at_so_many_rows_or_characters(make_candidate, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS", 4)
    monkeypatch.setattr(parquet, "CHARACTERS", 4_000)
    short = [make_candidate(id=str(n), body="b", answer="a") for n in range(6)]
    long = [make_candidate(id=f"l{n}", body="b" * 2_500, answer="a") for n in range(3)]
    path = tmp_path / "x.parquet"
    assert write_parquet(iter([*short, *long]), path) == 9
    found = pq.ParquetFile(path).metadata
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [4, 4, 1]
    assert pq.read_table(path)["id"].to_pylist() == [record.id for record in (*short, *long)]


def test_nothing_to_write_is_a_file_without_rows(tmp_path):
    assert write_parquet([], tmp_path / "x.parquet") == 0
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 0


def test_writing_does_not_import_pandas(tmp_path):
    code = (
        "import sys; from pathlib import Path; from handful.dataset.parquet import write_parquet;"
        "from handful.core.types import Candidate, Origin;"
        f"write_parquet([Candidate('a', 't', 'b', 'c', 1, 2, Origin('s', 'c', 'i'))], Path({str(tmp_path / 'x')!r}));"
        "print('pandas' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
