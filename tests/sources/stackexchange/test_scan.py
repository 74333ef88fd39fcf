"""Rows read in thousands at once come out as rows read one by one, whatever else is in the file."""

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.sources.stackexchange import windows
from handful.sources.stackexchange.rows import Fault, glance, records
from handful.sources.stackexchange.scan import WHOLE, Bounds, scan
from handful.sources.stackexchange.shards import seek_row
from handful.sources.stackexchange.tables import PLACES, Tables

BOUNDS = Bounds(min_answer_score=3, min_chars=20)
DATE = "2015-03-04T05:06:07.008"
HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'

ids = st.integers(1, 40) | st.sampled_from([10**7, 10**8 - 1, 10**8, 10**9 - 1, 10**9, 10**9 + 1, 10**17])
scores = st.integers(-5, 9) | st.sampled_from([-(10**8), 10**8 - 1, 10**8, 10**9 - 1, 10**9])
dates = st.sampled_from([DATE, DATE, DATE, "2015-03-04T05:06:07", "", 'x" Odd="67890123456789'])
bodies = st.sampled_from(
    ["", "&lt;p&gt;short", "&lt;p&gt;" + "long enough " * 3, "a\r\n b " * 9, "é > /> ok", "1 < 2 " * 6]
)
ends = st.sampled_from([" />", " />", " />", "/>", "></row>", ">\n</row>"])
spaces = st.sampled_from(
    ["\r\n  "] * 4 + ["\n  ", "\r\n", "\n", "", " ", "\n\n\t", "  \r\n", "\n<!-- note -->\n  "]
)


@st.composite
def rows(draw):
    """A row, seven times of eight in the dump's form but for its values."""
    id, score, date, body = draw(ids), draw(scores), draw(dates), draw(bodies)
    type = draw(st.sampled_from(["1", "1", "1+", "2", "2", "2", "3", "4", "5", "11", "12", ""]))
    links = {"1+": f' AcceptedAnswerId="{draw(ids)}"', "2": f' ParentId="{draw(ids)}"'}.get(type, "")
    views = draw(st.sampled_from(["", ' ViewCount="90"', ' ViewCount="123456789"', ' ViewCount=""']))
    front = (
        f'<row Id="{id}" PostTypeId="{type.strip("+")}"{links} CreationDate="{date}" Score="{score}"{views}'
    )
    row = f'{front} Body="{body}" Title="t"'
    odd = draw(st.sampled_from(["no"] * 7 + ["cut", "order", "quotes", "less"]))
    if odd == "cut":
        return row[: draw(st.integers(5, len(row) - 12))]
    if odd == "order":
        row = row.replace("<row", '<row Tags="x"')
    if odd == "quotes":
        row = row.replace('Title="t"', "Title='t'").replace(f'"{id}"', f"'{id}'", 1)
    if odd == "less":
        row = row.replace(draw(st.sampled_from([' Score="', ' Id="', ' ParentId="', ' Body="'])), ' Gone="')
    return row + draw(ends)


@st.composite
def dumps(draw):
    made = draw(st.lists(st.tuples(rows(), spaces), max_size=12))
    foot = draw(st.sampled_from([b"</posts>", b"</posts>\r\n", b""]))
    return HEAD * draw(st.integers(0, 1)) + "".join(row + space for row, space in made).encode() + foot


def one_by_one(content):
    """What each row says by itself: rows of the table, with the text for a place, and what cannot be used."""
    table, faults = [], []
    for _, record in records([content]):
        record = b" " + record  # the mark of a row is read with the space behind it
        post = glance(record)
        if isinstance(post, Fault):
            faults.append((post.rule, post.detail))
        elif post is not None:
            asked = post.type == 1
            kept = asked or (post.score >= BOUNDS.min_answer_score and post.size >= BOUNDS.min_chars)
            size = -1 - post.size if post.score >= BOUNDS.min_answer_score else -1
            question = post.id if asked else post.parent
            text = identity(record)
            table.append(
                (question, 0 if asked else post.id, 0 if asked else post.score, text if kept else size)
            )
    return table, sorted(faults)


def identity(record):
    """What tells a row from others: what stands behind it is not part of it."""
    return glance(record), record[:40]


def at_once(content, folder, spill=None, ranges=((0, WHOLE),)):
    table, faults = [], []
    for start, stop in ranges:
        file = io.BufferedReader(io.BytesIO(content), 64)
        tables = Tables(1, folder)
        seen = scan("tea", file, tables, BOUNDS, spill, seek_row(file, start), stop)
        for *numbers, place in tables.bucket(0).tolist():
            position, size = divmod(place, PLACES)
            text = (spill.getvalue() if spill else content)[position : position + size]
            table.append((*numbers, identity(text[4:]) if place >= 0 else place))
            if place >= 0:
                assert text.startswith(b"<row")
        assert seen.questions == sum(row[1] == 0 for row in tables.bucket(0).tolist())
        faults += [(fault.rule, fault.detail) for fault in seen.faults]
    return table, sorted(faults)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@given(dumps(), st.sampled_from([16, 100, 700, 1 << 22]), st.booleans())
def test_many_at_once_are_read_as_one_by_one(folder, content, size, copied):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "SIZE", size)
        found = at_once(content, folder, io.BytesIO() if copied else None)
    assert found == one_by_one(content)


@given(dumps(), st.lists(st.integers(1, 3000), max_size=4), st.sampled_from([16, 100, 700]))
def test_every_row_is_of_one_range(folder, content, cuts, size):
    bounds = [0, *sorted(cuts), len(content) + 3000]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "SIZE", size)
        found = at_once(content, folder, None, list(pairwise(bounds)))
    assert found == one_by_one(content)


@pytest.mark.parametrize("content", [b"", b"\n", b"no mark", b"<posts></posts>", HEAD])
def test_a_file_without_rows_gives_none(folder, content):
    assert at_once(content, folder) == ([], [])


@pytest.mark.parametrize("front", [b"", b'<row Id="1" Body="', b"<posts>"])
def test_a_row_without_end_is_refused(folder, front):
    with pytest.raises(DataError, match="a row of more than"):
        at_once(front + bytes((1 << 24) + 1), folder)
