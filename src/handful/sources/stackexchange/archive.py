"""Members of a .7z archive as streams of bytes, checked as they go by. Nothing is unpacked to disk.

Unpacks with the standard library, or asks 7-Zip for the same bytes where it is installed: on BZip2 it is up to half
as fast again. An archive that is damaged, dangerous or of another kind is refused in one sentence.
"""

from __future__ import annotations

import io
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from handful.core.errors import DataError
from handful.sources.stackexchange.decoders import CHUNK as CHUNK
from handful.sources.stackexchange.decoders import decoder, unpacked
from handful.sources.stackexchange.header import (
    START_BYTES,
    Block,
    Contents,
    Member,
    read_header,
    read_start,
)
from handful.sources.stackexchange.program import Program

MAX_HEADER = 64 << 20
"""Bytes; that of the largest dump is below 1 kB."""
MAX_RATIO = 1000
"""Unpacked to packed; text stays below 20."""
UNLIKE = "is damaged: its bytes do not match their checksum; copy the archive again"
UNSAFE_NAME = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|^[A-Za-z]:")


class MissingMember(DataError):
    """An archive has no member of the name looked for. The message lists those that it has."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A member and the block that it lies in."""

    path: Path
    member: Member
    block: Block | None

    def is_behind(self, other: Packed) -> bool:
        """Whether both lie in one block, this one further back: then one pass gives both."""
        here, there = self.member, other.member
        return self.path == other.path and here.block == there.block >= 0 and here.offset > there.offset


def find(path: Path, name: str, max_bytes: float) -> Packed:
    """Look a member up by its file name, and refuse an archive that is not safe to read.

    Args:
        max_bytes: the most that may have to be unpacked to reach its end.

    Raises:
        MissingMember: there is none of that name.
        DataError: names the file and what is wrong with it.
    """
    try:
        with path.open("rb") as file:
            contents = _contents(file)
        member = _pick(contents, name)
        if member.block < 0:
            return Packed(path, member, None)
        block = contents.blocks[member.block]
        _check_size(member, block, max_bytes)
        decoder(block)
    except DataError as error:
        raise type(error)(f"{path}: {error}") from error
    return Packed(path, member, block)


def chunks(packed: Packed, program: str | None = "") -> Iterator[bytes]:
    """Yield the member's bytes in order; see `open_member`."""
    with open_member(packed, program) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def open_member(packed: Packed, program: str | None = "") -> io.BufferedReader:
    """The member as a file that can be read once, from its beginning.

    Args:
        program: 7-Zip's, to unpack with. By default it is looked for; None uses the standard library.

    Raises:
        DataError: when its end is reached, the archive is damaged: fewer bytes than it says, or others.
    """
    if packed.block is None:
        return io.BufferedReader(io.BytesIO())
    return Pass([packed], program).open_next()


class Pass:
    """Several members of one block from one decompression, in the order in which they lie in it.

    Each is a file as `open_member` gives it, to be read to its end before the next is opened. Close the pass where the
    last of them is not opened.
    """

    def __init__(self, members: Sequence[Packed], program: str | None = "") -> None:
        if program == "":
            program = seven_zip()
        self.waiting = list(members)
        self.stream: ByProgram | ByLibrary = ByProgram(members, program) if program else ByLibrary(members)

    def open_next(self) -> io.BufferedReader:
        packed = self.waiting.pop(0)
        return io.BufferedReader(Checked(packed, self.stream, last=not self.waiting), CHUNK)

    def close(self) -> None:
        self.stream.close()


def seven_zip() -> str | None:
    """The path of 7-Zip's program, or None where it is not installed."""
    return shutil.which("7zz") or shutil.which("7z")


class Checked(io.RawIOBase):
    """One member's bytes out of a stream of several. At their end, size and checksum have to be those of the header.

    Of the last member, 7-Zip's own comparison counts. Of one before it, 7-Zip's word would come too late.
    """

    def __init__(self, packed: Packed, stream: ByProgram | ByLibrary, last: bool) -> None:
        self.packed = packed
        self.stream = stream
        self.last = last
        self.size = self.crc = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer)[: self.packed.member.size - self.size]
        count = self.stream.readinto(wanted) if wanted else 0
        self.size += count
        if not (self.last and self.stream.program):
            self.crc = zlib.crc32(wanted[:count], self.crc)
        if not count and (fault := self.fault()):
            raise DataError(f"{self.packed.path}: {self.packed.member.name} {fault}")
        return count

    def fault(self) -> str:
        """What is wrong with the bytes that came, or ""."""
        member, program = self.packed.member, self.stream.program
        if self.size != member.size:
            short = f"is damaged: {self.size:,} of {member.size:,} bytes could be unpacked"
            return program.stopped() or short if program else short
        if program and self.last:
            return program.fault()
        return "" if member.crc in (None, self.crc) else UNLIKE

    def close(self) -> None:
        if self.last:
            self.stream.close()
        super().close()


class ByLibrary(io.RawIOBase):
    """Members end to end, unpacked with the standard library: also what lies before and between them in the block."""

    program = None

    def __init__(self, members: Sequence[Packed]) -> None:
        self.chunks = _by_library(members)
        self.held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.held:
            self.held = memoryview(next(self.chunks, b""))
        count = min(len(buffer), len(self.held))
        buffer[:count] = self.held[:count]
        self.held = self.held[count:]
        return count


class ByProgram(io.RawIOBase):
    """Members end to end as 7-Zip's program writes them; where it writes nothing, by the standard library."""

    def __init__(self, members: Sequence[Packed], program: str) -> None:
        self.members = members
        self.program: Program | None = Program(
            program, members[0].path, [packed.member.name for packed in members]
        )
        self.stream: Program | ByLibrary = self.program
        self.begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self.stream.readinto(buffer)
        if not count and not self.begun:
            # An old 7-Zip may not know the switches.
            self.stream.close()
            self.program, self.stream = None, ByLibrary(self.members)
            count = self.stream.readinto(buffer)
        self.begun = True
        return count

    def close(self) -> None:
        self.stream.close()
        super().close()


def _contents(file: BinaryIO) -> Contents:
    size = file.seek(0, 2)
    file.seek(0)
    start = read_start(file.read(START_BYTES), size)
    if start.size > MAX_HEADER:
        raise DataError(f"has a header of {start.size:,} bytes, more than any dump's; it was not read")
    file.seek(start.offset)
    raw = file.read(start.size)
    if zlib.crc32(raw) != start.crc:
        raise DataError("is damaged: its header does not match its checksum; copy it again")

    def unpack(block: Block) -> bytes:
        if block.sizes[-1] > MAX_HEADER:
            raise DataError(
                f"has a header of {block.sizes[-1]:,} bytes, more than any dump's; it was not read"
            )
        content = b"".join(unpacked(file, block, block.sizes[-1]))
        if len(content) != block.sizes[-1] or block.crc not in (None, zlib.crc32(content)):
            raise DataError("is damaged: its header does not match its checksum; copy it again")
        return content

    return read_header(raw, unpack)


def _pick(contents: Contents, name: str) -> Member:
    """The member called `name`, at the root or in one folder of whatever name."""
    names = {member.name.replace("\\", "/"): member for member in contents.members}
    for path in names:
        if UNSAFE_NAME.search(path):
            raise DataError(f"has a member named {path!r}, which leads out of the archive; it was not read")
    if name in names:
        return names[name]
    found = [path for path in names if path.rpartition("/")[2] == name]
    if len(found) == 1:
        return names[found[0]]
    if found:
        raise DataError(f"holds more than one {name}: {', '.join(sorted(found)[:12])}")
    raise MissingMember(
        f"holds no {name}, only {', '.join(sorted(names)[:12]) or 'an empty list of members'}"
    )


def _check_size(member: Member, block: Block, max_bytes: float) -> None:
    needed = member.offset + member.size
    if needed > max_bytes:
        raise DataError(
            f"{member.name} claims {needed / 1e9:,.2f} GB unpacked, more than max_unpacked_gb = {max_bytes / 1e9:g}"
        )
    if block.sizes[-1] > MAX_RATIO * max(block.packed, 1):
        raise DataError(
            f"claims to unpack {block.packed:,} bytes to {block.sizes[-1]:,}, over {MAX_RATIO:,} times; "
            "no text packs so well, so it was not read"
        )


def _by_library(members: Sequence[Packed]) -> Iterator[bytes]:
    """The members' bytes with the standard library."""
    path, block = members[0].path, members[0].block
    assert block is not None
    windows = [(packed.member.offset, packed.member.offset + packed.member.size) for packed in members]
    position = 0
    try:
        with path.open("rb") as file:
            for chunk in unpacked(file, block, windows[-1][1]):
                for start, stop in windows:
                    if kept := chunk[max(0, start - position) : max(0, stop - position)]:
                        yield kept
                position += len(chunk)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
