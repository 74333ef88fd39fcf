"""The rows of a Posts.xml, found and read as bytes.

An XML parser is some twenty times slower, and loses the whole file to one control character or one cut row. Here a
row is what lies between one `<row ` and the next (inside a row every `<` is escaped), whatever the line ends; what
the four numbers at its front say is read by one pattern, and the rest only of the rows that are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from handful.core.errors import DataError

MARK = re.compile(rb"<row\s")
MARK_BYTES = 5
MAX_ROW = 1 << 24
"""Bytes. A post has at most 30,000 characters, far below; this bounds memory in a file that is no dump."""
FABRICATED = 10**9
"""Recent dumps hold two false posts a site, with Ids from here on (meta.stackexchange.com/q/412018)."""
FALSE_POST = "one of the dump's own false posts"
QUESTION, ANSWER = 1, 2

MOST_NAMES = 1000

PREFIX = re.compile(
    rb'\s*Id="(\d{1,18})" PostTypeId="(\d+)"(?: AcceptedAnswerId="\d+")?(?: ParentId="(\d{1,18})")?'
    rb' CreationDate="[^"]*" Score="(-?\d{1,9})"(?: ViewCount="\d*")? Body="'
)
ATTRIBUTE = re.compile(rb"\s*([A-Za-z_][\w.:-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
CLOSED = re.compile(rb"\s*(?:/>|>\s*</row\s*>)")
NUMBER = re.compile(r"-?\d{1,18}\Z")
ENTITY = re.compile(r"&(lt|gt|quot|amp|apos|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
SURROGATE = re.compile("[\ud800-\udfff]")


class Post(NamedTuple):
    """What decides whether a row is kept."""

    id: int
    type: int
    parent: int
    """Of an answer; 0 for a question."""
    score: int
    size: int
    """Bytes of the body, as escaped in the file: never fewer than it has characters."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be used, and why."""

    rule: Literal["broken_row", "missing_attribute", "fabricated_post"]
    id: str
    detail: str


def records(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each row, without its mark, and its position in the stream. A row may span chunks.

    Raises:
        DataError: there is no row where one must be. The message does not name the file.
    """
    held, start = b"", 0  # `held` begins at the stream's byte `start`, right behind a mark once `inside`
    inside = False
    for chunk in chunks:
        *whole, rest = MARK.split(held + chunk)
        for record in whole:
            if inside:
                yield start, record
            start += len(record) + MARK_BYTES
            inside = True
        held = rest
        if not inside and len(held) > MARK_BYTES:
            start += len(held) - MARK_BYTES
            held = held[-MARK_BYTES:]
        if len(held) > MAX_ROW:
            raise DataError(
                f"has a row of more than {MAX_ROW:,} bytes; this is not a Posts.xml as in the dump"
            )
    if inside:
        yield start, held


def glance(record: bytes) -> Post | Fault | None:
    """Read the numbers of a row; None for what is neither a question nor an answer (tag wikis and the like)."""
    match = PREFIX.match(record)
    if match is None:
        return _read_slowly(record)
    id, type, parent, score = match.groups()
    if type not in (b"1", b"2"):
        return None
    start = match.end()
    end = record.find(b'"', start)
    if end < 0 or record.find(b"/>", end) < 0:
        return _read_slowly(record)
    if type == b"1":
        return _post(int(id), QUESTION, 0, int(score), end - start)
    if parent is None:
        return Fault("missing_attribute", id.decode(), "a row without ParentId")
    return _post(int(id), ANSWER, int(parent), int(score), end - start)


def _post(id: int, type: int, parent: int, score: int, size: int) -> Post | Fault:
    if id >= FABRICATED:
        return Fault("fabricated_post", str(id), FALSE_POST)
    return Post(id, type, parent, score, size)


def _read_slowly(record: bytes) -> Post | Fault | None:
    """The same for attributes in any order: what the pattern missed is either unusual or broken."""
    found, end = _attributes(record)
    id = found.get("Id", b"").decode(errors="replace")
    if not CLOSED.match(record, end):
        tail = record.rstrip()[-40:].decode(errors="replace")
        return Fault("broken_row", id, f"the row does not end; it breaks off at …{tail!r}")
    type = found.get("PostTypeId", b"").decode(errors="replace")
    if type not in ("", "1", "2"):
        return None
    needed = ["Id", "PostTypeId", "Score", "Body"] + (["ParentId"] if type == "2" else [])
    if missing := [name for name in needed if name not in found]:
        return Fault("missing_attribute", id, f"a row without {', '.join(missing)}")
    numbers = {name: found[name].decode(errors="replace") for name in needed if name != "Body"}
    if wrong := [f"{name}={text!r}" for name, text in numbers.items() if not NUMBER.match(text)]:
        return Fault("missing_attribute", id, f"not a whole number: {', '.join(wrong)}")
    parent = int(numbers.get("ParentId", 0))
    return _post(int(id), int(type), parent, int(numbers["Score"]), len(found["Body"]))


def attributes(record: bytes) -> dict[str, str]:
    """All attributes of a row, unescaped once: a body is then HTML. Bytes that are not UTF-8 become U+FFFD."""
    found, _ = _attributes(record)
    return {name: unescape(value.decode("utf-8", errors="replace")) for name, value in found.items()}


def parted(record: bytes) -> tuple[bytes, dict[str, str]]:
    """The body of a row, and its other attributes: all as they stand, with entities.

    Inside a value every double quote is escaped, so names and values take turns between quotes.
    """
    start = record.find(b' Body="') + 7
    end = record.find(b'"', start)
    if start >= 7 and end >= 0:
        around = (record[:start] + record[end:]).decode("utf-8", errors="replace")
        if "='" not in around:
            pieces = around.split('"')
            return record[start:end], dict(
                zip(map(NAMES.__getitem__, pieces[::2]), pieces[1::2], strict=False)
            )
    found, _ = _attributes(record)  # not in the form of the dump
    body = found.pop("Body", b"")
    return body, {name: value.decode("utf-8", errors="replace") for name, value in found.items()}


def _attributes(record: bytes) -> tuple[dict[str, bytes], int]:
    """The attributes as they stand, and where they end."""
    found, end = dict[str, bytes](), 0
    while match := ATTRIBUTE.match(record, end):
        name, double, single = match.groups()
        found[name.decode()] = single if double is None else double
        end = match.end()
    return found, end


def unescape(text: str) -> str:
    """Resolve XML's five entities and numeric references, once, and nothing else.

    Not `html.unescape`: it would also resolve `&nbsp;` and the like, which belong to the HTML inside.
    """
    if "&" not in text:
        return text
    parts = ENTITY.split(text)
    parts[1::2] = map(CHARACTERS.__getitem__, parts[1::2])
    text = "".join(parts)
    if not text.isascii() and SURROGATE.search(text):  # a pair of references that stands for one character
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class Names(dict[str, str]):
    """What stands before a value, as " Id=" -> the name alone. A dump has two dozen."""

    def __missing__(self, before: str) -> str:
        if len(self) > MOST_NAMES:  # no dump
            return before[1:-1]
        self[before] = before[1:-1]
        return self[before]


NAMES = Names()


class Characters(dict[str, str]):
    """What stands between "&" and ";" -> its character. Numbers are looked up once each."""

    def __missing__(self, name: str) -> str:
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        self[name] = chr(code) if code <= 0x10FFFF else "\ufffd"
        return self[name]


CHARACTERS = Characters({"lt": "<", "gt": ">", "quot": '"', "amp": "&", "apos": "'"})
