"""CSV as the csv module has it, whether pyarrow reads it or not, and in blocks of any size."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.sources.wikihow import rows as module
from handful.sources.wikihow.rows import LARGE, Cleaned, Text, header_of, read_rows

FIELD = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters='\n",'), max_size=12)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("rows") / "rows.csv"


def read(text, places=(0, 1, 2), large=LARGE, block=1 << 20):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LARGE", large)
        patch.setattr(module, "BLOCK", block)
        return list(read_rows(text, len(places), places))


@given(
    st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([0, LARGE]),
    st.integers(16, 200),
)
def test_what_was_written_is_read_wherever_blocks_end(file, table, quoting, ending, large, block):
    if quoting == csv.QUOTE_ALL:
        table = [tuple(field.replace("\n", "\r\n") for field in row) for row in table]
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, quoting=quoting, lineterminator=ending).writerows([("a", "b", "c"), *table])
    assert read(Text(file), large=large, block=block) == [("a", "b", "c"), *table]


@given(st.text(st.sampled_from('ab",\n\r'), max_size=40), st.sampled_from([0, LARGE]), st.integers(16, 80))
def test_odd_rows_are_read_as_the_csv_module_reads_them(file, text, large, block):
    file.write_text(text, encoding="utf-8", newline="")
    *own, last = csv.reader([*io.StringIO(text, newline=""), "END"])
    found = Text(file)
    try:
        assert read(found, (0, 1), large, block) == [(*row, "")[:2] for row in own if row]
        assert bool(found.lost) == (last != ["END"])
    except DataError:
        assert last != ["END"]


@pytest.mark.parametrize("odd", ["d\n", 'd,"e\n', "d,e,f\n", 'd,e"\n'])
def test_the_csv_module_goes_on_where_pyarrow_stops(file, odd):
    rows = "".join(f"{number},x\n" for number in range(50))
    file.write_text(f"a,b\n{rows}{odd}{rows}")
    assert read(Text(file), (1, 0), large=0, block=64) == read(Text(file), (1, 0))
    assert len(read(Text(file), (1, 0), large=0)) in (51, 102)


def test_pyarrow_is_not_needed(file, monkeypatch):
    file.write_text("a,b\n1,2\n")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(module, "all_rows", lambda text, places: iter(["by the csv module"]))
    assert read(Text(file), large=0) == ["by the csv module"]


@pytest.mark.parametrize("large", [0, LARGE])
def test_bytes_that_are_no_text_are_replaced_and_counted(file, large):
    file.write_bytes(b"title,text\nCaf\xe9,a\0b\nCaf\xef\xbf\xbd,\x07\n")
    text = Text(file)
    assert read(text, (0, 1), large) == [("title", "text"), ("Caf\ufffd", "ab"), ("Caf\ufffd", "")]
    assert text.unreadable == 2


@pytest.mark.parametrize("large", [0, LARGE])
def test_bytes_that_are_no_text_count_in_any_column(file, large):
    file.write_bytes(b"title,text\nCaf\xe9,a\nb,c\n")
    text = Text(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LARGE", large)
        assert list(read_rows(text, 2, (1,))) == [("text",), ("a",), ("c",)]
    assert text.unreadable == 1


@pytest.mark.parametrize("large", [0, LARGE])
def test_a_character_that_was_replaced_before_is_counted_too(file, large):
    file.write_text("title,text\nCaf\ufffd,b\x07\n", encoding="utf-8")
    text = Text(file)
    assert read(text, (0, 1), large) == [("title", "text"), ("Caf\ufffd", "b")]
    assert text.unreadable == 1


@pytest.mark.parametrize("large", [0, LARGE])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_how_to_read(file, encoding, large):
    file.write_text("title,text\nCafé,ü\n", encoding=encoding)
    assert header_of(file) == ("title", "text")
    assert read(Text(file), (0, 1), large) == [("title", "text"), ("Café", "ü")]


@given(st.binary(max_size=40), st.integers(2, 9))
def test_pieces_have_no_control_characters_and_never_end_within_a_line_end(file, raw, size):
    file.write_bytes(raw)
    with Cleaned(file) as cleaned:
        pieces = list(iter(lambda: cleaned.read(size), b""))
    assert b"".join(pieces) == bytes(
        byte for byte in raw if (byte >= 32 and byte != 127) or byte in b"\t\n\r"
    )
    assert not any(piece.endswith(b"\r") and len(piece) > 1 for piece in pieces[:-1])
