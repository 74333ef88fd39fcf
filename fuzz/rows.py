"""Fuzz of the row reader: rows of a Posts.xml put together from pieces, broken in places, against an XML parser.

For every input: no crash, the same rows wherever the chunks are cut, the same attributes as lxml reads where lxml can
read the row, and numbers at a glance that are those of the attributes. See `driver.py` for how to run it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import driver

PIECES = [
    *(
        b'<row Id="1" PostTypeId="1"',
        b'<row Id="2" PostTypeId="2" ParentId="1"',
        b"<row",
        b"<row ",
        b"\n  <row\t",
    ),
    *(
        b' Id="7"',
        b' PostTypeId="1"',
        b' PostTypeId="2"',
        b' PostTypeId="5"',
        b' ParentId="1"',
        b" ParentId='x'",
    ),
    *(b' AcceptedAnswerId="2"', b' CreationDate="2020-01-01T00:00:00.000"', b' Score="10"', b' Score="-3"'),
    *(
        b' Score="1e3"',
        b' ViewCount="9"',
        b' ViewCount=""',
        b' Body="',
        b' Body="&lt;p&gt;a&lt;/p&gt;"',
        b' Title="',
    ),
    *(b' Tags="|a|b|"', b' Id="1000000001"', b' Id="99999999999999999999"', b' Body = "a"', b" Body='a\"b'"),
    *(
        b'"',
        b"'",
        b" ",
        b"\n",
        b"\r\n",
        b"/>",
        b" />",
        b"></row>",
        b">",
        b"/",
        b"=",
        b"<",
        b"&",
        b";",
        b"\0",
        b"\xff",
    ),
    *(
        b"&lt;",
        b"&gt;",
        b"&amp;",
        b"&quot;",
        b"&apos;",
        b"&#xA;",
        b"&#10;",
        b"&#xD83D;&#xDE00;",
        b"&#xD800;",
        b"&nbsp;",
    ),
    *(
        b"&#0;",
        b"&#1114112;",
        b"&#xFFFFFF;",
        b"a",
        b"1",
        b"\xc3\xa9",
        b"\xe2\x80\x99",
        b"\xe2\x80",
        b"\xef\xbb\xbf",
    ),
    *(
        b"<posts>",
        b"</posts>",
        b'<?xml version="1.0" encoding="utf-8"?>',
        b"</row>",
        b"<rows",
        b"<!-- -->",
        b"]]>",
    ),
]


def load() -> Callable[[bytes], None]:
    from lxml import etree

    from handful.core.errors import DataError
    from handful.sources.stackexchange.rows import Fault, Post, attributes, glance, records

    def check(record: bytes) -> None:
        read = attributes(record)
        post = glance(record)
        try:
            row = etree.fromstring(b"<row " + record)
        except (etree.XMLSyntaxError, ValueError):
            return  # broken, or an attribute stands there twice: nothing to compare with
        if isinstance(post, Post):
            assert post.id == int(read["Id"]), (post, read)
            assert post.score == int(read["Score"]), (post, read)
            assert post.type == int(read["PostTypeId"]), (post, read)
            assert post.parent == (int(read["ParentId"]) if post.type == 2 else 0), (post, read)
            assert post.size >= len(read["Body"]), (post, read)
        assert row.text or not (isinstance(post, Fault) and post.rule == "broken_row"), post
        assert read == dict(row.attrib), f"{read} but lxml {dict(row.attrib)} of {record!r}"
        if row.text or len(row) or isinstance(post, Fault):
            return  # not a row of a dump
        named = attributes(record, ("Score", "Body", "Title", "Tags"))
        wanted = {name: value for name, value in read.items() if name in ("Score", "Body", "Title", "Tags")}
        assert named == wanted, f"{named} but all {wanted} of {record!r}"

    def feed(data: bytes) -> None:
        pieces = [PIECES[byte % len(PIECES)] for byte in data]
        whole = b"".join(pieces)
        try:
            found = list(records([whole]))
            assert found == list(records(pieces)) == list(records(bytes([byte]) for byte in whole))
        except DataError:
            return
        for start, record in found:
            assert whole[start : start + len(record)] == record
            check(record)

    return feed


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    driver.main(load)
