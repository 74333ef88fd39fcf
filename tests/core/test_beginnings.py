"""What a file of the wrong kind is, in words."""

import bz2
import gzip
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.beginnings import foreign, quoted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"x", mtime=0), "is packed with gzip; unpack it first: `gunzip FILE`"),
        (bz2.compress(b"x"), "is packed with bzip2"),
        (lzma.compress(b"x"), "is packed with xz"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a PNG image"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"\xef\xbb\xbf<!DOCTYPE html>\n<html>", "is a web page"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<HTML lang="en">', "is a web page"),
        ("Title,Text".encode("utf-16"), "is text in UTF-16; `iconv"),
        ("Title,Text".encode("utf-16-le"), "is text in UTF-16"),
        ("Title,Text".encode("utf-16-be"), "is text in UTF-16"),
    ],
)
def test_a_known_kind_is_named_with_what_to_do(content, words):
    assert foreign(content).startswith(words)


@pytest.mark.parametrize(
    "content", [b"", b'{"a": 1}', b"<posts>", b'<?xml version="1.0"?>\r\n<posts>', b"html"]
)
def test_what_may_be_a_dump_is_nothing_foreign(content):
    assert foreign(content) == ""


@given(
    st.text(st.characters(exclude_characters="\0<", codec="utf-8")).filter(
        lambda text: text[:1] not in "BGP7%S"
    )
)
def test_text_is_never_foreign(text):
    assert foreign(text.encode()) == ""


def test_unknown_bytes_are_shown_so_that_a_terminal_takes_no_harm():
    assert quoted(b"\x1b[31m\0 and more of it") == r"it begins with b'\x1b[31m\x00 and more '"
    assert quoted(b"") == "it is empty"
