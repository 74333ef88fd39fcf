"""Which sites a source reads, where they lie, and how to read a table of each.

A path is a `SITE.7z`, a `SITE/Posts.xml`, or a folder: of one site, or with any number of both. What names a file or
the folder of one site is the user's own choice, and read. In a folder of sites, the source's `sites`, `include`,
`exclude` and `meta` choose. A site is read once, however often and under whatever names it is there; within a folder
the unpacked file is taken before the archive.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import BinaryIO

from handful.core.beginnings import ENOUGH, foreign, quoted
from handful.core.errors import DataError
from handful.recipe.sources import CommentChains, StackExchange
from handful.sources.stackexchange import archive
from handful.sources.stackexchange.network import Identity, group, identity
from handful.sources.stackexchange.rows import MAX_ROW

POSTS = "Posts.xml"
COMMENTS = "Comments.xml"
USERS = "Users.xml"
TABLES = ("Badges", "Comments", "PostHistory", "PostLinks", "Posts", "Tags", "Users", "Votes")
"""The largest sites come as one archive a table: stackoverflow.com-Posts.7z and the like."""

FIRST_TAG = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|posts|comments|users|row)\b")
PLACES = 2 * MAX_ROW
"""A place is position * PLACES + size: one integer, as there are as many as questions."""
SHOWN = 20
"""Names in a message, at most."""


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    """As in "beer.stackexchange.com"."""
    path: Path
    packed: archive.Packed | None
    """Where the table lies in the archive; None for a plain file."""
    others: tuple[Path, ...] = ()
    """More files of the same site, which are not read for this table."""

    @property
    def size(self) -> int:
        """Bytes of XML."""
        return self.packed.member.size if self.packed else self.path.stat().st_size

    def open(self) -> BinaryIO:
        """The table from its beginning; of an archive, it can be read once."""
        return archive.open_member(self.packed) if self.packed else self.path.open("rb", archive.CHUNK)

    def chunks(self) -> Iterator[bytes]:
        with self.open() as file:
            yield from iter(partial(file.read, archive.CHUNK), b"")


@dataclass(slots=True)
class Found:
    """A site that a path holds."""

    name: str
    file: Path
    chosen: bool
    """A path of the recipe names it, rather than a folder of sites."""
    others: list[Path] = field(default_factory=list)
    """The same site once more: read only for what the first has not."""


def sites(source: StackExchange | CommentChains, table: str = POSTS) -> list[Site]:
    """Find every site that is to be read, in the order given, and open each archive's table of contents.

    Args:
        table: which of a site's tables. Archives and folders without Comments.xml are left out, silently.

    Raises:
        DataError: a path holds no posts, an archive cannot or should not be read, a site is not in the list of groups,
            or `include` or `exclude` names one that is not there.
    """
    found = _found(source, table)
    kept = [site for key, site in found.items() if not _reason(key, site, source)]
    if table == POSTS:
        _check(source, found, kept)
    opened = (open_table(site.name, site.file, table, source.max_unpacked_gb * 1e9) for site in kept)
    return [replace(site, others=tuple(one.others)) for site, one in zip(opened, kept, strict=True) if site]


def passed_over(source: StackExchange | CommentChains) -> dict[str, int]:
    """How many sites of its folders a source does not read, by reason: "excluded", "meta" or their group."""
    found = _found(source, POSTS)
    reasons = Counter(_reason(key, site, source) for key, site in found.items())
    return {reason: n for reason, n in sorted(reasons.items()) if reason}


def open_table(name: str, file: Path, table: str, max_bytes: float) -> Site | None:
    """A site's table in a file that was found; None for one other than posts that an archive does not hold."""
    if file.suffix != ".7z":
        return Site(name, file, None)
    try:
        return Site(name, file, archive.find(file, table, max_bytes))
    except archive.MissingMember:
        if table != POSTS:
            return None
        raise


def instead(table: Site) -> str:
    """What a table without a row is, by its first bytes: for the end of an error. Nothing where it is a table."""
    if table.packed:
        return ""
    with table.open() as file:
        head = file.read(ENOUGH)
    if FIRST_TAG.match(head):
        return ""
    words = foreign(head)
    return f"; it {words}" if words else f"; {quoted(head)}"


def _found(source: StackExchange | CommentChains, table: str) -> dict[Identity, Found]:
    found: dict[Identity, Found] = {}
    for path in map(Path, source.paths):
        files, chosen = _files(path, table, isinstance(source, CommentChains))
        for file in files:
            name = site_name(file)
            site = found.setdefault(identity(name), Found(name, file, chosen))
            site.chosen |= chosen
            if file != site.file:
                site.others.append(file)
    return found


def _files(path: Path, table: str, comments_too: bool) -> tuple[list[Path], bool]:
    """The files at `path` that hold `table`, plain ones first where both are there; and whether `path` names a site.

    Args:
        comments_too: the source also reads Comments.xml, so that a path may hold either.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_file():
        if path.name == table or (path.suffix == ".7z" and not _of_another(path, table, comments_too)):
            return [path], True
        if comments_too and (path.name in (POSTS, COMMENTS) or path.suffix == ".7z"):
            return [], True
        raise DataError(f"{path}: is neither a .7z archive nor a {POSTS}")
    plain = path / table
    if (path / POSTS).is_file() or plain.is_file():
        return [plain] if plain.is_file() else [], True
    packed = [file for file in path.glob("*.7z") if not _of_another(file, table)]
    files = [file for file in (*sorted(path.glob(f"*/{table}")), *sorted(packed)) if not file.is_dir()]
    if not files and table == POSTS:
        raise DataError(f"{path}: holds no {POSTS}, no SITE/{POSTS} and no SITE.7z")
    return sorted(files, key=site_name), False


def _of_another(file: Path, table: str, asked: bool = True) -> bool:
    """Whether an archive is by its name that of another table than `table`."""
    _, dash, name = file.stem.rpartition("-")
    return asked and bool(dash) and name in TABLES and f"{name}.xml" != table


def site_name(file: Path) -> str:
    """The name of a site by its file: that of the archive, or of the folder of a plain file."""
    if file.suffix == ".7z":
        return file.stem.removesuffix("-Posts").removesuffix("-Comments")
    return file.absolute().parent.name


def accounts_beside(posts: Path) -> Path | None:
    """Where the accounts lie that belong to a file of posts, if they have a file of their own."""
    if posts.name == POSTS:
        return posts.with_name(USERS)
    if posts.name.endswith("-Posts.7z"):
        return posts.with_name(posts.name.removesuffix("-Posts.7z") + "-Users.7z")
    return None


def _reason(key: Identity, site: Found, source: StackExchange | CommentChains) -> str:
    """Why a site is not read; empty for one that is, or that the list does not know."""
    if key in map(identity, source.exclude):
        return "excluded"
    if site.chosen or key in map(identity, source.include):
        return ""
    if key.meta and not source.meta:
        return "meta"
    found = group(key)
    return "" if source.sites == "all" or found in (source.sites, None) else str(found)


def _check(
    source: StackExchange | CommentChains, found: dict[Identity, Found], kept: Sequence[Found]
) -> None:
    """Raise DataError for names that match nothing, for sites without a group, and where nothing is left to read."""
    names = [site.name for site in found.values()]
    for option in ("include", "exclude"):
        for name in getattr(source, option):
            if identity(name) not in found:
                near = f"; did you mean {_nearest(name, names)!r}?" if names else ""
                raise DataError(
                    f"{option} = [{name!r}]: none of the {len(names)} sites found is called so{near}"
                )
    if both := [name for name in source.include if identity(name) in set(map(identity, source.exclude))]:
        raise DataError(f"include and exclude both name {', '.join(both)}; which of them is meant?")
    included = set(map(identity, source.include))
    unknown = [
        site.name
        for site in kept
        if not site.chosen and identity(site.name) not in included and group(identity(site.name)) is None
    ]
    if unknown and source.sites != "all":
        listed = ", ".join(f'"{name}"' for name in unknown)
        raise DataError(
            f"{_where(source)}: the list of sites does not say whether these are STEM or other: {listed}; "
            f"type include = [{listed}] to read them here, or exclude = [{listed}] to pass over them"
        )
    if not kept:
        reasons = ", ".join(f"{reason}: {n}" for reason, n in passed_over(source).items())
        raise DataError(
            f"{_where(source)}: none of the {len(names)} sites there is to be read ({reasons}); look at sites, "
            'include, exclude and meta in the recipe (meta = true reads sites like "meta.stackoverflow.com")'
        )


def _where(source: StackExchange | CommentChains) -> str:
    return ", ".join(source.paths)


def _nearest(name: str, names: Iterable[str]) -> str:
    """The likeliest name: one that begins as typed ("beer"), else the one with the most letters in common."""
    return max(
        sorted(names),
        key=lambda other: (other.startswith(f"{name}."), SequenceMatcher(None, name, other).ratio()),
    )


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
