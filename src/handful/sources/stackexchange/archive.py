"""One member of a .7z archive as a stream of bytes, checked as it goes by. Nothing is unpacked to disk.

Unpacks with the standard library, or asks 7-Zip for the same bytes where it is installed: on BZip2 it is up to half
as fast again. An archive that is damaged, dangerous or of another kind is refused in one sentence.
"""

from __future__ import annotations

import io
import lzma
import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from handful.core.errors import DataError
from handful.sources.stackexchange.decoders import decoder
from handful.sources.stackexchange.header import (
    START_BYTES,
    Block,
    Contents,
    Member,
    read_header,
    read_start,
)

CHUNK = 1 << 20
MAX_HEADER = 64 << 20
"""Bytes; that of the largest dump is below 1 kB."""
MAX_RATIO = 1000
"""Unpacked to packed; text stays below 20."""
UNSAFE_NAME = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|^[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Packed:
    """A member and the block that it lies in."""

    path: Path
    member: Member
    block: Block | None


def find(path: Path, name: str, max_bytes: float) -> Packed:
    """Look a member up by its file name, and refuse an archive that is not safe to read.

    Args:
        max_bytes: the most that may have to be unpacked to reach its end.

    Raises:
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
        raise DataError(f"{path}: {error}") from error
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
    if program == "":
        program = seven_zip()
    return io.BufferedReader(ByProgram(packed, program) if program else ByLibrary(packed), CHUNK)


def seven_zip() -> str | None:
    """The path of 7-Zip's program, or None where it is not installed."""
    return shutil.which("7zz") or shutil.which("7z")


class ByLibrary(io.RawIOBase):
    """A member, unpacked with the standard library. What lies before it in the block has to be unpacked, too."""

    def __init__(self, packed: Packed) -> None:
        assert packed.block is not None
        self.packed = packed
        self.chunks = _by_library(packed, packed.block)
        self.held = memoryview(b"")
        self.size = self.crc = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.held:
            self.held = memoryview(next(self.chunks, b""))
            self.size += len(self.held)
            self.crc = zlib.crc32(self.held, self.crc)
            if not self.held:
                _check_end(self.packed, self.size, self.packed.member.crc in (None, self.crc))
        count = min(len(buffer), len(self.held))
        buffer[:count] = self.held[:count]
        self.held = self.held[count:]
        return count


class ByProgram(io.RawIOBase):
    """A member as `7zz x -so` writes it, in one thread: this process reads while that one unpacks and checks."""

    def __init__(self, packed: Packed, program: str) -> None:
        self.packed = packed
        self.size = 0
        self.instead: ByLibrary | None = None
        command = [
            program,
            "x",
            "-so",
            "-mmt=1",
            "-spd",
            "--",
            str(packed.path.absolute()),
            packed.member.name,
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.instead:
            return self.instead.readinto(buffer)
        assert self.process.stdout is not None
        count: int = self.process.stdout.readinto(buffer)  # type: ignore[attr-defined]
        self.size += count
        if not count or self.size > self.packed.member.size:
            failed = self.process.wait() != 0 if not count else True
            if failed and not self.size:  # an old 7-Zip may not know these switches
                self.instead = ByLibrary(self.packed)
                return self.instead.readinto(buffer)
            _check_end(self.packed, self.size, not failed)
        return count

    def close(self) -> None:
        if not self.closed:
            self.process.kill()  # no effect where it has ended
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
        super().close()


def _check_end(packed: Packed, size: int, right: bool) -> None:
    where = f"{packed.path}: {packed.member.name}"
    if size != packed.member.size:
        raise DataError(f"{where} is damaged: {size:,} of {packed.member.size:,} bytes could be unpacked")
    if not right:
        raise DataError(f"{where} is damaged: its bytes do not match their checksum; copy the archive again")


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
        content = b"".join(_unpacked(file, block, block.sizes[-1]))
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
    raise DataError(f"holds no {name}, only {', '.join(sorted(names)[:12]) or 'an empty list of members'}")


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


def _by_library(packed: Packed, block: Block) -> Iterator[bytes]:
    """The member's bytes with the standard library. What lies before it in the block has to be unpacked, too."""
    before, left = packed.member.offset, packed.member.size
    try:
        with packed.path.open("rb") as file:
            for chunk in _unpacked(file, block, before + left):
                kept = chunk[before:] if before else chunk
                before = max(0, before - len(chunk))
                if kept:
                    yield kept
    except DataError as error:
        raise DataError(f"{packed.path}: {error}") from error


def _unpacked(file: BinaryIO, block: Block, wanted: int) -> Iterator[bytes]:
    """The first `wanted` bytes of a block in chunks of at most CHUNK, or fewer where it ends early."""
    make = decoder(block)
    unpacker, left, pending = make(), block.packed, b""
    file.seek(block.offset)
    while wanted > 0:
        if unpacker.eof:  # one BZip2 stream may follow another
            pending, unpacker = unpacker.unused_data, make()
        if unpacker.needs_input and not pending:
            pending = file.read(min(CHUNK, left))
            left -= len(pending)
            if not pending:
                return
        try:
            chunk = unpacker.decompress(pending, min(CHUNK, wanted))
        except (OSError, lzma.LZMAError, EOFError, ValueError) as error:
            raise DataError(f"is damaged: {error}; copy it again") from error
        pending = b""
        wanted -= len(chunk)
        yield chunk
