"""The page as Markdown (GitHub's), for a repository or a paper's appendix: report.md, beside figures/.

What models and people wrote stands in fenced blocks longer than any fence in it; everything else has its marks escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from handful.report.page import Block, Cell, Figure, Form, Sample, Section, Table, Text, bounds, cell, visible

MARKS = re.compile(r"([\\`*_{}\[\]<>|#~$])")
NUMBERS: frozenset[Form] = frozenset(("count", "share", "net", "mean", "grade", "number", "p", "heat"))


def markdown(title: str, subtitle: str, sections: Sequence[Section], browse: bool = True) -> str:
    parts = [f"# {escaped(title)}", escaped(subtitle)]
    if browse:
        parts.append("Every prompt with its answers and verdicts: browse.html.")
    for number, section in enumerate(sections, start=1):
        parts.append(f"## {number}. {escaped(section.title)}")
        parts += [written(block) for block in section.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def written(block: Block) -> str:
    if isinstance(block, Text):
        return words(block)
    if isinstance(block, Table):
        return table(block)
    return figure(block) if isinstance(block, Figure) else sample(block)


def words(block: Text) -> str:
    lines = [escaped(line) for line in block.lines]
    if block.kind == "list":
        return "\n".join(f"- {line}" for line in lines)
    if block.kind == "subtitle":
        return "\n\n".join(f"### {line}" for line in lines)
    if block.kind in ("warning", "incomplete", "headline"):
        head = {"warning": "**Warning.** ", "incomplete": "**INCOMPLETE.** ", "headline": ""}[block.kind]
        return "\n>\n".join(f"> {head if place == 0 else ''}{line}" for place, line in enumerate(lines))
    return "\n\n".join(lines)


def table(block: Table) -> str:
    head = "| " + " | ".join(escaped(column.name) for column in block.columns) + " |"
    rule = "|" + "|".join("---:" if column.form in NUMBERS else "---" for column in block.columns) + "|"
    rows = [
        "| " + " | ".join(printed(v, c.form) for v, c in zip(row, block.columns, strict=True)) + " |"
        for row in block.rows
    ]
    note = [escaped(block.note)] if block.note else []
    return "\n\n".join([f"**{escaped(block.caption)}**", "\n".join([head, rule, *rows]), *note])


def printed(value: Cell, form: Form) -> str:
    below = bounds(value, form)
    return escaped(visible(cell(value, form))) + (f" ({below})" if below else "")


def figure(block: Figure) -> str:
    shown = f"![{escaped(block.title)}](figures/{block.name}.svg)" if block.name else ""
    numbers = f"Numbers: [{block.table}.csv](figures/{block.table}.csv)." if block.table else ""
    caption = " ".join(part for part in (escaped(block.caption), numbers) if part)
    return "\n\n".join(part for part in (f"**{escaped(block.title)}**", shown, caption) if part)


def sample(block: Sample) -> str:
    parts = [f"### {escaped(block.id)}", fenced(block.prompt)]
    for answer in block.answers:
        parts += [f"**{escaped(answer.name)}** ({escaped(answer.note)})", fenced(answer.text)]
    return "\n\n".join(parts)


def fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{visible(text)}\n{fence}"


def escaped(text: str) -> str:
    """On one line, with nothing that Markdown or HTML would read as a mark."""
    return MARKS.sub(r"\\\1", " ".join(text.split()))
