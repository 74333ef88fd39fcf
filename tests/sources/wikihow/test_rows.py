"""CSV: the same fields as Python's own reader gives, whatever the file."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.sources.wikihow import rows as module
from handful.sources.wikihow.rows import Text, header_of, read_rows

FIELD = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters='\n",'), max_size=12)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("rows") / "rows.csv"


@given(
    st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 40),
)
def test_what_was_written_is_read_wherever_blocks_end(file, table, quoting, ending, block):
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, quoting=quoting, lineterminator=ending).writerows([("a", "b", "c"), *table])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert list(read_rows(Text(file), 3)) == [("a", "b", "c"), *table]


@given(st.text(st.sampled_from('ab",\n'), max_size=40))
def test_odd_rows_are_read_as_the_csv_module_reads_them(file, text):
    file.write_text(text, encoding="utf-8", newline="")
    own = [tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row]
    found = [row for row in read_rows(Text(file), 2) if row]
    assert found == own


def test_bytes_that_are_no_text_are_replaced_and_counted(file):
    file.write_bytes(b"title,text\nCaf\xe9,a\0b\n")
    text = Text(file)
    assert list(read_rows(text, 2)) == [("title", "text"), ("Caf\ufffd", "ab")]
    assert text.unreadable == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_how_to_read(file, encoding):
    file.write_text("title,text\nCafé,ü\n", encoding=encoding)
    assert header_of(file) == ("title", "text")
    assert list(read_rows(Text(file), 2)) == [("title", "text"), ("Café", "ü")]
