"""How a block of a .7z archive is unpacked: a decompressor for each method that is covered.

Copy, BZip2, LZMA and LZMA2, with the standard library. Not covered: encryption, filters for programs (BCJ, Delta),
PPMd and Deflate. Such a block is refused by the method's name.
"""

from __future__ import annotations

import bz2
import lzma
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from handful.core.errors import DataError
from handful.sources.stackexchange.header import Block, Coder

CHUNK = 1 << 20
"""Bytes unpacked at a time, at most."""


class Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def decoder(block: Block) -> Callable[[], Decompressor]:
    """A function that makes a fresh decompressor for the block.

    Raises:
        DataError: its method is not one that is covered.
    """
    methods = [METHODS.get(coder.method, f"method {coder.method.hex()}") for coder in block.coders]
    if len(methods) == 1 and methods[0] in DECODERS:
        return lambda: DECODERS[methods[0]](block.coders[0], block.sizes[-1])
    if "AES-256" in methods:
        raise DataError("is encrypted; unpack it with its password and give the folder instead")
    raise DataError(
        f"is packed with {' + '.join(methods)}, which is not covered (only {', '.join(DECODERS)} are); "
        "unpack it and give the folder instead"
    )


def unpacked(file: BinaryIO, block: Block, wanted: int) -> Iterator[bytes]:
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


def _lzma(coder: Coder, size: int) -> Decompressor:
    try:
        settings, dictionary = struct.unpack("<BI", coder.properties)
    except struct.error:
        raise DataError("is damaged: its LZMA settings cannot be read") from None
    rest, lc = divmod(settings, 9)
    pb, lp = divmod(rest, 5)
    return _raw(
        {"id": lzma.FILTER_LZMA1, "dict_size": _bounded(dictionary, size), "lc": lc, "lp": lp, "pb": pb}
    )


def _lzma2(coder: Coder, size: int) -> Decompressor:
    bits = coder.properties[0] if len(coder.properties) == 1 else 255
    if bits > 40:
        raise DataError("is damaged: its LZMA2 settings cannot be read")
    dictionary = 0xFFFFFFFF if bits == 40 else (2 | bits & 1) << (bits // 2 + 11)
    return _raw({"id": lzma.FILTER_LZMA2, "dict_size": _bounded(dictionary, size)})


def _raw(settings: dict[str, int]) -> Decompressor:
    try:
        return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[settings])
    except (lzma.LZMAError, ValueError, MemoryError) as error:
        raise DataError(f"is damaged: its LZMA settings are refused ({error})") from error


def _bounded(dictionary: int, size: int) -> int:
    """A dictionary larger than what is unpacked is never looked into, and need not be set aside."""
    return max(4096, min(dictionary, size))


class Copy:
    """Unpacked bytes in the manner of `bz2` and `lzma`."""

    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self.held = b""

    @property
    def needs_input(self) -> bool:
        return not self.held

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        data = self.held + data
        self.held = data[max_length:]
        return data[:max_length]


METHODS = {
    b"\x00": "Copy",
    b"\x04\x02\x02": "BZip2",
    b"\x03\x01\x01": "LZMA",
    b"\x21": "LZMA2",
    b"\x04\x01\x08": "Deflate",
    b"\x04\x01\x09": "Deflate64",
    b"\x03\x04\x01": "PPMd",
    b"\x03": "Delta",
    b"\x04": "BCJ",
    b"\x03\x03\x01\x03": "BCJ",
    b"\x03\x03\x01\x1b": "BCJ2",
    b"\x04\xf7\x11\x01": "Zstandard",
    b"\x06\xf1\x07\x01": "AES-256",
}
DECODERS: dict[str, Callable[[Coder, int], Decompressor]] = {
    "Copy": lambda coder, size: Copy(),
    "BZip2": lambda coder, size: bz2.BZ2Decompressor(),
    "LZMA": _lzma,
    "LZMA2": _lzma2,
}
