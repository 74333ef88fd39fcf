"""One BZip2 stream in many pieces: its blocks do not depend on each other, so each range of them can be unpacked alone.

A block begins with six known bytes, at any bit. A range of blocks, moved to where bytes begin and given a head and a
foot, is a BZip2 file of its own. Every block carries a checksum, which is compared as it is unpacked.
"""

from __future__ import annotations

import bz2
import re
import subprocess
from collections.abc import Iterator
from typing import BinaryIO

from handful.core.errors import DataError

BLOCK, END = 0x314159265359, 0x177245385090
"""What a block begins with, and what stands behind the last: 48 bits."""
BITS = 48
HEAD = b"BZh9"
LONGEST = 1 << 20
"""Bytes that a packed block can have at most, generously."""


def starts(packed: bytes, mark: int = BLOCK) -> list[int]:
    """The bits at which a mark begins, in order."""
    found = []
    for shift in range(8):
        # Whatever the shift, the five bytes behind the one it begins in are the mark's; then all bits are compared.
        whole = (mark >> shift & (1 << 40) - 1).to_bytes(5, "big")
        for hit in re.finditer(re.escape(whole), packed):
            start = (hit.start() - 1) * 8 + shift
            if start >= 0 and bits(packed, start, BITS) == mark:
                found.append(start)
    return sorted(found)


def bits(packed: bytes, start: int, count: int) -> int:
    """A number from the bits [start, start + count); those beyond the end count as 0."""
    first, last = start // 8, -(-(start + count) // 8)
    number = int.from_bytes(packed[first:last].ljust(last - first, b"\0"), "big")
    return number >> (last * 8 - start - count) & (1 << count) - 1


def standalone(packed: bytes, marks: list[int], end: int) -> bytes:
    """The blocks that begin at `marks`, the last of which ends at the bit `end`, as a BZip2 file."""
    crc = 0
    for mark in marks:
        crc = (crc << 1 & 0xFFFFFFFF | crc >> 31) ^ bits(packed, mark + BITS, 32)
    count = end - marks[0]
    tail = (bits(packed, marks[0], count) << BITS | END) << 32 | crc
    total = count + BITS + 32
    padding = -total % 8
    return HEAD + (tail << padding).to_bytes((total + padding) // 8, "big")


def unpack_range(
    file: BinaryIO, stream: tuple[int, int], start: int, stop: int, program: str | None = None
) -> tuple[bytes, bytes]:
    """Unpack the blocks that begin in the bytes [start, stop) of a BZip2 stream, and the one behind them.

    Args:
        stream: where it lies in the file: its first byte, and how many.
        program: 7-Zip's, which is faster; None uses the standard library.

    Returns:
        What the range holds, and what the next block holds (empty behind the last).

    Raises:
        DataError: a block is damaged. Names no file.
    """
    offset, size = stream
    file.seek(offset + start)
    packed = file.read(min(stop + 2 * LONGEST, size) - start)
    border = (stop - start) * 8
    pieces = list(runs(starts(packed), starts(packed, END), border))
    own = [unpack(standalone(packed, marks, end), program) for marks, end in pieces if marks[0] < border]
    behind = [unpack(standalone(packed, marks, end), None) for marks, end in pieces if marks[0] >= border]
    return b"".join(own), b"".join(behind)


def runs(blocks: list[int], ends: list[int], border: int) -> Iterator[tuple[list[int], int]]:
    """Blocks without a gap between them, and the bit where the last ends: those before `border`, then one more.

    An end mark between blocks is the end of a stream, behind which another begins.
    """
    marks = sorted([(mark, True) for mark in blocks] + [(mark, False) for mark in ends])
    run: list[int] = []
    for mark, begins in marks:
        if run and (not begins or (mark >= border) or run[0] >= border):
            yield run, mark
            if run[0] >= border:
                return
            run = []
        if begins:
            run.append(mark)


def unpack(content: bytes, program: str | None) -> bytes:
    if program:
        command = [program, "x", "-si", "-so", "-tbzip2", "-mmt=1"]
        ran = subprocess.run(command, input=content, capture_output=True, check=False)
        if ran.returncode == 0:
            return ran.stdout
    try:
        return bz2.decompress(content)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"is damaged: {error}; copy it again") from error
