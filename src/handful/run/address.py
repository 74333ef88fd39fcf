"""Addresses that a person gives: what to fetch, the name that it gets, and the checksum that may stand behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from handful.core.errors import DataError
from handful.run.checksum import DIGITS, Checksum, checksum
from handful.run.request import shown

MAX_NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file: where it is, where it should go, and what its bytes should be, if that is known."""

    url: str
    target: Path
    checksum: Checksum | None = None

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def notes(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    @property
    def bad(self) -> Path:
        return self.target.with_name(f"{self.target.name}.bad")


def wanted(url: str, folder: Path, given: Checksum | None = None) -> Wanted:
    """The file at an address, which may end in "#sha256=HEX"; `given` is a checksum known from elsewhere.

    Raises:
        DataError: an address that cannot be fetched, or that names no file.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise DataError(f"{url}: not an address ({error})") from error
    if parts.scheme == "magnet" or url.endswith(".torrent"):
        raise DataError(f"{shown(url)}: a torrent; fetch it with a torrent client, and give `run` the file")
    if parts.scheme not in ("http", "https") or not host:
        hint = (
            "; the path of a file that is here already goes straight into the recipe" if is_local(url) else ""
        )
        raise DataError(
            f"{shown(url) or repr(url)}: not an http or https address; it begins with https:// and a host{hint}"
        )
    if parts.username is not None:
        raise DataError(
            f"{shown(url)}: has a user name in it; what stands in a command or a recipe is read by others. "
            "Fetch files behind a login by hand"
        )
    name, _, digits = parts.fragment.partition("=")
    stated = None
    if digits:
        if name not in DIGITS:
            raise DataError(f"{shown(url)}: #{name}=: expected one of {', '.join(DIGITS)}")
        stated = checksum(digits, name)
    if stated and given and stated != given:
        raise DataError(f"{shown(url)}: two checksums are given for it, {stated} and {given}")
    bare = parts._replace(fragment="").geturl()
    return Wanted(bare, folder / file_name(bare), stated or given)


def is_local(url: str) -> bool:
    """Whether what was given as an address is a file's."""
    return url.startswith("file:") or (
        url.isprintable() and len(url) < MAX_NAME_BYTES and Path(url).is_file()
    )


def file_name(url: str) -> str:
    """The last part of an address's path, if it is a plain file name. What a server says has no say in it."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    if not name or name in (".", ".."):
        raise DataError(f"{shown(url)}: names no file; give the address of a file")
    if re.search(r"[/\\\x00-\x1f\x7f]", name) or name.startswith("."):
        raise DataError(f"{shown(url)}: ends in {name!r}, which is no name for a file here")
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise DataError(f"{shown(url)}: the file's name is longer than {MAX_NAME_BYTES} bytes")
    return name
