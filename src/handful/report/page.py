"""The page as a value, and its first form: one HTML file that needs nothing else. `numbers` and `markdown` make others.

Text of models and of people is only ever inserted as text: the template escapes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from handful.core.types import Interval

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
TOO_FEW = "read no finding into it"
"""How `stats` ends the note of an interval of too few prompts."""
FILE_STYLE = (
    "svg{background:#fff} text{font:13px system-ui,sans-serif;fill:#1b1b1f} .small{font-size:11.5px;fill:#5b5f68}"
    ".strong{font-weight:600} .over{paint-order:stroke;stroke:#fff;stroke-width:6px}"
    ".win{fill:#0072b2} .tie{fill:#d5d8de} .loss{fill:#b84a00} .track{fill:#f6f7f9}"
    ".on-win,.on-loss{fill:#fff;font-weight:600} .on-tie{fill:#22252b;font-weight:600}"
    ".whisker{stroke:#1b1b1f;stroke-width:1.2} .dot{fill:#1b1b1f} .grid{stroke:#dcdfe5;stroke-width:1}"
    ".line{fill:none;stroke-width:1.8} .line-win{stroke:#0072b2} .line-loss{stroke:#b84a00} .line-dot{stroke:#1b1b1f}"
    ".mark{stroke:#1b1b1f;stroke-width:1;stroke-dasharray:3 3}"
)
"""What a drawing in a file of its own needs of report.css, in its light colours."""
Form = Literal["text", "count", "share", "net", "mean", "grade", "number", "p", "code", "heat"]
"""How a column's values are printed. "heat" is a share on a ground as deep as it is high."""
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
    kind: Literal["paragraphs", "list", "headline", "warning", "incomplete", "subtitle"] = "paragraphs"
    block: str = "text"


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG of ours, with the numbers that it shows.

    `data` is a list of rows (name -> value), or, of curves, line -> points; `numbers.csv_rows` makes one form of both.
    """

    title: str
    svg: str
    data: Any
    caption: str = ""
    name: str = ""
    """Of its files, "figure-2-gpt": figures/NAME.svg. Empty for a drawing that has none."""
    table: str = ""
    """Of the CSV file that its numbers are in, with those of other figures of the same kind: "figure-2"."""
    block: str = "figure"

    @property
    def drawing(self) -> Markup:
        return Markup(self.svg)  # drawn by `figures`, which escapes every name

    @property
    def file(self) -> str:
        """The drawing as a file of its own, which brings the colours that the page would give it."""
        return self.svg.replace("</title>", f"</title><style>{FILE_STYLE}</style>", 1) + "\n"


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


def warned(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, each with a sentence where figures of it are of too few prompts, if the one above did not say so."""
    found: list[Block] = []
    before = ""
    for block in blocks:
        words = too_few(block)
        if words and words != before and isinstance(block, Table):
            block = replace(block, note=f"{block.note} {words}".strip())
        elif words and words != before and isinstance(block, Figure):
            block = replace(block, caption=f"{block.caption} {words}".strip())
        found.append(block)
        before = words
    return found


def too_few(block: Block) -> str:
    """As "4 prompts show nothing: read no finding into it.", where an interval's note says so."""
    if isinstance(block, Table):
        values = [value for row in block.rows for value in row]
    elif isinstance(block, Figure) and not isinstance(block.data, Mapping):
        values = [value for row in block.data for value in row.values()]
    else:
        return ""
    few = [value for value in values if isinstance(value, Interval) and value.note.endswith(TOO_FEW)]
    if not few:
        return ""
    sizes = [f"{n}" for n in sorted({value.n for value in few})]
    if len(sizes) == 1:
        return f"{few[0].note.rpartition('; ')[2]}."
    return f"{', '.join(sizes[:-1])} or {sizes[-1]} {few[0].unit} show nothing: {TOO_FEW}."


def html(
    title: str, subtitle: str, sections: Sequence[Section], browse: bool = False, file: str = "report"
) -> str:
    """The page as one file: styles inline, no scripts, no requests.

    Args:
        file: the name that its other forms have beside it, as in report.json and report.md.
    """
    return template("report.html.jinja").render(
        title=title, subtitle=subtitle, sections=sections, browse=browse, file=file
    )


def template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("handful.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cell=cell, bounds=bounds, visible=visible, heat=heat)
    return environment.get_template(name)


def cell(value: Cell, form: Form) -> str:
    """A value as printed. Nothing measured is a dash, never a zero."""
    if value is None:
        return DASH
    if isinstance(value, Interval):
        return scaled(value.estimate, form)
    if isinstance(value, str):
        return value
    if form in ("share", "heat", "grade"):
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
    if form == "grade":
        return f"{value:.2f}".replace("-", MINUS)
    return f"{100 * value:.0f}%" if form in ("share", "heat") else f"{value:,.0f}"


def heat(value: Cell) -> int:
    """Which of ten grounds a share stands on: 0 to 9."""
    found = value.estimate if isinstance(value, Interval) else value
    return min(max(int(10 * found), 0), 9) if isinstance(found, int | float) else 0


def visible(text: str) -> str:
    """Text with control characters, which HTML forbids, replaced by a mark that something was there."""
    return "".join("\N{REPLACEMENT CHARACTER}" if ord(c) < 32 and c not in "\n\t" else c for c in text)
