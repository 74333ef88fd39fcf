"""`handful compare`: two runs side by side, in text or JSON. Deciding what differs is `changes`'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.look import echo_json
from handful.cli.options import JSON, told

if TYPE_CHECKING:
    from handful.cli.changes import Change, Changes
    from handful.core.types import Interval

DASH = "\N{EN DASH}"
ARROW = "->"
PER_CENT = ("net/", "good/", "ended/", "flipped/")


@click.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@JSON
@told
def compare(first: Path, second: Path, as_json: bool) -> None:
    """Show what differs between two runs: settings, and figures with the interval of their difference.

    FIRST and SECOND are work folders with one report each, folders of reports, or files report.json. Where both runs
    asked the same prompts, figures are compared prompt by prompt.
    """
    import msgspec

    from handful.cli.changes import changes, read
    from handful.core.optional import need

    need("numpy", "comparing runs")
    need("scipy", "comparing runs")
    found = changes(read(first), read(second))
    if as_json:
        echo_json(msgspec.to_builtins(found))
        return
    for line in lines(found):
        click.echo(line)


def lines(found: Changes) -> Iterator[str]:
    yield f"{click.style(found.first, bold=True)}  against  {click.style(found.second, bold=True)}"
    for which, reasons in found.incomplete.items():
        yield f"INCOMPLETE: the {which}: {' '.join(reasons)}"
    yield "\nsettings that differ" + ("" if found.settings else ": none")
    for setting in found.settings:
        yield f"  {setting.key}: {shown(setting.first)} {ARROW} {shown(setting.second)}"
    yield "steps that were made anew: " + (", ".join(found.folders) or "none")
    yield "\nfigures, the second less the first" + ("" if found.figures else ": none to compare")
    yield from table(found.figures)
    told_apart = sum(bool(change.differs) for change in found.figures)
    if found.figures:
        yield ""
        yield f"{told_apart} of {len(found.figures)} figures can be told apart (marked *)." + many(found)
    if found.same:
        yield f"left out: {len(found.same)} that cannot differ, both runs having them from the same folders"
    for words, left_out in (
        ("not measured in one or both", found.unmeasured),
        ("only in the first", found.only_first),
        ("only in the second", found.only_second),
    ):
        if left_out:
            yield f"{words}: {'; '.join(left_out)}"


def many(found: Changes) -> str:
    """Of many intervals, some leave 0 out by chance."""
    count = sum(change.differs is not None for change in found.figures)
    return f" Of {count}, one in twenty would be by chance alone." if count > 1 else ""


def table(figures: list[Change]) -> Iterator[str]:
    rows = [
        (
            "*" if change.differs else " ",
            change.what,
            value(change.first, change.id),
            value(change.second, change.id),
            difference(change),
            how(change),
        )
        for change in figures
    ]
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(6)]
    for row in rows:
        cells = [
            cell.ljust(width) if k in (0, 1, 5) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def how(change: Change) -> str:
    if change.moved is None:
        return "unpaired" if change.how == "unpaired" else ""
    n, sizes = change.difference.n, change.prompts
    moved = f"{change.moved or 'none'} of them changed"
    if sizes == (n, n):
        return f"{n} prompts, {moved}"
    return f"only the prompts in both, {n} of {sizes[0]} and of {sizes[1]}: {moved}"


def shown(setting: str | None) -> str:
    return "(not there)" if setting is None else setting


def value(interval: Interval, id: str) -> str:
    return DASH if interval.estimate is None else printed(interval.estimate, id)


def difference(change: Change) -> str:
    found = change.difference
    if found.estimate is None:
        return DASH
    if found.low is None or found.high is None:
        return f"{printed(found.estimate, change.id, '+')} (no interval)"
    low, high = (printed(bound, change.id, "+") for bound in (found.low, found.high))
    return f"{printed(found.estimate, change.id, '+')} ({low} to {high})"


def printed(number: float, id: str, sign: str = "") -> str:
    if id.startswith(PER_CENT):
        sign = "+" if id.startswith("net/") else sign
        return f"{100 * number:{sign}.0f}" + ("" if sign else "%")
    return f"{number:{sign}.2f}"
