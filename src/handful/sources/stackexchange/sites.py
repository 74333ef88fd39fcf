"""Which sites a recipe's paths hold, and how to read the posts of each.

A path is a `SITE.7z`, a `SITE/Posts.xml`, or a folder with any number of both. A site is read once, however often
it is there; within a folder the unpacked file is taken before the archive.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from handful.core.errors import DataError
from handful.sources.stackexchange import archive
from handful.sources.stackexchange.rows import MAX_ROW

POSTS = "Posts.xml"
OTHER_TABLES = ("Badges", "Comments", "PostHistory", "PostLinks", "Tags", "Users", "Votes")
"""The largest sites come as one archive a table: stackoverflow.com-Posts.7z and these."""

PLACES = 2 * MAX_ROW
"""A place is position * PLACES + size: one integer, as there are as many as questions."""


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    """As in "beer.stackexchange.com"."""
    path: Path
    packed: archive.Packed | None
    """Where the posts lie in the archive; None for a plain file."""

    @property
    def size(self) -> int:
        """Bytes of XML."""
        return self.packed.member.size if self.packed else self.path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        if self.packed:
            yield from archive.chunks(self.packed)
            return
        with self.path.open("rb") as file:
            while chunk := file.read(archive.CHUNK):
                yield chunk


def sites(paths: Iterable[str], max_bytes: float) -> list[Site]:
    """Find every site, in the order given, and open each archive's table of contents.

    Raises:
        DataError: a path holds no posts, or an archive that cannot or should not be read.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        for file in _files(path):
            found.setdefault(site_name(file), file)
    return [
        Site(name, file, archive.find(file, POSTS, max_bytes) if file.suffix == ".7z" else None)
        for name, file in found.items()
    ]


def _files(path: Path) -> list[Path]:
    """The files of posts at `path`, plain ones first where both are there."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_file():
        if path.name != POSTS and path.suffix != ".7z":
            raise DataError(f"{path}: is neither a .7z archive nor a {POSTS}")
        return [path]
    if (path / POSTS).is_file():
        return [path / POSTS]
    plain = path.glob(f"*/{POSTS}")
    packed = (
        file for file in path.glob("*.7z") if not file.stem.endswith(tuple(f"-{t}" for t in OTHER_TABLES))
    )
    files = [*sorted(plain), *sorted(packed)]
    if not files:
        raise DataError(f"{path}: holds no {POSTS}, no SITE/{POSTS} and no SITE.7z")
    return sorted(files, key=site_name)


def site_name(file: Path) -> str:
    """The name of a site by its file: that of the archive, or of the folder of a Posts.xml."""
    if file.suffix == ".7z":
        return file.stem.removesuffix("-Posts")
    return file.absolute().parent.name


class InPlace:
    """Rows of a plain file are fetched from where they lie."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def keep(self, position: int, record: bytes) -> int:
        return position * PLACES + len(record)

    def fetch(self, place: int) -> bytes:
        position, size = divmod(place, PLACES)
        self.file.seek(position)
        return self.file.read(size)


class Spilled(InPlace):
    """Rows of an archive are copied to a file of their own: going back would mean to unpack it again.

    All are kept before the first is fetched.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.end = 0

    def keep(self, position: int, record: bytes) -> int:
        self.file.write(record)
        place = super().keep(self.end, record)
        self.end += len(record)
        return place


def shelf(site: Site, scratch: Path) -> InPlace:
    """Where the site's rows are kept: in a nameless file in `scratch`, unless they lie in one already."""
    if site.packed:
        return Spilled(tempfile.TemporaryFile(dir=scratch))
    return InPlace(site.path.open("rb"))
