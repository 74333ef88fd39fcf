"""What is in a .7z archive: its members, and how each block of them was packed. Bytes in, values out.

Covers what dumps are made of: a plain or packed header, solid and separate blocks, one coder a block. It does not
cover encrypted names, archives in several volumes, or members kept outside the file. The layout is that of
`7zFormat.txt` in the 7-Zip sources. Every count is checked against the bytes that are left before anything is
made of that size, so a damaged or hostile header costs no more memory than its own length.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate

from handful.core.beginnings import foreign
from handful.core.errors import DataError

SIGNATURE = b"7z\xbc\xaf\x27\x1c"
START_BYTES = 32

END, HEADER, ARCHIVE_PROPERTIES, EXTRA_STREAMS, STREAMS, FILES = range(6)
PACK_INFO, UNPACK_INFO, SUBSTREAMS, SIZE, CRC, FOLDER, UNPACK_SIZE, SUBSTREAM_COUNT = range(6, 14)
EMPTY_STREAM, EMPTY_FILE, ANTI, NAMES = range(14, 18)
ENCODED_HEADER = 23


@dataclass(frozen=True, slots=True)
class Start:
    """Where the header lies, counted from the first byte of the file."""

    offset: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Coder:
    method: bytes
    properties: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A packed stream and how to unpack it: what 7-Zip calls a folder. A solid block holds several members."""

    coders: tuple[Coder, ...]
    """In the order of the header. We can unpack blocks of one."""
    sizes: tuple[int, ...]
    """Unpacked bytes after each coder."""
    crc: int | None = None
    offset: int = 0
    """From the first byte of the file."""
    packed: int = 0
    streams: int = 1
    """Packed streams that it is read from."""


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    size: int
    crc: int | None
    block: int
    """Index of its block, or -1 for a member without content."""
    offset: int
    """Bytes of the unpacked block that lie before it."""


@dataclass(frozen=True, slots=True)
class Contents:
    members: tuple[Member, ...]
    blocks: tuple[Block, ...]


def read_start(head: bytes, file_size: int) -> Start:
    """Find the header of an archive of `file_size` bytes that begins with `head`.

    Raises:
        DataError: not a .7z, damaged, or cut short. The message does not name the file.
    """
    if not head.startswith(SIGNATURE):
        words = foreign(head) or f"begins with {head[:8]!r}"
        raise DataError(
            f"is not a .7z archive: it {words}"
            if head
            else "is not a .7z archive: it is empty; fetch it again"
        )
    if len(head) < START_BYTES:
        raise DataError(f"is cut short: only {file_size} bytes")
    (crc,) = struct.unpack_from("<I", head, 8)
    if zlib.crc32(head[12:START_BYTES]) != crc:
        raise DataError("is damaged: its first 32 bytes do not match their checksum")
    offset, size, header_crc = struct.unpack_from("<QQI", head, 12)
    end = START_BYTES + offset + size
    if end > file_size:
        raise DataError(f"is cut short: {file_size:,} of {end:,} bytes are there; copy it again")
    return Start(START_BYTES + offset, size, header_crc)


def read_header(raw: bytes, unpack: Callable[[Block], bytes]) -> Contents:
    """Read the header at the end of an archive. `unpack` gives the content of a block: headers come packed, too.

    Raises:
        DataError: damaged, or of a kind that is not covered. The message does not name the file.
    """
    for _ in range(4):  # a packed header may hold a packed header; real ones stop at one
        if not raw:
            return Contents((), ())
        cursor = Cursor(raw)
        kind = cursor.byte()
        if kind == HEADER:
            return _contents(cursor)
        if kind != ENCODED_HEADER:
            break
        blocks, _ = _streams(cursor)
        if len(blocks) != 1:
            break
        raw = unpack(blocks[0])
    raise DataError("is damaged: its header cannot be read")


class Cursor:
    """Reads a header from front to back; past its end is a DataError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise DataError("is damaged: its header ends early")
        self.at += size
        return self.data[self.at - size : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """An integer of one to nine bytes: each leading 1 bit of the first byte says that one more follows."""
        first = self.byte()
        mask, value = 0x80, 0
        for index in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << (8 * index)
            value |= self.byte() << (8 * index)
            mask >>= 1
        return value

    def count(self) -> int:
        """A number of things that each take a byte or more, and so cannot be more than the bytes left."""
        value = self.number()
        if value > len(self.data) - self.at:
            raise DataError("is damaged: its header counts more things than it has bytes")
        return value

    def expect(self, kind: int) -> None:
        found = self.byte()
        if found != kind:
            raise DataError(f"is damaged: its header has {found} where {kind} belongs")

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[index // 8] & (0x80 >> index % 8)) for index in range(count)]

    def digests(self, count: int) -> list[int | None]:
        """A CRC-32 for each of `count` things, or None where it was not stored."""
        defined = [True] * count if self.byte() else self.bits(count)
        return [struct.unpack("<I", self.take(4))[0] if known else None for known in defined]


def _contents(cursor: Cursor) -> Contents:
    blocks: list[Block] = []
    streams: list[list[tuple[int, int | None]]] = []
    while (kind := cursor.byte()) != END:
        if kind == ARCHIVE_PROPERTIES:
            while cursor.byte() != END:
                cursor.take(cursor.number())
        elif kind == EXTRA_STREAMS:
            _streams(cursor)
        elif kind == STREAMS:
            blocks, streams = _streams(cursor)
        elif kind == FILES:
            return Contents(_members(cursor, streams), tuple(blocks))
        else:
            raise DataError(f"is damaged: its header has an unknown part {kind}")
    return Contents((), tuple(blocks))


def _streams(cursor: Cursor) -> tuple[list[Block], list[list[tuple[int, int | None]]]]:
    """The blocks, and for each the (size, CRC) of every member in it."""
    position, packed = 0, list[int]()
    blocks = list[Block]()
    members: list[list[tuple[int, int | None]]] | None = None
    while (kind := cursor.byte()) != END:
        if kind == PACK_INFO:
            position, packed = _pack_info(cursor)
        elif kind == UNPACK_INFO:
            blocks = _unpack_info(cursor)
        elif kind == SUBSTREAMS:
            members = _substreams(cursor, blocks)
        else:
            raise DataError(f"is damaged: its header has an unknown part {kind}")
    placed, offset = [], START_BYTES + position
    for block in blocks:
        sizes, packed = packed[: block.streams], packed[block.streams :]
        if len(sizes) < block.streams:
            raise DataError("is damaged: a block has no packed stream")
        placed.append(replace(block, offset=offset, packed=sum(sizes)))
        offset += sum(sizes)
    if members is None:
        members = [[(block.sizes[-1], block.crc)] for block in blocks]
    if len(members) != len(blocks):
        raise DataError("is damaged: its header describes its blocks twice")
    return placed, members


def _pack_info(cursor: Cursor) -> tuple[int, list[int]]:
    position, count, sizes = cursor.number(), cursor.count(), list[int]()
    while (kind := cursor.byte()) != END:
        if kind == SIZE:
            sizes = [cursor.number() for _ in range(count)]
        elif kind == CRC:
            cursor.digests(count)
        else:
            raise DataError(f"is damaged: its header has an unknown part {kind}")
    return position, sizes


def _unpack_info(cursor: Cursor) -> list[Block]:
    cursor.expect(FOLDER)
    count = cursor.count()
    cursor.expect(0)  # 1 would mean: kept in another stream
    shapes = [_coders(cursor) for _ in range(count)]
    cursor.expect(UNPACK_SIZE)
    blocks = [
        Block(coders, tuple(cursor.number() for _ in range(outputs)), streams=streams)
        for coders, outputs, streams in shapes
    ]
    while (kind := cursor.byte()) != END:
        if kind != CRC:
            raise DataError(f"is damaged: its header has an unknown part {kind}")
        blocks = [replace(b, crc=crc) for b, crc in zip(blocks, cursor.digests(count), strict=True)]
    return blocks


def _coders(cursor: Cursor) -> tuple[tuple[Coder, ...], int, int]:
    """The coders of one block, how many outputs they have together, and how many packed streams they read."""
    coders, inputs, outputs = list[Coder](), 0, 0
    for _ in range(cursor.count()):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        inputs += cursor.count() if flags & 0x10 else 1
        outputs += cursor.count() if flags & 0x10 else 1
        coders.append(Coder(method, cursor.take(cursor.number()) if flags & 0x20 else b""))
    if not 1 <= outputs <= 32 or not outputs <= inputs + 1 <= 33:
        raise DataError("is damaged: a block has no coder, or too many")
    for _ in range(outputs - 1):  # which output feeds which input: one coder has no such pair
        cursor.number(), cursor.number()
    streams = inputs - (outputs - 1)
    if streams > 1:
        for _ in range(streams):
            cursor.number()
    return tuple(coders), outputs, streams


def _substreams(cursor: Cursor, blocks: list[Block]) -> list[list[tuple[int, int | None]]]:
    counts, sizes = [1] * len(blocks), None
    digests: list[int | None] = []
    kind = cursor.byte()
    if kind == SUBSTREAM_COUNT:
        counts = [cursor.count() for _ in blocks]
        kind = cursor.byte()
    if kind == SIZE:
        sizes = [
            _split(block, [cursor.number() for _ in range(n - 1)], n)
            for block, n in zip(blocks, counts, strict=True)
        ]
        kind = cursor.byte()
    if sizes is None:
        if max(counts, default=0) > 1:
            raise DataError("is damaged: a block holds several members of unknown size")
        sizes = [[block.sizes[-1]] * n for block, n in zip(blocks, counts, strict=True)]
    known = [n == 1 and block.crc is not None for block, n in zip(blocks, counts, strict=True)]
    while kind != END:
        if kind != CRC:
            raise DataError(f"is damaged: its header has an unknown part {kind}")
        digests = cursor.digests(sum(n for n, given in zip(counts, known, strict=True) if not given))
        kind = cursor.byte()
    rest = iter(digests)
    return [
        [(size, block.crc if given else next(rest, None)) for size in inside]
        for block, inside, given in zip(blocks, sizes, known, strict=True)
    ]


def _split(block: Block, but_last: list[int], count: int) -> list[int]:
    """The sizes of a block's members. The last is not stored: it is what remains."""
    last = block.sizes[-1] - sum(but_last)
    if last < 0:
        raise DataError("is damaged: the members of a block are larger than the block")
    return [*but_last, last] if count else []


def _members(cursor: Cursor, streams: list[list[tuple[int, int | None]]]) -> tuple[Member, ...]:
    count = cursor.count()
    names: list[str] = []
    empty = [False] * count
    while (kind := cursor.byte()) != END:
        inside = Cursor(cursor.take(cursor.number()))
        if kind == EMPTY_STREAM:
            empty = inside.bits(count)
        elif kind == NAMES:
            inside.expect(0)
            names = inside.data[1:].decode("utf-16-le", errors="replace").split("\0")[:-1]
    if len(names) != count:
        raise DataError(f"is damaged: it has {count} members and {len(names)} names")
    places = (
        (index, size, crc, offset)
        for index, inside in enumerate(streams)
        for (size, crc), offset in zip(
            inside, accumulate((size for size, _ in inside), initial=0), strict=False
        )
    )
    members = []
    for name, hollow in zip(names, empty, strict=True):
        index, size, crc, offset = (-1, 0, None, 0) if hollow else next(places, (-2, 0, None, 0))
        if index == -2:
            raise DataError("is damaged: a member has no content")
        members.append(Member(name, size, crc, index, offset))
    return tuple(members)
