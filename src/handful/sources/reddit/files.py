"""Lines of JSON out of a dump file: plain, `.zst`, `.xz`, `.bz2` or `.gz`, whatever its name says.

Pushshift packs with a window of up to 2 GiB, which `zstd` and its bindings refuse unless told to take it; unpacking
holds as much of the content in memory as the window that the file's header states.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from handful.core.errors import DataError
from handful.core.optional import need

BLOCK = 1 << 17
"""Bytes unpacked at a time, into the same place again and again: what fits a core's own cache."""
SPARE = 16
TELL_EVERY = 8 << 20
"""Bytes of the packed file after which it is told how far reading has come: a few times a second."""
MAX_LINE = 16 << 20
"""Bytes. The longest post of Reddit has 40,000 characters."""
BOM = b"\xef\xbb\xbf"
ZSTD, SKIPPABLE = b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"

Block = tuple[bytearray, int]
"""A place in memory that is used again for the next block, and how many bytes of whole lines it begins with; each line
ends with a newline, and some bytes behind the last may be looked at."""


class Foreign(DataError):
    """A file of another kind."""


class Reader(Protocol):
    def readinto(self, buffer: memoryview, /) -> int: ...


def blocks(path: Path, advance: Callable[[int], None] = lambda size: None) -> Iterator[Block]:
    """Yield a file's whole lines. `advance` is told how many bytes of the file, as it is packed, were read.

    Raises:
        DataError: the file is missing, cut off, damaged or packed in another way, or a line has no end.
    """
    buffer = bytearray(BLOCK + SPARE)
    kept = done = 0
    start = True
    with opened(path) as (file, reader, end):
        while got := _read(path, file, reader, memoryview(buffer)[kept:-SPARE]):
            if start and buffer.startswith(BOM):
                buffer[: len(BOM)] = b"   "
            start = False
            size = buffer.rfind(b"\n", 0, kept + got) + 1
            if size:
                yield buffer, size
            rest = buffer[size : kept + got]
            if len(rest) > MAX_LINE:
                raise DataError(
                    f"{path}: has a line of more than {MAX_LINE >> 20} MiB, {rest[:60].decode(errors='replace')}…; "
                    "it must hold one JSON object a line"
                )
            if 2 * len(rest) > len(buffer) - SPARE:
                buffer = bytearray(2 * len(buffer))
            buffer[: len(rest)] = rest
            kept = len(rest)
            if file.tell() - done > TELL_EVERY:
                advance(file.tell() - done)
                done = file.tell()
        advance(file.tell() - done)
        if end and buffer[:kept] != end:
            raise DataError(damaged(path, file, "its last frame has no end"))
    if kept and not end:
        buffer[kept] = ord("\n")
        yield buffer, kept + 1


PACKED: dict[bytes, Callable[..., Reader]] = {
    b"\xfd7zXZ": lzma.open,
    b"BZh": bz2.open,
    b"\x1f\x8b": gzip.open,
}
LOOK_AT = 1 << 16
"""Bytes at the beginning of a plain file, of which some line must begin as an object."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Reader, bytes]]:
    """The file, a reader of its unpacked content, and the line that must come last, where there is one.

    Raises:
        DataError: there is no such file, or it begins like none that can be read.
    """
    with _open(path) as file:
        head = file.read(LOOK_AT).removeprefix(BOM)
        file.seek(0)
        if head[:4] == ZSTD or head[1:4] == SKIPPABLE:
            need("zstandard", f"reading {path.name}")
            from handful.sources.reddit import frames

            yield file, frames.stream(file), frames.END
        elif unpack := next((PACKED[magic] for magic in PACKED if head.startswith(magic)), None):
            yield file, unpack(file), b""
        elif head.lstrip()[:1] == b"[":
            raise Foreign(f"{path}: is one JSON list; `jq -c '.[]' FILE > NEW` writes it as lines")
        elif not head.strip() or any(line.lstrip()[:1] == b"{" for line in head.split(b"\n")):
            yield file, file, b""  # type: ignore[misc]
        else:
            raise Foreign(
                f"{path}: is neither lines of JSON objects nor such lines packed as .zst, .xz, .bz2 or .gz "
                f"(it begins with {head[:8]!r})"
            )


def window(path: Path) -> int:
    """Bytes of memory that unpacking may take: the window that a `.zst` states at its beginning, else 0."""
    with _open(path) as file:
        head = file.read(18)
    if head[:4] != ZSTD:
        return 0
    need("zstandard", f"reading {path.name}")
    from handful.sources.reddit import frames

    return frames.window(head)


def memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def damaged(path: Path, file: BinaryIO, why: str) -> str:
    return (
        f"{path}: cannot be unpacked to its end ({why}; {file.tell():,} of {path.stat().st_size:,} bytes read): "
        "it was cut off or is damaged; fetch it again, or keep what can be read: "
        "`zstd -dc --long=31 FILE | zstd -o NEW` does so for a .zst"
    )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror})") from error


def _read(path: Path, file: BinaryIO, reader: Reader, place: memoryview) -> int:
    try:
        return reader.readinto(place)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise DataError(damaged(path, file, str(error))) from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # whose library is there only where it is needed
            raise
        if "too much memory" in str(error):
            raise DataError(
                f"{path}: was packed with a window of more than 2 GiB, more than can be unpacked here; pack it again: "
                "`zstd -dc --memory=8GB FILE | zstd -o NEW`"
            ) from error
        raise DataError(damaged(path, file, str(error))) from error
