"""What a publisher says that a file's bytes are: sha256, or the sha1 and md5 that older archives give."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from handful.core.errors import DataError
from handful.run.progress import progress

DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}
CHUNK = 1 << 20
MAX_LIST = 1 << 20
LINE = re.compile(r"^\\?([0-9a-fA-F]+)(?:[ \t]+[ *]?(.*\S))?\s*$")
BSD_LINE = re.compile(r"^[A-Z0-9]+ ?\((.*)\) ?= ?([0-9a-fA-F]+)\s*$")


@dataclass(frozen=True, slots=True)
class Checksum:
    """`value` is lower-case hex digits, as many as the algorithm has."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"

    def of(self, path: Path) -> str:
        """What this algorithm makes of a file."""
        digest = hashlib.new(self.algorithm, usedforsecurity=False)
        with path.open("rb") as file, progress(f"checking {path.name}", size_in_mb(path), "MB") as advance:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                advance(len(chunk) / 1e6)
        return digest.hexdigest()


def size_in_mb(path: Path) -> float:
    return path.stat().st_size / 1e6


def checksum(text: str, algorithm: str = "") -> Checksum:
    """Read hex digits; without `algorithm`, their number says which it is.

    Raises:
        DataError: these are no digits of such a checksum.
    """
    value = text.strip().lower()
    found = algorithm or next((name for name, n in DIGITS.items() if n == len(value)), "")
    if found not in DIGITS or not re.fullmatch(rf"[0-9a-f]{{{DIGITS[found]}}}", value):
        wanted = ", ".join(
            f"{n} for {name}" for name, n in DIGITS.items() if not algorithm or name == algorithm
        )
        raise DataError(
            f"checksum {text.strip()[:80]!r}: expected hex digits ({wanted or 'sha256, sha1 or md5'})"
        )
    return Checksum(found, value)


def listed(content: bytes, name: str, where: str) -> Checksum:
    """The checksum of the file `name` in a list as sha256sum or md5sum writes it, or the only one of a bare list.

    Raises:
        DataError: the list does not name the file.
    """
    rows = [
        row for line in content[:MAX_LIST].decode("utf-8", "replace").splitlines() if (row := read_line(line))
    ]
    matching = [digits for digits, stated in rows if stated.rpartition("/")[2] == name]
    if not matching and len(rows) == 1 and not rows[0][1]:
        matching = [rows[0][0]]
    if not matching:
        raise DataError(f"{where}: has no checksum of {name} among its {len(rows):,} lines")
    return checksum(matching[0])


def read_line(line: str) -> tuple[str, str] | None:
    """(digits, file name or "") of a line "DIGITS  NAME" or "SHA256 (NAME) = DIGITS"; None for any other."""
    if found := BSD_LINE.match(line):
        return found[2], found[1]
    found = LINE.match(line)
    return (found[1], found[2] or "") if found and len(found[1]) in DIGITS.values() else None
