"""Names of the people to be credited: the posts say only the number of an account, its name is in Users.xml.

Names are read when the candidates (or dialogues) of a site are written, with their authors as "user 5
(https://site/users/5)": then it is known whose name is needed, and no other is kept or written anywhere. Of an
account without a row or a name, the number stays. Who edited a post is not credited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from handful.core.errors import DataError
from handful.sources.stackexchange import archive
from handful.sources.stackexchange.comments import value
from handful.sources.stackexchange.rows import MARK, MAX_ROW, attributes
from handful.sources.stackexchange.scan import END, FIRST, LONGEST, WHOLE, is_closed, lines_of
from handful.sources.stackexchange.sites import USERS, Site, accounts_beside, open_table

ROW = re.compile(rb'\s*<row Id="(-?\d{1,18})"')
NAME = b' DisplayName="'
UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
"""What no name should hold: control characters, and those that turn the direction of the text that follows."""
AUTHOR, BEHIND = b',"author":"', b'","license":"'
"""What stands around an author in a line of JSON, and nowhere else: inside a text, every quote is escaped."""

Open = Callable[[], BinaryIO]
Names = dict[bytes, str]
"""Id of an account, as it stands in the file -> its name."""


def find_users(posts: Site, max_bytes: float) -> Site | None:
    """The table of a site's accounts, or None where the dump is without it.

    A site may be there twice, say unpacked but for its accounts, and as an archive: then that one is asked too.

    Raises:
        DataError: it is there, but cannot or should not be read.
    """
    with optional():
        for path in (posts.path, *posts.others):
            file = accounts_beside(path)
            if file is None or not file.is_file():
                file = path
            if (file.name == USERS or file.suffix == ".7z") and (
                found := open_table(posts.name, file, USERS, max_bytes)
            ):
                return found
        return None


@contextmanager
def optional(users: Site | None = None) -> Iterator[None]:
    """Say in an error how to do without the names, and of which file it speaks."""
    try:
        yield
    except DataError as error:
        where = f"{users.path}: " if users and str(users.path) not in str(error) else ""
        raise DataError(
            f"{where}{error} (author_names = false reads the site without its authors' names)"
        ) from error


@contextmanager
def open_both(posts: Site, users: Site | None) -> Iterator[tuple[BinaryIO, Open | None]]:
    """The posts, to be read to their end, and what opens the accounts then, if there are any.

    In the dump's archives the accounts lie behind the posts, and unpacking begins at the front: one pass gives both.
    It stands still in between.
    """
    with ExitStack() as stack:
        if users and users.packed and posts.packed and users.packed.is_behind(posts.packed):
            both = stack.enter_context(closing(archive.Pass([posts.packed, users.packed])))
            yield both.open_next(), both.open_next
        else:
            yield stack.enter_context(posts.open()), users.open if users else None


def read_names(
    file: IO[bytes], wanted: set[bytes], position: int = 0, stop: float = WHOLE
) -> Iterator[tuple[bytes, str]]:
    """Yield (id, name) of each wanted account whose row starts before the byte `stop`, in the order of the file.

    Rows that are broken or have no name are passed over.

    Args:
        file: stands at the byte `position`.
    """
    held = b""  # a row that has no end yet
    row = ROW.match
    lines = iter(partial(lines_of(file), LONGEST), b"")
    for line in lines if stop == WHOLE else before(lines, position, stop):
        found = row(line)
        if found is not None and line.endswith(END) and line.find(b"<", FIRST) < 0:
            held = b""
            if found[1] in wanted and (name := clean(value(line, NAME))):
                yield found[1], name
        else:
            rows, held = split(held + line)
            for odd in map(attributes, rows):
                id = odd.get("Id", "").encode()
                if id in wanted and (name := clean(odd.get("DisplayName", ""))):
                    yield id, name


def before(lines: Iterator[bytes], position: int, stop: float) -> Iterator[bytes]:
    """The lines that start before `stop`, and the rest of the row that it cuts."""
    for line in lines:
        if position >= stop and MARK.search(line):
            return
        position += len(line)
        yield line


def split(text: bytes) -> tuple[list[bytes], bytes]:
    """The rows in lines that are not of the dump's form, without their marks; and the last with it, if it is open."""
    rows = MARK.split(text)[1:]
    if not rows or is_closed(rows[-1]):
        return rows, b""
    last = b"<row " + rows.pop()
    return rows, last if len(last) < MAX_ROW else b""


def clean(name: str) -> str:
    """A name on one line."""
    return " ".join(UNSEEN.sub("", name).split())


def first(pairs: Iterable[tuple[bytes, str]]) -> Names:
    """The first name of each account: of two rows with one Id, the first stands, as it does for posts."""
    names: Names = {}
    for id, name in pairs:
        names.setdefault(id, name)
    return names


def nameless(lines: Path, site: str) -> set[bytes]:
    """The accounts that a file of records credits by their numbers."""
    account = pattern(site)
    with lines.open("rb") as file:
        return {found[1] for line in file for found in account.finditer(line, *author_in(line))}


def credit(lines: Path, target: Path, site: str, names: Names) -> None:
    """Copy a file of records, with names for the numbers of accounts: "Ann (https://site/users/5)"."""
    account = pattern(site)

    def named(found: re.Match[bytes]) -> bytes:
        name = names.get(found[1])
        return escaped(name) + found[2] if name else found[0]

    with lines.open("rb") as file, target.open("wb") as out:
        for line in file:
            start, end = author_in(line)
            out.write(line[:start] + account.sub(named, line[start:end]) + line[end:])


def credit_site(lines: Path, site: str, open_users: Open) -> dict[str, int]:
    """Put names into a site's records, in place; returns how many accounts have got one, and how many not."""
    wanted = nameless(lines, site)
    names: Names = {}
    if wanted:
        with optional(), open_users() as file:
            names = first(read_names(file, wanted))
        credited = lines.with_name(f"{lines.name}.credited")
        credit(lines, credited, site, names)
        credited.replace(lines)
    return {"named": len(names), "unnamed": len(wanted) - len(names)}


def credited(users: Mapping[str, Site | None], totals: Mapping[str, int]) -> dict[str, Any]:
    """How many accounts are credited by name, how many have none in Users.xml, and which sites are without it."""
    missing = [site for site, table in users.items() if table is None]
    return {
        **(
            {"authors": {key: totals[key] for key in ("named", "unnamed")}}
            if len(missing) < len(users)
            else {}
        ),
        **({"without_users": missing} if missing else {}),
    }


def pattern(site: str) -> re.Pattern[bytes]:
    """An author without a name, as `join.authors` writes it; groups: number, and what follows the name."""
    url = re.escape(escaped(f"https://{site}/users/"))
    return re.compile(rb"user (-?\d{1,18})( \(" + url + rb"\1\))")


def author_in(line: bytes) -> tuple[int, int]:
    """Where the author stands in a record's line."""
    start = line.rindex(AUTHOR) + len(AUTHOR)
    return start, line.index(BEHIND, start)


def escaped(text: str) -> bytes:
    """As it stands inside a JSON string."""
    return msgspec.json.encode(text)[1:-1]
