"""What differs between two reports: settings, folders and figures, the latter paired by prompt where they can be.

Reads report.json alone (docs/report.md), so a report made elsewhere, or long ago, will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import msgspec

from handful.core.errors import DataError
from handful.core.types import Interval, Noun

SCHEMA = 1
REPORT = "report.json"
NEEDED = {"name", "complete", "incomplete", "level", "settings", "keys", "prompts", "series", "sections"}


class Figure(msgspec.Struct, frozen=True):
    """Of a series of report.json, what is read here."""

    id: str
    what: str
    least: float | None
    most: float | None
    estimate: Interval
    values: dict[str, float]
    steps: list[str] = []
    """Labels of the steps that it was measured in; a report of before they were written has none."""


class Report(msgspec.Struct, frozen=True):
    """Of report.json, what is read here."""

    name: str
    incomplete: list[str]
    level: float
    settings: dict[str, str]
    keys: dict[str, str]
    prompts: dict[str, str]
    series: list[Figure]


class Setting(Noun, frozen=True):
    """One that differs; None where a run does not have it."""

    key: str
    first: str | None
    second: str | None


class Change(Noun, frozen=True):
    """One figure in both runs. `difference` is the second less the first."""

    id: str
    what: str
    first: Interval
    second: Interval
    difference: Interval
    how: Literal["paired", "unpaired"]
    """Whether the same prompts stand behind both."""
    differs: bool | None
    """Whether the interval of the difference leaves 0 out; None where there is no interval."""
    moved: int | None = None
    """Of paired prompts, how many have another value."""
    prompts: tuple[int, int] = (0, 0)
    """How many have a value in the first run, and in the second; a paired difference is of those in both."""


class Changes(Noun, frozen=True):
    first: str
    second: str
    incomplete: dict[str, list[str]]
    """Which of the two ("first", "second") is incomplete, and why."""
    settings: list[Setting]
    folders: list[str]
    """Steps that both runs have with other keys, and so with other work."""
    figures: list[Change]
    unmeasured: list[str]
    """Figures that a run has, and could not measure."""
    same: list[str]
    """Figures that cannot differ: both runs have them from the same folders."""
    only_first: list[str]
    only_second: list[str]
    """Figures that one run alone has."""


def read(path: Path) -> dict[str, Any]:
    """A report.

    Args:
        path: report.json, the folder that holds it, or a work folder with one finished report.

    Raises:
        DataError: there is none, there are several, or it cannot be read.
    """
    file = find(path)
    try:
        found = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as a report ({error})") from error
    if not isinstance(found, dict) or "schema" not in found:
        raise DataError(
            f"{file}: is no report of this version (it has no schema); make it again with `handful run`"
        )
    if found["schema"] != SCHEMA:
        raise DataError(f"{file}: has schema {found['schema']}, and this version reads {SCHEMA}")
    if absent := sorted(NEEDED - found.keys()):
        raise DataError(f"{file}: lacks {', '.join(absent)}; docs/report.md says what a report holds")
    try:
        msgspec.convert(found, Report)
    except msgspec.ValidationError as error:
        raise DataError(f"{file}: {error}; docs/report.md says what a report holds") from error
    return found


def find(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise DataError(
            f"{path}: no such file or folder; name a work folder, a report's folder or a {REPORT}"
        )
    if (path / REPORT).is_file():
        return path / REPORT
    found = sorted(path.glob(f"report-*/{REPORT}"))
    found = [file for file in found if (file.parent / "manifest.json").is_file()]
    if not found:
        raise DataError(f"{path}: holds no finished report; `handful run RECIPE` makes one")
    if len(found) > 1:
        listed = ", ".join(file.parent.name for file in found)
        raise DataError(f"{path}: holds {len(found)} reports ({listed}); name the folder of one")
    return found[0]


def changes(first: Mapping[str, Any], second: Mapping[str, Any], draws: int = 10_000) -> Changes:
    """Every difference, the second run less the first."""
    ours, theirs = by_id(first), by_id(second)
    same = {id for id, words in first["prompts"].items() if second["prompts"].get(id) == words}
    level = first["level"]
    both = [id for id in ours if id in theirs]
    same_work = {id for id in both if same_work_in(ours[id], theirs[id], first["keys"], second["keys"])}
    unmeasured = {id for id in both if not (measured(ours[id]) and measured(theirs[id]))} - same_work
    return Changes(
        first=first["name"],
        second=second["name"],
        incomplete={
            name: run["incomplete"]
            for name, run in (("first", first), ("second", second))
            if run["incomplete"]
        },
        settings=settings(first["settings"], second["settings"]),
        folders=[label for label, key in first["keys"].items() if second["keys"].get(label, key) != key],
        figures=[
            change(ours[id], theirs[id], same, level, draws)
            for id in both
            if id not in same_work and id not in unmeasured
        ],
        unmeasured=[ours[id]["what"] for id in both if id in unmeasured],
        same=[ours[id]["what"] for id in both if id in same_work],
        only_first=[each["what"] for id, each in ours.items() if id not in theirs],
        only_second=[each["what"] for id, each in theirs.items() if id not in ours],
    )


def by_id(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["id"]: each for each in report["series"]}


def measured(figure: Mapping[str, Any]) -> bool:
    return figure["estimate"]["estimate"] is not None


def same_work_in(
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    first: Mapping[str, str],
    second: Mapping[str, str],
) -> bool:
    """Whether a figure is the same since it was made once: every step behind it has one key in both runs.

    The values are looked at, too: people, and servers, may say another thing under the same key.
    """
    steps = ours.get("steps", [])
    equal = bool(steps) and all(first.get(step, "") == second.get(step) != "" for step in steps)
    return equal and ours["values"] == theirs["values"]


def settings(first: Mapping[str, str], second: Mapping[str, str]) -> list[Setting]:
    keys = list(dict.fromkeys([*first, *second]))
    return [Setting(k, first.get(k), second.get(k)) for k in keys if first.get(k) != second.get(k)]


def change(
    first: Mapping[str, Any], second: Mapping[str, Any], same: set[str], level: float, draws: int
) -> Change:
    """One figure, measured in both: by the prompts that both have, else by the two intervals."""
    a, b = (Interval(**each["estimate"]) for each in (first, second))
    common = [id for id in first["values"] if id in second["values"] and id in same]
    how: Literal["paired", "unpaired"]
    if common:
        how, found = "paired", paired(first, second, common, level, draws)
    else:
        how, found = "unpaired", unpaired(a, b)
    differs = None if found.low is None or found.high is None else not found.low <= 0 <= found.high
    moved = sum(first["values"][id] != second["values"][id] for id in common) if common else None
    sizes = (len(first["values"]), len(second["values"]))
    return Change(first["id"], first["what"], a, b, found, how, differs, moved, sizes)


def paired(
    first: Mapping[str, Any], second: Mapping[str, Any], common: list[str], level: float, draws: int
) -> Interval:
    """The mean difference over the same prompts, which are resampled."""
    from handful.stats.bootstrap import Bootstrap

    differences = [second["values"][id] - first["values"][id] for id in common]
    least, most = first["least"], first["most"]
    span = None if least is None or most is None else (least - most, most - least)
    return Bootstrap(level, draws).mean(common, differences, span)


def unpaired(a: Interval, b: Interval) -> Interval:
    """The difference of two independent estimates, its bounds from theirs (MOVER: Zou and Donner 2008).

    Exact for none, but it keeps the skew of each interval, and asks nothing of how they were made.
    """
    assert a.estimate is not None
    assert b.estimate is not None
    difference = b.estimate - a.estimate
    n = min(a.n, b.n)
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Interval(difference, None, None, n, a.unit, "one of them has no interval")
    below = sqrt((b.estimate - b.low) ** 2 + (a.high - a.estimate) ** 2)
    above = sqrt((b.high - b.estimate) ** 2 + (a.estimate - a.low) ** 2)
    return Interval(difference, difference - below, difference + above, n, a.unit, "other prompts: unpaired")
