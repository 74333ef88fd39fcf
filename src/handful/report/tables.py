"""Tables of the evaluation: systems, preference, trust, agreement, losses. Pure functions from facts to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.core.types import Interval
from handful.report.facts import Facts
from handful.report.figures import MINUS, Bar, preference_bars
from handful.report.page import Column, Figure, Table
from handful.report.words import FINISH


def systems(facts: Facts) -> Table:
    rows = [
        [
            row["system"],
            describe_system(facts, row["system"]),
            row["responses"] - failed(facts, row["system"]),
            row["ended"] if facts.knows_endings(row["system"]) else None,
            row["words"],
            row["tokens"] if facts.knows_tokens(row["system"]) else None,
            row["empty"] - failed(facts, row["system"]),
        ]
        for row in facts.rows("systems")
    ]
    note = (
        "“Ended its turn”: the model gave its own end token, rather than run out of tokens. "
        "Words and tokens are means. A dash: a file of answers does not say."
    )
    if facts.variants():
        note += " Answers to variants of prompts count in no table but those of robustness."
    return Table(
        "How each system answered",
        [
            Column("System"),
            Column("What it is"),
            Column("Responses", "count"),
            Column("Ended its turn", "share"),
            Column("Words", "mean"),
            Column("Tokens", "mean"),
            Column("Empty", "count"),
        ],
        rows,
        note=note,
    )


def failed(facts: Facts, system: str) -> int:
    """Records of what is no answer, and has no text: an empty answer is another thing."""
    return sum(r.finish == "error" and not r.text.strip() for r in facts.responses.get(system, ()))


def finishes(facts: Facts) -> Table | None:
    """None where no system's file says why."""
    kinds = list(dict.fromkeys(kind for row in facts.rows("systems") for kind in row["finish"]))
    rows = [[row["system"], *(finish(facts, row, kind) for kind in kinds)] for row in facts.rows("systems")]
    if all(value is None for row in rows for value in row[1:]):
        return None
    columns = [Column("System"), *(Column(FINISH.get(kind, kind), "share") for kind in kinds)]
    return Table("Why they stopped", columns, rows)


def finish(facts: Facts, row: Mapping[str, Any], kind: str) -> Interval | float | None:
    """The share of a system's answers that ended so; of a file that does not say, only what failed is known."""
    if kind != "error" and not facts.knows_endings(row["system"]):
        return None
    found: Interval | float = row["finish"].get(kind, 0.0)
    return found


def describe_system(facts: Facts, name: str) -> str:
    entry: Any = facts.recipe.generate.systems.get(name)
    kind = getattr(entry, "kind", "")
    if kind == "checkpoint" and entry.model:
        return f"a checkpoint of another run, {'/'.join(Path(entry.model).parts[-2:])}"
    if kind == "responses":
        return f"answers made elsewhere, from {Path(entry.path).name}"
    if kind == "checkpoint":
        epoch = entry.epoch or facts.counts("choose").get("epoch")
        return f"the tuned model after epoch {epoch}" if epoch else "the tuned model, last epoch"
    if kind == "base":
        return "the model before tuning"
    if kind == "few_shot":
        return f"the model before tuning, shown {entry.examples} examples"
    if kind == "endpoint":
        return f"{entry.model}, behind an endpoint"
    return "a fake that fills in a sentence" if kind == "fake" else ""


COLUMNS = (
    Column("Against"),
    Column("Prompts", "count"),
    Column("Wins", "share"),
    Column("Ties", "share"),
    Column("Losses", "share"),
    Column("At least as good", "share"),
    Column("Ties as half", "share"),
    Column(f"Wins {MINUS} losses", "net"),
    Column("Sign test, p", "p"),
    Column("Holm, p", "p"),
)


SHARES = ("win", "tie", "loss", "at_least_as_good")


def preference(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    several = len(rows) > 1
    return Table(
        title,
        COLUMNS if several else COLUMNS[:-1],
        [
            [
                row["baseline"],
                row["win"].n,
                row["win"],
                row["tie"],
                row["loss"],
                row["at_least_as_good"],
                row["ties_as_half"],
                row["net"],
                row["p_value"],
                *([row["p_holm"]] if several else []),
            ]
            for row in rows
        ],
        note=left_out(rows),
    )


def left_out(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the rates do not contain, and what the rule made a tie."""
    flipped, unreadable, missing = (
        sum(row[name] for row in rows) for name in ("flipped", "unreadable", "missing")
    )
    parts = []
    if flipped:
        parts.append(
            f"{flipped} of {sum(row['comparisons'] for row in rows)} comparisons are ties by rule: "
            "the judge changed its mind when sides were swapped"
        )
    if unreadable:
        parts.append(f"{unreadable} could not be read and are in no rate")
    if missing:
        person = all(row.get("kind") == "person" for row in rows)
        parts.append(
            f"{missing} were not asked of them, or passed over by them, and are in no rate"
            if person
            else f"{missing} have no verdict and are in no rate"
        )
    return "; ".join(parts) + "." if parts else ""


def preference_figure(
    title: str, rows: Sequence[Mapping[str, Any]], caption: str, name: str, table: str
) -> Figure | None:
    """The paper's stacked bars, for the baselines with a rate; None where there is none."""
    rated = [row for row in rows if row["win"].estimate is not None]
    if not rated:
        return None
    bars = [
        Bar(
            label=f"vs {row['baseline']}",
            win=row["win"].estimate,
            tie=row["tie"].estimate,
            loss=row["loss"].estimate,
            note=f"n = {row['win'].n}",
            win_bounds=bounds(row["win"]),
            good_bounds=bounds(row["at_least_as_good"]),
        )
        for row in rated
    ]
    data = [{column: row[column] for column in ("judge", "subject", "baseline", *SHARES)} for row in rated]
    return Figure(title, preference_bars(rated[0]["subject"], bars), data, caption, name, table)


def bounds(value: Interval) -> tuple[float, float] | None:
    return None if value.low is None or value.high is None else (value.low, value.high)


def losses(facts: Facts) -> Table:
    judges: Sequence[Mapping[str, Any]] = facts.stats.get("losses", {}).get("judges", ())
    graded = any(row.get("grades") for row in judges)
    return Table(
        "What each judge could not settle",
        [
            Column("Judge"),
            Column("Comparisons", "count"),
            Column("Read", "count"),
            Column("Flipped (a tie)", "count"),
            Column("Unreadable", "count"),
            Column("Missing", "count"),
            Column("Saw a cut answer", "count"),
            *([Column("Grades", "count"), Column("Unreadable grades", "count")] if graded else []),
            Column("For example", "code"),
        ],
        [
            [
                row["judge"],
                row["comparisons"],
                row["read"],
                row["flipped"],
                row["unreadable"],
                row["missing"],
                row["truncated"],
                *([row.get("grades"), row.get("grades_unreadable")] if graded else []),
                ", ".join(f"{kind}: {ids[0]}" for kind, ids in row["examples"].items()),
            ]
            for row in judges
        ],
    )
