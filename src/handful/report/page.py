"""The page as a value, and its two forms: one HTML file that needs nothing else, and JSON with every number.

Text of models and of people is only ever inserted as text: the template escapes all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from handful.core.types import Interval

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
Form = Literal["text", "count", "share", "net", "mean", "number", "p", "code"]
Cell: TypeAlias = str | int | float | Interval | None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    form: Form = "text"


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    folded: bool = False
    """Shown closed, for long tables of reference."""
    block: str = "table"


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs, or the items of a list. A warning stands out."""

    lines: Sequence[str]
    kind: Literal["paragraphs", "list", "headline", "warning", "subtitle"] = "paragraphs"
    block: str = "text"


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG of ours, with the numbers that it shows."""

    title: str
    svg: str
    data: Any
    caption: str = ""
    block: str = "figure"

    @property
    def drawing(self) -> Markup:
        return Markup(self.svg)  # drawn by `figures`, which escapes every name


@dataclass(frozen=True, slots=True)
class Answer:
    name: str
    text: str
    note: str
    """Why it stopped, and how long it is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt, and what each system answered."""

    id: str
    prompt: str
    answers: Sequence[Answer]
    note: str = ""
    block: str = "sample"


Block: TypeAlias = Table | Text | Figure | Sample


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    blocks: Sequence[Block]


def html(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The page as one file: styles inline, no scripts, no requests."""
    environment = Environment(
        loader=PackageLoader("handful.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cell=cell, bounds=bounds, visible=visible)
    template = environment.get_template("report.html.jinja")
    return template.render(title=title, subtitle=subtitle, sections=sections) + "\n"


def numbers(title: str, sections: Sequence[Section]) -> dict[str, Any]:
    """The same page as plain data: each table's cells as numbers and intervals, not as printed."""
    return {"name": title, "sections": {section.id: plain(section) for section in sections}}


def plain(section: Section) -> dict[str, Any]:
    found: dict[str, Any] = {"title": section.title, "text": [], "tables": [], "figures": [], "samples": []}
    for block in section.blocks:
        if isinstance(block, Table):
            rows = [dict(zip((c.name for c in block.columns), row, strict=True)) for row in block.rows]
            found["tables"].append({"caption": block.caption, "rows": msgspec.to_builtins(rows)})
        elif isinstance(block, Figure):
            found["figures"].append({"title": block.title, "data": msgspec.to_builtins(block.data)})
        elif isinstance(block, Text):
            found["text"] += block.lines
        else:
            found["samples"].append(block.id)
    return found


def cell(value: Cell, form: Form) -> str:
    """A value as printed. Nothing measured is a dash, never a zero."""
    if value is None:
        return DASH
    if isinstance(value, Interval):
        return scaled(value.estimate, form)
    if isinstance(value, str):
        return value
    if form == "share":
        return scaled(value, form)
    if form == "p":
        return "< 0.001" if value < 0.001 else f"{value:.3f}"
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    )


def bounds(value: Cell, form: Form) -> str:
    """What stands below an estimate: its bounds, or that there are none; nothing below any other value."""
    if not isinstance(value, Interval) or value.estimate is None:
        return ""
    if value.low is None or value.high is None:
        return "no interval"
    low, high = (scaled(bound, form).removesuffix("%") for bound in (value.low, value.high))
    return f"{low} to {high}"


def scaled(value: float | None, form: Form) -> str:
    """A share in per cent, a difference of shares in points with its sign, else a number."""
    if value is None:
        return DASH
    if form == "net":
        return f"{100 * value:+.0f}".replace("-", MINUS)
    return f"{100 * value:.0f}%" if form == "share" else f"{value:,.0f}"


def visible(text: str) -> str:
    """Text with control characters, which HTML forbids, replaced by a mark that something was there."""
    return "".join("\N{REPLACEMENT CHARACTER}" if ord(c) < 32 and c not in "\n\t" else c for c in text)
