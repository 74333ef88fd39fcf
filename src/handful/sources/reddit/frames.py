"""Zstandard frames, one behind the other, as one stream that knows whether its file was whole."""

from __future__ import annotations

import io
from typing import BinaryIO

import zstandard

MAX_WINDOW = 1 << 31
END = b'{"handful": "end of file"}'
"""The last line of every stream. Packed, it is read behind the file: where a frame is cut off, it is taken for more of
that frame, and cannot come out."""

Error = zstandard.ZstdError


class Behind:
    """Two files, one behind the other."""

    def __init__(self, file: BinaryIO, last: BinaryIO) -> None:
        self.file, self.last = file, last

    def read(self, size: int = -1, /) -> bytes:
        return self.file.read(size) or self.last.read(size)


def stream(file: BinaryIO) -> zstandard.ZstdDecompressionReader:
    """What the frames of `file` hold, then a newline and END. Windows of up to 2 GiB are allowed."""
    last = io.BytesIO(zstandard.ZstdCompressor().compress(b"\n" + END))
    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    # A reader asks for anything with a read method.
    return decoder.stream_reader(Behind(file, last), read_across_frames=True)  # type: ignore[arg-type]


def window(head: bytes) -> int:
    """The window that a frame's first 18 bytes state; 0 where they are none."""
    try:
        return int(zstandard.get_frame_parameters(head).window_size)
    except Error:
        return 0
