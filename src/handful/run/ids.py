"""Which text a person means: an id, a bare number, or the address of a page."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from handful.core.errors import DataError
from handful.run.drops import ID_FIRST, id_of

QUESTION = re.compile(r"(?:https?://)?([\w.-]+\.\w+)/(?:questions|q)/(\d+)(?:[/?#].*)?")
ANSWER = re.compile(r"(?:https?://)?([\w.-]+\.\w+)/a/(\d+)(?:[/?#].*)?")
REDDIT = re.compile(r"(?:https?://)?(?:\w+\.)?reddit\.com/(?:r/\w+/)?comments/(\w+)(?:[/?#].*)?")
NUMBERED = re.compile(r"(.+)/(\d+)")
RULE_NEXT = b'","rule":"'
SHOWN = 3
MAX_MEANT = 10


def question_of(address: str) -> str | None:
    """The id that the address of a question stands for: "https://SITE/questions/13/title" is "SITE/13"."""
    found = QUESTION.fullmatch(address)
    return f"{found[1]}/{found[2]}" if found else None


def url_of(id: str) -> str:
    """The address of a question that a dump has under this id, or nothing where the id is not of that kind."""
    found = re.fullmatch(r"([\w-]+(?:\.[\w-]+)*\.(?:com|net|org))/(\d+)", id)
    return f"https://{found[1]}/q/{found[2]}" if found else ""


def look_up(folders: Sequence[Path], wanted: str) -> str:
    """The one id that `wanted` can mean, though no record has it as its id.

    Raises:
        DataError: there is none, or there are several; names them, or the nearest, or what ids look like.
    """
    points = pointer(wanted)
    meant: dict[str, None] = {}
    nearest = Nearest(question_of(wanted) or wanted)
    for id, line in lines_of(folders):
        if id.endswith(f"/{wanted}") or points(id, line):
            meant[id] = None
        nearest.see(id)
    if len(meant) == 1:
        return next(iter(meant))
    if meant:
        first = ", ".join(list(meant)[:MAX_MEANT])
        more = f" and {len(meant) - MAX_MEANT:,} more" if len(meant) > MAX_MEANT else ""
        raise DataError(f"{wanted!r} may be any of {len(meant)}: {first}{more}; give it whole")
    raise DataError(f"no finished folder speaks of {wanted!r}{nearest.hint()}")


def pointer(wanted: str) -> Callable[[str, bytes], bool]:
    """Whether a line, with its id, is about the page at the address `wanted`; never, where that is no address."""
    if found := ANSWER.fullmatch(wanted):
        site, answer = found[1], found[2]
        address = f'"https://{site}/a/{answer}"'.encode()
        named = re.compile(rb"\banswer %s\b" % answer.encode())

        def of_answer(id: str, line: bytes) -> bool:
            if id.startswith(f"{site}/") and line[len(ID_FIRST) + len(id.encode()) :].startswith(RULE_NEXT):
                return bool(named.search(line))  # dropped while reading: only the detail names the answer
            dialogue = id.startswith(f"{site}/") and id.count("/") == 2 and id.endswith(f"/{answer}")
            return dialogue or address in line

        return of_answer
    if found := REDDIT.fullmatch(wanted):
        post = f"/comments/{found[1]}/".encode()
        return lambda id, line: post in line
    if not wanted.startswith(("http://", "https://")):
        return lambda id, line: False
    bare = wanted.partition("#")[0].partition("?")[0].rstrip("/")
    addresses = [json.dumps(f"{bare}{end}", ensure_ascii=False).encode() for end in ("", "/")]
    return lambda id, line: any(address in line for address in addresses)


def lines_of(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """(id, line) of every record that is a text, or a drop, of the folders."""
    for folder in folders:
        for file in sorted(folder.glob("*.jsonl")):
            with file.open("rb") as lines:
                for line in lines:
                    if id := id_of(line):
                        yield id.decode("utf-8", "replace"), line


class Nearest:
    """The ids that come nearest to one that is not there; they are seen one at a time, and few are held."""

    def __init__(self, wanted: str) -> None:
        found = NUMBERED.fullmatch(wanted)
        self.wanted = wanted
        self.place = found[1] if found else ""
        self.number = int(found[2]) if found else 0
        self.first: dict[str, str] = {}
        """Community -> the first id of it."""
        self.near: dict[str, int] = {}

    def see(self, id: str) -> None:
        found = NUMBERED.fullmatch(id)
        place = found[1] if found else id.rpartition("/")[0]
        if place not in self.first:
            self.first[place] = id
        if found and place == self.place:
            self.near[id] = abs(int(found[2]) - self.number)
            if len(self.near) > 4 * SHOWN:
                self.near = dict(self.nearest())

    def nearest(self) -> list[tuple[str, int]]:
        return sorted(self.near.items(), key=lambda item: (item[1], item[0]))[:SHOWN]

    def hint(self) -> str:
        if not self.first:
            return "; nothing has run yet"
        examples = ", ".join(list(self.first.values())[:SHOWN])
        if self.near:
            return f"; the nearest of {self.place} are {', '.join(id for id, _ in self.nearest())}"
        begins = [place for place in self.first if self.place and place.startswith(f"{self.place}.")]
        close = begins or difflib.get_close_matches(self.place or self.wanted, self.first, n=1)
        meant = f"{close[0]}/{self.number}" if close and self.place else ""
        return f"; ids look like {examples}" + (f"; did you mean {meant!r}?" if meant else "")
