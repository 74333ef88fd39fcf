"""The page as data: report.json (docs/report.md has each of its fields) and a CSV file for each figure.

A field is only ever added within a schema; one that goes, or changes its meaning, makes the next number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from handful.core.types import Interval
from handful.report.departures import settings, shown
from handful.report.facts import Facts
from handful.report.page import Figure, Section, Table, Text
from handful.report.series import Series, prompts_of

SCHEMA = 1


def report(
    facts: Facts, sections: Sequence[Section], incomplete: Sequence[str], series: Sequence[Series]
) -> Any:
    """The whole of report.json, as plain values."""
    return {
        "schema": SCHEMA,
        "name": facts.recipe.name,
        "complete": not incomplete,
        "incomplete": list(incomplete),
        "level": facts.recipe.stats.level,
        "settings": {key: shown(value) for key, value in settings(facts.recipe).items()},
        "keys": {label: step.key for label, step in facts.steps.items()},
        "prompts": prompts_of(facts),
        "series": [msgspec.to_builtins(each) for each in series],
        "sections": {section.id: plain(section) for section in sections},
    }


def plain(section: Section) -> dict[str, Any]:
    """A section as data: each table's cells as numbers and intervals, not as printed."""
    found: dict[str, Any] = {"title": section.title, "text": [], "tables": [], "figures": [], "samples": []}
    for block in section.blocks:
        if isinstance(block, Table):
            rows = [dict(zip((c.name for c in block.columns), row, strict=True)) for row in block.rows]
            found["tables"].append({"caption": block.caption, "rows": msgspec.to_builtins(rows)})
        elif isinstance(block, Figure):
            files = {"svg": f"figures/{block.name}.svg"} if block.name else {}
            files |= {"csv": f"figures/{block.table}.csv"} if block.table else {}
            found["figures"].append({"title": block.title, "data": msgspec.to_builtins(block.data), **files})
        elif isinstance(block, Text):
            found["text"] += block.lines
        else:
            found["samples"].append(block.id)
    return found


def tables(sections: Sequence[Section]) -> dict[str, str]:
    """Name of a CSV file -> its content: the numbers of the figures that share it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for figure in figures(sections):
        if figure.table:
            found.setdefault(figure.table, []).extend(csv_rows(figure.data))
    return {name: csv_text(rows) for name, rows in found.items()}


def figures(sections: Sequence[Section]) -> list[Figure]:
    return [block for section in sections for block in section.blocks if isinstance(block, Figure)]


def csv_rows(data: Any) -> list[dict[str, Any]]:
    """The rows of a figure, an interval spread over five columns; a line of curves has a row a point."""
    if isinstance(data, Mapping):
        return [{"line": line, "x": x, "y": y} for line, points in data.items() for x, y in points]
    return [spread(row) for row in data]


def spread(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Interval):
            found |= {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}
            found |= {f"{name}_n": value.n, f"{name}_note": value.note}
        else:
            found[name] = value
    return found


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Nothing measured is an empty cell."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
