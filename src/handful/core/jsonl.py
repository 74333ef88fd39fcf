"""Records to lines of JSON and back. Every small artifact between two stages is such a file.

Reading is strict: an unknown field, a missing one or a wrong type is an error that names file and line.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from handful.core.errors import DataError

T = TypeVar("T")

SETTLED_EVERY_SECONDS = 1.0
ENCODER = msgspec.json.Encoder(order="deterministic")  # equal records are equal bytes


def dumps(record: Any) -> bytes:
    """One line of JSON with its newline. Fields stand in the order of the type, keys of a dict sorted."""
    return ENCODER.encode(record) + b"\n"


@contextmanager
def writer(path: Path, append: bool = False) -> Iterator[Callable[[Any], None]]:
    """A function that writes one record a line to the file at `path`."""
    with path.open("ab" if append else "wb") as file:
        yield lambda record: _put(file.write, record)


def _put(write: Callable[[bytes], Any], record: Any) -> None:
    write(dumps(record))


def write(path: Path, records: Iterable[Any]) -> int:
    """Write one record a line; returns how many."""
    count = 0
    with writer(path) as put:
        for record in records:
            put(record)
            count += 1
    return count


def append(path: Path, records: Iterable[Any]) -> None:
    """Add records and make them durable: after this returns, a crash does not lose them."""
    with path.open("ab") as file:
        file.write(b"".join(map(dumps, records)))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def growing(path: Path) -> Iterator[Callable[[Iterable[Any]], None]]:
    """A function that adds records: a killed process loses none of them, a power cut at most the last second's.

    For what comes faster than a disk can settle each line (`append` waits for that every time).
    """
    with path.open("ab") as file:
        settled = time.monotonic()

        def put(records: Iterable[Any]) -> None:
            nonlocal settled
            file.write(b"".join(map(dumps, records)))
            file.flush()
            if time.monotonic() - settled > SETTLED_EVERY_SECONDS:
                os.fsync(file.fileno())
                settled = time.monotonic()

        yield put
        os.fsync(file.fileno())


def read(path: Path, kind: type[T]) -> Iterator[T]:
    """Yield a `kind` a line.

    Raises:
        DataError: a line is not a `kind`; says which file, which line and what is wrong.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    with file:
        for number, line in enumerate(file, start=1):
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise DataError(f"{path}:{number}: {error}") from error


def so_far(path: Path, kind: type[T]) -> list[T]:
    """The whole records of a file that may still grow: it is left as it is, as is half a line at its end."""
    if not path.exists():
        return []
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in path.read_bytes().split(b"\n")[:-1]]


def recover(path: Path, kind: type[T]) -> list[T]:
    """The whole records of a file that may end in half a line, which is cut off.

    For files that grow by `append`: a kill in the middle of a write leaves such a tail.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return list(read(path, kind))
