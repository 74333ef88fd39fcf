"""The other tables of a site, as they stand beside Posts.xml in its archive: most of them in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parts.posts import FIRST_DAY, HEAD, LAST_DAY, written
from parts.text import Text

TABLES = {
    "Badges": 0.244,
    "Comments": 0.255,
    "PostHistory": 1.561,
    "PostLinks": 0.004,
    "Posts": 1.0,
    "Tags": 0.0025,
    "Users": 0.77,
    "Votes": 0.388,
}
"""In the order of the archive: bytes to a byte of Posts.xml."""
ROOTS = {"PostHistory": b"posthistory"}
BYTES = {
    "Badges": 111,
    "Comments": 310,
    "PostHistory": 735,
    "PostLinks": 108,
    "Tags": 68,
    "Users": 480,
    "Votes": 89,
}
"""Of a row, about."""
BADGES = (b"Autobiographer", b"Student", b"Teacher", b"Supporter", b"Scholar", b"Editor", b"Popular Question")
HISTORY = b'PostHistoryTypeId="%d" PostId="%d" RevisionGUID="%b" CreationDate="%b" UserId="%d" Text="%b"'
LICENCE = b' ContentLicense="CC BY-SA 4.0"'
CHUNK = 5000


def table(name: str, posts: int, seed: int) -> Iterator[bytes]:
    """A table for a site with so many bytes of posts, in pieces."""
    text, random = Text(seed + 1), np.random.default_rng(seed + 1)
    count = max(10, int(posts * TABLES[name] / BYTES[name]))
    root = ROOTS.get(name, name.lower().encode())
    yield HEAD % root
    step = (LAST_DAY - FIRST_DAY).astype(np.int64) / count
    for start in range(0, count, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, count))
        dates = written(FIRST_DAY + (numbers * step).astype(np.int64))
        draws = random.integers(1, 1 << 40, len(numbers)).tolist()
        users = (random.random(len(numbers)) ** 2.5 * count / 9 + 2).astype(int).tolist()
        near = (numbers // 3 + random.integers(1, 60, len(numbers))).tolist()
        sizes = np.exp(random.normal(5.9 if name == "PostHistory" else 5.0, 0.8, len(numbers))).astype(int)
        texts = (
            text.bodies(sizes, 0.6, 0.05)
            if name in ("Comments", "PostHistory", "Users")
            else [b""] * len(numbers)
        )
        rows = zip(numbers.tolist(), dates, draws, users, near, texts, text.titles(len(numbers)), strict=True)
        yield b"".join(row_of(name, *row) for row in rows)
    yield b"</%b>" % root


def row_of(
    name: str, id: int, date: bytes, draw: int, user: int, post: int, body: bytes, title: bytes
) -> bytes:
    """One row. History and comments are Markdown, and so have hardly any markup."""
    plain = body.replace(b"&lt;p&gt;", b"").replace(b"&lt;/p&gt;", b"")
    match name:
        case "Badges":
            badge = BADGES[draw % 7 * (draw >> 9 & 7) // 8]
            rest = b'UserId="%d" Name="%b" Date="%b" Class="3" TagBased="False"' % (user, badge, date)
        case "Votes":
            kind = (2, 2, 2, 2, 2, 3, 1, 5)[draw & 7]
            rest = b'PostId="%d" VoteTypeId="%d" CreationDate="%bT00:00:00.000"' % (post, kind, date[:10])
        case "PostLinks":
            ends = (post, user, 1 + 2 * (draw & 1))
            rest = b'CreationDate="%b" PostId="%d" RelatedPostId="%d" LinkTypeId="%d"' % (date, *ends)
        case "Tags":
            tag = title[:-1].split()[-1]
            rest = b'TagName="%b" Count="%d" ExcerptPostId="%d" WikiPostId="%d"' % (
                tag,
                draw % 999,
                post + 1,
                post,
            )
        case "Comments":
            said = (post, draw % 5 * (draw >> 7 & 1), plain.replace(b"&#xA;", b""), date, user)
            rest = b'PostId="%d" Score="%d" Text="%b" CreationDate="%b" UserId="%d"' % said + LICENCE
        case "Users":
            about = b' AboutMe="%b"' % body if draw & 1 else b""
            who = (draw % 400 + 1, date, title.split()[0], date, about, draw % 50, draw % 20_000_000)
            rest = (
                b'Reputation="%d" CreationDate="%b" DisplayName="%b" LastAccessDate="%b"%b UpVotes="%d" AccountId="%d"'
                % who
            )
        case _:
            guid = b"%08x-%04x-4%03x-a%03x-%012x" % (
                draw & 0xFFFFFFFF, id & 0xFFFF, draw & 4095, draw >> 8 & 4095, draw
            )  # fmt: skip
            written = ((2, 1, 3, 5, 2)[draw % 5], post, guid, date, user, plain)
            rest = HISTORY % written + LICENCE
    return b'  <row Id="%d" %b />\r\n' % (id + 1, rest)
