"""The sites of the Stack Exchange network, their groups (Section 2.1) and their names over the years: sites.toml.

Which sites a recipe reads is for `sites` to say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

Group = Literal["stem", "other", "niche"]
META = "meta"


class Identity(NamedTuple):
    """What stays the same when a site is renamed."""

    main: str
    """The host name of 2023; of a meta site, that of the site which it is about."""
    meta: bool


def identity(name: str) -> Identity:
    """Whose dump a name of whatever year stands for: "meta.beer.stackexchange.com" is about "alcohol…"."""
    labels = name.lower().split(".")
    main = ".".join(label for label in labels if label != META)
    return Identity(the_list()["aliases"].get(main, main), META in labels)


def group(site: Identity) -> Group | None:
    """The group of a site, or of the site that a meta site is about; None where the list does not know it."""
    return groups().get(site.main)


@cache
def groups() -> dict[str, Group]:
    """Host name of 2023 -> group, those beyond the paper's 179 sites included."""
    found = the_list()
    known: dict[str, Group] = {}
    for name in get_args(Group):
        extra = [table.get(name, []) for table in found["beyond"].values()]
        known |= dict.fromkeys(_names([found[name], *extra]), name)
    return known


@cache
def the_list() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("sites.toml").read_text(encoding="utf-8"))


def _names(found: Any) -> Iterator[str]:
    """Every string in nested lists and tables, in their order."""
    if isinstance(found, str):
        yield found
        return
    inner: Iterable[Any] = found.values() if isinstance(found, dict) else found
    for part in inner:
        yield from _names(part)
