"""Which files hold submissions, and which comments: told by what is in them, since names differ from dump to dump."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from handful.core.errors import DataError
from handful.core.files import files_below
from handful.sources.reddit.files import Foreign, blocks

Kind = Literal["submissions", "comments"]
LOOK_AT = 100
"""Rows at the beginning of a file, of which the first that can be read tells its kind."""


class Hint(msgspec.Struct):
    title: Any = None
    link_id: Any = None
    body: Any = None


HINT = msgspec.json.Decoder(Hint)


def find(paths: Iterable[str], kind: Kind) -> list[Path]:
    """The files of one kind: those that are named, and those of the folders that are named, in the order of names.

    Raises:
        DataError: a file is missing, of the other kind, or nothing that can be read; a folder has none.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            below = [file for file in files_below(path) if _fits(file, kind)]
            if not below:
                raise DataError(f"{path}: holds no file of {kind}: lines of JSON objects, plain or as .zst")
            found.update(dict.fromkeys(below))
        else:
            if (other := kind_of(path)) not in (kind, None):
                raise DataError(f"{path}: holds {other}, not {kind}; name it under `{other}`")
            found[path] = None
    return list(found)


def _fits(path: Path, kind: Kind) -> bool:
    """Whether a file of a folder is of the kind. What is no dump at all, as a README, is passed over."""
    try:
        return not path.name.startswith(".") and kind_of(path) == kind
    except Foreign:
        return False


def kind_of(path: Path) -> Kind | None:
    """The kind of the first row that can be read; None where there is none at the beginning."""
    for buffer, size in islice(blocks(path), 1):
        for row in buffer[:size].split(b"\n", LOOK_AT)[:LOOK_AT]:
            try:
                hint = HINT.decode(row)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            if hint.link_id is not None:
                return "comments"
            if hint.title is not None:
                return "submissions"
    return None
