"""Rows are found whatever surrounds them, and read as an XML parser reads them."""

import html
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from handful.core.errors import DataError
from handful.sources.stackexchange import rows
from handful.sources.stackexchange.rows import Fault, Post, attributes, glance, records, unescape

QUESTION = (
    b'Id="1" PostTypeId="1" CreationDate="2015-01-01" Score="-3" ViewCount="9" Body="&lt;p&gt;" Title="t" />'
)
ANSWER = b'Id="2" PostTypeId="2" ParentId="1" CreationDate="2015-01-01" Score="12" Body="abc" />'


def test_the_numbers_of_a_row_are_read_from_its_front():
    assert glance(QUESTION) == Post(id=1, type=1, parent=0, score=-3, size=9)
    assert glance(ANSWER) == Post(id=2, type=2, parent=1, score=12, size=3)


def test_attributes_may_stand_in_any_order_and_in_either_quote():
    row = b"""Score="12"  Body='a "b"' ParentId = "1" PostTypeId="2" Other="x" Id="2"></row>"""
    assert glance(row) == Post(id=2, type=2, parent=1, score=12, size=5)
    assert attributes(row)["Body"] == 'a "b"'


def test_other_types_of_posts_are_passed_over():
    assert glance(ANSWER.replace(b'PostTypeId="2"', b'PostTypeId="5"')) is None
    assert glance(b'Id="7" PostTypeId="4" />') is None


@pytest.mark.parametrize("name", ["Id", "PostTypeId", "ParentId", "Score", "Body"])
def test_a_row_without_a_needed_attribute_is_a_fault_that_names_it(name):
    row = b" ".join(part for part in ANSWER.split() if not part.startswith(name.encode() + b"="))
    fault = glance(row)
    assert isinstance(fault, Fault)
    assert (fault.rule, name in fault.detail) == ("missing_attribute", True)


@pytest.mark.parametrize("score", ["", "many", "1.5"])
def test_a_score_must_be_a_whole_number(score):
    fault = glance(ANSWER.replace(b'Score="12"', f'Score="{score}"'.encode()))
    assert isinstance(fault, Fault)
    assert fault.rule == "missing_attribute"


@pytest.mark.parametrize("end", [20, 60, len(ANSWER) - 8, len(ANSWER) - 3])
def test_a_row_that_is_cut_is_broken(end):
    fault = glance(ANSWER[:end])
    assert isinstance(fault, Fault)
    assert fault.rule == "broken_row"


def test_the_false_posts_of_recent_dumps_are_told_apart():
    fault = glance(QUESTION.replace(b'Id="1"', b'Id="1000000001"', 1))
    assert isinstance(fault, Fault)
    assert (fault.rule, fault.id) == ("fabricated_post", "1000000001")


@pytest.mark.parametrize("between", [b"\r\n  ", b"\n", b"", b"\t\n<!-- note -->\n"])
@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf<?xml version='1.0'?>\r\n<posts>\r\n  ", b"<posts>"])
def test_rows_are_found_whatever_stands_between_them(head, between):
    stream = head + between.join([b"<row " + QUESTION, b"<row " + ANSWER]) + b"\n</posts>"
    assert [glance(record) for _, record in records([stream])] == [glance(QUESTION), glance(ANSWER)]


@given(st.integers(1, 60))
def test_rows_do_not_depend_on_the_size_of_chunks(size):
    stream = (
        b"\xef\xbb\xbf<posts>\n" + b"\n".join([b"  <row " + QUESTION, b"  <row " + ANSWER] * 3) + b"</posts>"
    )
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert list(records(chunks)) == list(records([stream]))
    assert all(stream[position:].startswith(record) for position, record in records(chunks))


def test_control_characters_and_bytes_that_are_no_utf_8_do_not_stop_the_scan():
    stream = b"<row " + ANSWER.replace(b"abc", b"a\x00\x0c\xff\xfe") + b"\n<row " + QUESTION
    found = [record for _, record in records([stream])]
    assert attributes(found[0])["Body"] == "a\x00\x0c\ufffd\ufffd"
    assert glance(found[1]) == glance(QUESTION)


def test_a_file_without_rows_is_not_held_in_memory():
    assert list(records(bytes(1 << 20) for _ in range(40))) == []


def test_a_row_without_end_is_refused_rather_than_held_in_memory(monkeypatch):
    monkeypatch.setattr(rows, "MAX_ROW", 1 << 20)
    with pytest.raises(DataError, match="a row of more than"):
        list(records([b"<row ", *(bytes(1 << 19) for _ in range(9))]))


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("&lt;p&gt;&quot;x&quot;&#xA;&#10;&apos;", '<p>"x"\n\n\''),
        ("&amp;lt;code&amp;gt;", "&lt;code&gt;"),
        ("&amp;nbsp;&amp;amp;", "&nbsp;&amp;"),
        ("a & b &unknown; &", "a & b &unknown; &"),
        ("&#xD83D;&#xDE00;", "😀"),
        ("&#xD83D;x", "\ufffdx"),
        ("&#x7FFFFF;", "\ufffd"),
    ],
)
def test_entities_are_resolved_once_and_only_those_of_xml(escaped, text):
    assert unescape(escaped) == text


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
)
def test_an_attribute_reads_as_lxml_reads_it(text):
    row = f'Id="1" Body="{escape(text, {chr(34): "&quot;"})}" />'
    assert attributes(row.encode())["Body"] == etree.fromstring("<row " + row).get("Body")


@given(st.text(st.characters(codec="utf-8")))
def test_unescaping_undoes_escaping(text):
    assert unescape(html.escape(text).replace("&#x27;", "&apos;")) == text


def test_every_row_of_the_real_sites_is_read_as_lxml_reads_it(shared_data):
    """But for raw tabs, of which one body has two: XML makes them spaces, and we keep them as they are in code."""
    paths = sorted((shared_data / "stackexchange").glob("*/Posts.xml"))
    assert paths
    for path in paths:
        ours = [attributes(record) for _, record in records([path.read_bytes()])]
        theirs = [row.attrib for row in etree.parse(path).getroot()]
        assert [without_tabs(row) for row in ours] == [without_tabs(row) for row in theirs]


def without_tabs(row):
    return {name: text.replace("\t", " ") for name, text in row.items()}
