"""The page of a reproduction: what came of it, how far the set-up is from the paper's, and a table for each figure.

The headline counts only what people and validated judges say; sizes and what other judges say stand apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handful.experiments.beside import Beside, Ours
from handful.experiments.beyond import others
from handful.experiments.claims import Claim, Claims, Group, Value
from handful.experiments.comparing import WORDS, Comparison, Status
from handful.experiments.evidence import Run
from handful.experiments.setup import in_short, setup
from handful.report.page import DASH, MINUS, Block, Cell, Column, Form, Section, Table, Text
from handful.report.words import number

SOUND = ("people", "validated")
"""Whose word a headline may count."""
FORMS: Mapping[str, Form] = {"share": "share", "grade": "grade", "number": "grade", "count": "mean"}
STANDINGS = {
    "people": "",
    "counted": "",
    "validated": "validated",
    "unproven": "not validated",
    "no": "not to be trusted",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A claim with one figure of ours, or with none."""

    group: Group
    claim: Claim
    ours: Ours | None
    comparison: Comparison


def told_size(lines: Sequence[Line], beside: Beside) -> str:
    claims = number(len({line.claim.id for line in lines}), "published figure")
    runs = number(len(beside.evidence.runs), "run")
    ablations = number(len(beside.evidence.ablations), "ablation")
    return f"{claims}; beside them {runs} and {ablations}"


def sections(claims: Claims, beside: Beside, lines: Sequence[Line]) -> list[Section]:
    theirs = [*beside.evidence.runs, *(one.evaluation for one in beside.evidence.ablations if one.evaluation)]
    by_run = {run.name: run for run in theirs}
    shown = [
        Section(group.id, group.title, of_group(group, [x for x in lines if x.group is group], by_run))
        for group in claims.group
    ]
    return [
        Section("result", "What came of it", [*headline(lines), summary(claims, lines), *to_run(lines)]),
        Section("setup", "How far this is from the paper", far(beside)),
        *shown,
        Section("others", "Ours, without a counterpart in the paper", others(beside)),
        Section("reading", "How to read this", [Text(READING, "list")]),
    ]


CAUTION = (
    "A figure in our interval is not contradicted by ours, which is less than reproduced. How far the set-up is "
    "from the paper's stands in the next section."
)
READING = [
    "A claim is a figure that the paper prints; it prints no intervals for preferences. Ranges are ours, 95% unless a "
    "run's stats.level says otherwise.",
    "“In our interval” says that ours does not contradict the paper's figure. It does not show that the figure was "
    "reproduced: an interval of few prompts holds many others.",
    "“Outside, but no further than chance in both”: the paper's figure has chance of its own. Its bounds are Wilson's, "
    "from the n that it gives (ours).",
    "“Cannot tell”: fewer than 10 prompts, no interval, another comparison than the paper's, or a judge that failed "
    "its tests (in whichever of the runs), that gives nearly everything one grade, that is a rule, or of which nothing "
    "is known. The report of the run has those tests.",
    "A judge is validated where it agrees with people, in the study or on labelled pairs, beyond what always the same "
    "answer would. Others are listed, and no headline counts them.",
    "Another model, other prompts or other judges make another experiment: a figure that differs does not refute the "
    "paper, and one that agrees does not confirm it.",
    "The paper's values are those that a second source confirms. Where none does, none is printed.",
]


def headline(lines: Sequence[Line]) -> list[Block]:
    """How many claims came out how: first what may be said, then what is counted, then what is a judge's opinion."""
    claims = {line.claim.id for line in lines}
    missing = {line.claim.id for line in lines if line.ours is None}
    words = (
        f"Of {len(claims)} published figures {len(claims) - len(missing)} have one of ours beside them; "
        f"{len(missing)} were not run."
    )
    sound = outcomes([line for line in lines if line.ours and line.ours.standing in SOUND])
    if sound:
        found: Text = Text(
            [f"{words} By people or by judges validated against them: {sound}.", CAUTION], "headline"
        )
    else:
        none = (
            f"{words} No person and no validated judge stands behind any of ours, so no result of the paper is "
            "reproduced or refuted here."
        )
        found = Text([none], "warning")
    sizes = [line for line in lines if line.ours and line.ours.standing == "counted"]
    counted = outcomes([line for line in sizes if line.claim.unit != "settings"])
    weak = outcomes([line for line in lines if line.ours and line.ours.standing in ("unproven", "no")])
    rest = [f"Sizes, lengths and forms, which are counted and are no results: {counted}."] if counted else []
    if any(line.claim.unit == "settings" for line in sizes):
        rest.append("How wide our intervals are meant to be is a setting, and is in none of these counts.")
    rest += [f"For the record, by judges that are not validated: {weak}."] if weak else []
    return [found, Text(rest)] if rest else [found]


def outcomes(lines: Sequence[Line]) -> str:
    """As "3 the same, 2 differ", of figures of ours."""
    counts = Counter(line.comparison.status for line in lines)
    several = {"differs": "differ"}
    return ", ".join(
        f"{counts[status]} {several.get(status, words) if counts[status] > 1 else words}"
        for status, words in WORDS.items()
        if counts[status]
    )


def summary(claims: Claims, lines: Sequence[Line]) -> Table:
    statuses: Sequence[Status] = ("same", "inside", "near", "differs", "cannot_tell", "no_figure", "not_run")
    names = ("The same", "In our interval", "Near", "Differs", "Cannot tell", "No figure", "Not run")
    rows: list[list[str | int | None]] = []
    for group in claims.group:
        own = [line for line in lines if line.group is group]
        counts = Counter(line.comparison.status for line in own)
        total = len({line.claim.id for line in own})
        rows.append([group.title, group.section, total, *(counts[status] or None for status in statuses)])
    return Table(
        "Figure by figure",
        [Column("Of the paper"), Column("Section"), Column("Claims", "count")]
        + [Column(name, "count") for name in names],
        rows,
        note="“Claims” and “Not run” count claims; the columns between them count figures of ours, of which several "
        "may stand beside one claim.",
    )


def to_run(lines: Sequence[Line]) -> list[Block]:
    """What would run the claims that have nothing of ours beside them."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        if line.ours is None:
            titles = rows.setdefault(command(line.group, line.claim), [])
            titles += [line.group.title] if line.group.title not in titles else []
    if not rows:
        return []
    columns = [Column("Not run, or not all of it"), Column("What would run it", "code")]
    told = [["; ".join(titles), words] for words, titles in rows.items()]
    return [Table("What would run the rest", columns, told)]


def far(beside: Beside) -> list[Block]:
    blocks: list[Block] = []
    for run in beside.evidence.runs:
        note = (
            f"All settings that differ: {run.report}/report.html, “Departures from the paper”."
            if run.report
            else ""
        )
        columns = [Column("What"), Column("In the paper"), Column("Here")]
        blocks.append(Table(run.name, columns, setup(run, beside.failed), note=note))
    for one in beside.evidence.ablations:
        blocks.append(
            Table(
                f"ablation {one.name}",
                [Column("What"), Column("In the paper"), Column("Here")],
                of_ablation(one.content),
            )
        )
    if not blocks:
        blocks.append(Text(["Nothing was run, so nothing stands beside the paper's figures yet."], "warning"))
    return blocks


def of_ablation(content: Mapping[str, Any]) -> list[list[str]]:
    sizes = {row["arm"]: row["examples"] for row in content.get("trainings", ())}
    told = ", ".join(f"{arm} {size:,}" for arm, size in sizes.items()) or "not known"
    return [
        ["Examples an arm", "2,000; for quantity up to 32,000", told],
        ["Trainings an arm", "1, as far as it says", str(len(content.get("seeds", ())))],
    ]


def of_group(group: Group, lines: Sequence[Line], runs: Mapping[str, Run]) -> list[Block]:
    """A figure's claims beside ours, then those that were not run, in the paper's own form."""
    blocks: list[Block] = [Text([group.about])] if group.about else []
    there = [line for line in lines if line.ours]
    missing = [line for line in lines if line.ours is None]
    if there:
        units = {line.ours.value.unit for line in there if line.ours}
        counted = Column(f"n, {units.pop()}", "count") if len(units) == 1 else Column("n")
        columns = [Column("Claim"), Column("Paper", "number"), Column("Ours", FORMS[group.form]), counted]
        columns += [Column("Compared"), Column("Said by, in which run")]
        rows = [row(line, runs, counted.form == "count") for line in there]
        blocks.append(Table("The paper and ours", columns, rows, note=sourced(group, there)))
    if missing:
        blocks.append(not_run(group, missing))
    return blocks


def sourced(group: Group, lines: Sequence[Line]) -> str:
    """Where the values stand in the paper, and what confirms those that are printed here."""
    source = {"N": "notes on the paper", "C": "a second source", "U": "nothing"}[group.mark]
    where = f"Section {group.section}" if group.section[0].isdigit() else group.section
    values = [line.claim.value for line in lines]
    known = [value for value in values if value is not None]
    if not known:
        return f"{where} of the paper."
    what = "ranges" if all(isinstance(value, tuple) for value in known) else "values"
    but = ", except where there is none" if len(known) < len(values) else ""
    return f"{where} of the paper; its {what} are confirmed by {source}{but}."


def not_run(group: Group, lines: Sequence[Line]) -> Table:
    """The paper's values that nothing stands beside: a row a thing, a column a measure."""
    rows = {line.claim.of: line.claim.what.rpartition(": ")[0] for line in lines}
    cells = {(line.claim.of, line.claim.measure): paper(line.claim) for line in lines}
    measures = [name for name in group.measures if any(measure == name for _, measure in cells)]
    sizes = {line.claim.of: line.claim.n for line in lines}
    columns = [Column("Of the paper"), *(Column(f"Paper: {group.measures[name]}") for name in measures)]
    counted = [Column(f"Its n, {group.unit}", "count")] if any(sizes.values()) else []
    told = [
        [label, *(cells.get((of, name), DASH) for name in measures), *([sizes[of]] if counted else [])]
        for of, label in rows.items()
    ]
    commands = sorted({command(group, line.claim) for line in lines})
    note = f"{sourced(group, lines)} To run it: {'; '.join(commands)}."
    return Table("Not run", [*columns, *counted], told, note=note)


def command(group: Group, claim: Claim) -> str:
    lengths = claim.measure in ("input", "output", "tokens") and group.lengths_command
    return group.lengths_command if lengths else group.command


def row(line: Line, runs: Mapping[str, Run], one_unit: bool) -> list[Cell]:
    claim, ours = line.claim, line.ours
    assert ours is not None
    value = ours.value
    estimate: Cell = value
    if value.estimate is None or value.low is None:
        estimate = DASH if value.estimate is None else printed(value.estimate, claim.form)
    standing = STANDINGS[ours.standing]
    who = (ours.judge or "counted") + (f" ({standing})" if standing else "")
    run = runs.get(ours.run)
    sizes = " against ".join(in_short(run, system) if run else system for system in ours.systems)
    return [
        claim.what,
        paper(claim),
        estimate,
        value.n if one_unit else number(value.n, value.unit.removesuffix("s")),
        line.comparison.told(),
        f"{who}: {', '.join(part for part in (ours.run, sizes) if part)}",
    ]


def paper(claim: Claim) -> str:
    """The paper's value as it prints it; never one that no source confirms."""
    if claim.value is None:
        return "not confirmed"
    return printed(claim.value, claim.form)


def printed(value: Value, form: str) -> str:
    if isinstance(value, tuple):
        return f"{printed(value[0], form)} to {printed(value[1], form)}"
    if value is None or isinstance(value, str):
        return value or DASH
    if form == "share":
        return f"{100 * value:.1f}".removesuffix(".0") + "%"
    decimals = ".2f" if form == "grade" else ",.0f" if form == "count" else ",.2f"
    text = format(value, decimals).replace("-", MINUS)
    return text.removesuffix(".00") if form == "number" else text
