"""Rows of JSON: the bad ones in their place, and files that are none refused."""

import json

import pytest

from handful.core.errors import DataError
from handful.sources.json_rows import BadRow, rows


@pytest.fixture
def read(tmp_path):
    def read(content, tidy=bytes):
        (tmp_path / "x.json").write_bytes(content)
        return list(rows(tmp_path / "x.json", tidy))

    return read


def good(found):
    return [row for _, row in found if not isinstance(row, BadRow)]


GOOD = b'{"a": "b"}'


def test_lines_and_a_list_say_where_their_rows_stand(read):
    assert read(b"\xef\xbb\xbf" + GOOD + b"\r\n\n" + GOOD) == [
        ("x.json:1", {"a": "b"}),
        ("x.json:3", {"a": "b"}),
    ]
    assert read(b" [" + GOOD + b",\n 5]") == [("x.json: row 1", {"a": "b"}), ("x.json: row 2", 5)]


@pytest.mark.parametrize(
    "bad",
    [rb'{"a": "\ud800"}', b'{"a": "caf\xe9"}', b'{"a": "\xf0\x9f"}'],
)
def test_a_row_that_holds_no_text_spoils_no_other(read, bad):
    for content in (b"\n".join([GOOD, bad, GOOD]), b"[" + b",".join([GOOD, bad, GOOD]) + b"]"):
        found = read(content)
        assert good(found) == [{"a": "b"}] * 2
        assert isinstance(found[1][1], BadRow)


@pytest.mark.parametrize(
    "bad", [b'{"a"', b"[" * 200_000, b'{"a":' + b"[" * 99_999 + b"]" * 99_999 + b"}", b"9" * 5000]
)
def test_a_line_that_is_no_json_is_told_in_its_place(read, bad):
    (_, first), (_, second) = read(GOOD + b"\n" + bad)
    assert first == {"a": "b"}
    assert isinstance(second, BadRow)


def test_half_of_the_lines_may_be_broken_and_a_few_always(read):
    assert len(good(read(GOOD + b"\n{" * 20))) == 1
    assert len(good(read(b"\n".join([GOOD, b"{"] * 30)))) == 30
    with pytest.raises(
        DataError, match=r"21 of 22 lines are not JSON, the first in line 2: .*; it must hold one JSON"
    ):
        read(GOOD + b"\n{" * 21)
    with pytest.raises(DataError, match="3 of 3 lines are not JSON"):
        read(json.dumps({"a": 1}, indent=1).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b" " * 5000 + b"\n", "is empty"),
        (b"[]", "is an empty list"),
        (
            b"[" + GOOD,
            "begins as a JSON list, and cannot be read as one .*truncated.*; where it was cut off, fetch it again",
        ),
        (b"[" * 200_000, "begins as a JSON list"),
        (b"<!doctype html>", "is a web page, perhaps a server's message"),
        (GOOD.decode().encode("utf-16"), "is text in UTF-16"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(read, content, message):
    with pytest.raises(DataError, match=rf"x\.json: {message}"):
        read(content)


def test_bytes_may_be_tidied_before_they_are_decoded(read):
    assert read(b'{"a": "b\0"}', lambda raw: raw.replace(b"\0", b"")) == [("x.json:1", {"a": "b"})]
