"""Files that are either whole or absent, and what is in them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from errno import ENOENT
from pathlib import Path

LEFTOVER = re.compile(r"\.[0-9]+\.tmp$")
"""What `write_whole` adds to a name until the file is whole."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` so that a reader, or a crash, never sees half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def file_hash(path: Path) -> str:
    """The sha256 of a file, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_leftovers(folder: Path) -> None:
    """Remove what a process left below `folder` that was killed within `write_whole`. No other may be writing there."""
    for path in folder.rglob("*.tmp"):
        if LEFTOVER.search(path.name) and path.is_file():
            path.unlink()


def files_below(folder: Path) -> list[Path]:
    """Every file below `folder`, in an order that does not depend on the machine.

    Links to folders are followed, but for one that leads to a folder that it lies in.

    Raises:
        OSError: a folder cannot be read, or a link leads nowhere. Passed over, it would be missed by nobody.
    """
    return sorted(_files_below(folder, frozenset()))


def _files_below(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    stat = folder.stat()
    if (here := (stat.st_dev, stat.st_ino)) in above:
        return
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        path = Path(entry.path)
        if path.is_dir() if entry.is_symlink() else entry.is_dir():
            yield from _files_below(path, above | {here})
        elif path.is_file() if entry.is_symlink() else entry.is_file():
            yield path
        elif entry.is_symlink() and not entry.name.startswith(".") and not path.exists():
            raise FileNotFoundError(ENOENT, "a link that leads to no file", entry.path)
