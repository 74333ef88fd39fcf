"""How `handful show` tells which epoch was chosen, and what it was chosen by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.cli.readable import columns, plain
from handful.core.errors import DataError

HEADER = (
    "epoch",
    "",
    "dev loss",
    "perplexity",
    "EOT",
    "words",
    "repeated",
    "grade",
    "interval",
    "unreadable",
)
DASH = "\N{EN DASH}"


def choice_lines(folder: Path) -> list[str]:
    """The table of a folder of `choose`, a line an epoch, and its notes."""
    path = folder / "choice.json"
    try:
        choice: Mapping[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    rows = [cells(row, choice) for row in choice["epochs"]]
    width = len(HEADER) if choice["by"] == "judge" else HEADER.index("grade")
    if choice["by"] == "people":
        lines = columns([(*HEADER[:width], "votes", "interval"), *map(voted, rows, choice["epochs"])], 2)
        lines.append(f"  {people_line(choice)}")
    else:
        lines = columns([HEADER[:width], *(row[:width] for row in rows)], 2)
    if choice["by"] == "judge":
        lines.append(
            f"  graded by {plain(choice['judge'])}; the same choice in {choice['again']:.0%} of resamples"
        )
    return [*lines, *(f"  note: {plain(note)}" for note in choice["notes"])]


def voted(row: tuple[str, ...], epoch: Mapping[str, Any]) -> tuple[str, ...]:
    """An epoch's figures with its share of the votes."""
    votes = epoch["share"] or {"estimate": None, "low": None, "n": 0}
    bounds = DASH if votes["low"] is None else f"{votes['low']:.0%} to {votes['high']:.0%}, n = {votes['n']}"
    return (*row[: HEADER.index("grade")], share(votes["estimate"]), bounds)


def people_line(choice: Mapping[str, Any]) -> str:
    """Who picked, how firmly, and how far they agree."""
    people = "one person" if choice["people"] == 1 else f"{choice['people']} people"
    agreed = ""
    if found := choice["agreement"]:
        agreed = (
            f"; two people's picks overlap by {found['overlap']['estimate']:.0%} "
            f"(by chance {found['by_chance']:.0%}; {found['pairs']} pairs)"
        )
    return f"picked by {people}; the same choice in {choice['again']:.0%} of resamples{agreed}"


def cells(row: Mapping[str, Any], choice: Mapping[str, Any]) -> tuple[str, ...]:
    mark = "chosen" if row["epoch"] == choice["epoch"] else "candidate" if row["candidate"] else ""
    grade = row["grade"] or {"estimate": None, "low": None, "high": None}
    bounds = DASH if grade["low"] is None else f"{grade['low']:.2f} to {grade['high']:.2f}, n = {grade['n']}"
    return (
        str(row["epoch"]),
        mark,
        number(row["dev_loss"], 4),
        number(row["perplexity"], 2),
        share(row["eot_rate"]),
        number(row["mean_words"], 0),
        share(row["repeated_4grams"]),
        number(grade["estimate"], 2),
        bounds,
        plain(row["unreadable"]),
    )


def number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    return DASH if value is None else f"{value:.0%}"
