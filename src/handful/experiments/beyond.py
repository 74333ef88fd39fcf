"""What of ours has no counterpart in the paper: token shift, robustness, pairs that stand for none of its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from handful.core.types import Interval
from handful.experiments.beside import Beside
from handful.experiments.evidence import Run
from handful.report.page import DASH, Block, Cell, Column, Table, Text

PAPERS = ("alpaca", "davinci003", "bard", "claude", "gpt4")
KINDS = ("unshifted", "marginal", "shifted")


def others(beside: Beside) -> list[Block]:
    blocks: list[Block] = shifted(beside)
    if rows := unmatched(beside):
        hint = (
            "If one of them stands for a baseline of the paper, say so: --as alpaca=NAME (or davinci003, bard, "
            "claude, gpt4)."
        )
        columns = [Column("Run"), Column("Subject"), Column("Against")]
        blocks += [Table("Pairs of systems", columns, rows), Text([hint])]
    if lines := [*robust(beside), *rules(beside)]:
        blocks.append(Text(lines))
    return blocks or [Text(["None: what was compared stands beside a claim, or nothing was compared."])]


def unmatched(beside: Beside) -> list[tuple[str, str, str]]:
    """(run, subject, baseline) of pairs that were compared and that stand beside no claim: no name told which."""
    found = {
        (run.name, row["subject"], row["baseline"])
        for run in beside.studied()
        for row in run.facts.rows("preference")
        if row["subject"] == beside.lima(run)
        and run.fakes.isdisjoint((row["subject"], row["baseline"]))
        and not any(beside.known(paper, own) for paper, own in product(PAPERS, [row["baseline"]]))
    }
    return sorted(found)


def rules(beside: Beside) -> list[str]:
    """Systems that were left out everywhere, since no model is behind them."""
    found = {run.name: ", ".join(sorted(run.fakes)) for run in beside.studied() if run.fakes}
    return [
        f'Rules, no models (kind = "fake"), which stand for nothing here: {systems} in {name}.'
        for name, systems in found.items()
    ]


def robust(beside: Beside) -> list[str]:
    """A line a run that measured robustness: its report has the tables."""
    lines = []
    for run in [*beside.studied(), *beside.evaluations()]:
        samples, variants = (
            [row for row in run.facts.rows(f"robustness.{table}") if row["system"] not in run.fakes]
            for table in ("worst_of_k", "variants")
        )
        worst = " and ".join(map(str, sorted({row["k"] for row in samples})))
        kinds = ", ".join(dict.fromkeys(row["variant"] for row in variants if row["variant"] != "worst"))
        told = [f"the worst of {worst} answers"] if samples else []
        told += [f"prompts asked in another way ({kinds})"] if variants else []
        where = f": {run.report}/report.html, “Robustness”" if run.report else ""
        if told:
            lines.append(
                f"Robustness, a limit that the paper names (Section 7) and has no figure of: {' and '.join(told)} "
                f"in {run.name}{where}."
            )
    return lines


def shifted(beside: Beside) -> list[Block]:
    """Token shift (`handful shift`): a test of the paper's hypothesis that is not the paper's own."""
    rows: list[list[Cell]] = []
    published: dict[str, list[Cell]] = {}
    for folder, content in beside.evidence.shifts.items():
        for shares in content["shares"][:1]:
            models = f"{content['tuned']} over {content['base']}"
            where = "; ".join(filter(None, (trained_in(beside, content), folder)))
            rows.append([models, where, content["prompts"], *(tenths(shares[kind]) for kind in KINDS)])
        for name, values in content["published_per_cent"]["figures"].items():
            told = [f"{values[kind]:.1f}%" for kind in KINDS]
            published[name] = [f"{name} (URIAL's figure)", DASH, None, *told]
    if not rows:
        return []
    columns = [Column("Models"), Column("Run"), Column("Prompts", "count")]
    columns += [Column(kind.capitalize(), "number") for kind in KINDS]
    note = (
        "Not a claim of LIMA: Lin et al. 2023 (URIAL) measured other models, on other prompts. Shares are rounded, so "
        "three of them may miss 100% by 0.1."
    )
    return [Table("Tokens that tuning shifted", columns, [*rows, *published.values()], note=note)]


def trained_in(beside: Beside, content: Mapping[str, Any]) -> str:
    """The run whose checkpoint was measured, with its base; nothing where none of them made it."""
    tuned = content.get("settings", {}).get("tuned")
    sha256 = tuned.get("sha256") if isinstance(tuned, Mapping) else None
    made: list[Run] = [run for run in beside.evidence.runs if sha256 in run.checkpoints]
    return made[0].name if made else ""


def tenths(value: Interval) -> str:
    """A share with one decimal, as the published ones have: whole per cent of three need not make 100."""
    if value.estimate is None:
        return DASH
    if value.low is None or value.high is None:
        return f"{100 * value.estimate:.1f}%"
    return f"{100 * value.estimate:.1f}% ({100 * value.low:.1f} to {100 * value.high:.1f})"
