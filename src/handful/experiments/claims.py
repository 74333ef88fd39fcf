"""Every figure that the paper publishes, from claims.toml: what it is, where it stands, and how sure its source is.

Only data are here. What of ours stands beside a claim is found by `matching`, and compared by `comparing`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal, TypeAlias

import msgspec

from handful.core.types import Noun

Mark = Literal["N", "C", "U"]
"""In the notes on the paper; confirmed by a second source; not confirmed, and so never given a value."""
Value: TypeAlias = float | tuple[float, float] | str | None
"""A figure, a range, a word where the paper gives no figure ("positive"), or None for what is not confirmed."""


class Claim(Noun, frozen=True):
    """One published figure."""

    id: str
    """As "figure-1/alpaca/win"."""
    group: str
    section: str
    """Of the paper, as "4.1" or "Appendix B"."""
    of: str
    """What it is said of: a baseline, a source, an arm."""
    measure: str
    what: str
    """Both in words."""
    value: Value
    n: int | None
    unit: str
    form: str
    """How its numbers are printed: "share", "grade", "count" or "number"."""
    mark: Mark


class Row(Noun, frozen=True):
    """A line of a group: some measures of one thing."""

    of: str
    label: str
    values: dict[str, float | tuple[float, float] | str]
    unconfirmed: tuple[str, ...] = ()
    n: int | None = None


class Group(Noun, frozen=True, kw_only=True):
    """The claims of one figure or table."""

    id: str
    title: str
    section: str
    rule: str
    """The function of `matching` that finds ours."""
    measures: dict[str, str]
    rows: tuple[Row, ...]
    form: str
    mark: Mark
    command: str
    """What would run it."""
    lengths_command: str = ""
    about: str = ""
    who: Literal["people", "models", "any"] = "any"
    """Whose opinion it is, where that is what tells two groups apart."""
    n: int | None = None
    unit: str = "prompts"

    def claims(self) -> list[Claim]:
        return [self.claim(row, measure) for row in self.rows for measure in (*row.values, *row.unconfirmed)]

    def claim(self, row: Row, measure: str) -> Claim:
        known = measure in row.values
        return Claim(
            id="/".join((self.id, row.of.replace("/", "-"), measure)),
            group=self.id,
            section=self.section,
            of=row.of,
            measure=measure,
            what=f"{row.label}: {self.measures.get(measure, measure)}",
            value=row.values[measure] if known else None,
            n=row.n or self.n,
            unit=self.unit,
            form=self.form,
            mark=self.mark if known else "U",
        )


class Claims(Noun, frozen=True):
    names: dict[str, tuple[str, ...]]
    """What the paper calls something, in our spelling -> names in a recipe that count as it."""
    group: tuple[Group, ...]


def read() -> Claims:
    """The file of the package. A mistake in it is ours, and raises msgspec.ValidationError."""
    text = (files("handful.experiments") / "claims.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Claims)


def by_name(names: Mapping[str, tuple[str, ...]], own: str) -> str:
    """What of the paper a name of a recipe stands for; "" for nothing."""
    return next((paper for paper, known in names.items() if own.casefold() in known), "")
