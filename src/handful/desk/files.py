"""The decisions as a file that `select` reads: [select] reviews."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handful.core import jsonl
from handful.core.files import write_whole
from handful.select.reviews import Decided


def content_of(lines: Sequence[Decided]) -> bytes:
    """A line each; the same decisions are the same bytes."""
    return b"".join(map(jsonl.dumps, lines))


def write_decisions(path: Path, lines: Sequence[Decided]) -> None:
    """Put the file in its place, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content_of(lines))
