"""The paper's whole result table with ours beside it: as a page, as Markdown, as numbers.

Every claim has a row, those too that nothing here was run for. What stands in which table is in `side_by_side`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from handful.core.errors import RecipeError
from handful.core.files import write_whole
from handful.core.types import Interval
from handful.experiments.beside import Beside, Ours
from handful.experiments.claims import Claims
from handful.experiments.comparing import compare
from handful.experiments.evidence import Evidence
from handful.experiments.matching import find
from handful.experiments.setup import setup
from handful.experiments.side_by_side import Line, command, sections, told_size
from handful.recipe.build import unknown
from handful.report.markdown import markdown
from handful.report.numbers import csv_text, spread
from handful.report.page import html

SCHEMA = 1
TITLE = "LIMA, claim by claim"
STYLE = """
.scroll { scrollbar-width:thin; background:
  linear-gradient(to right, var(--paper) 40%, transparent) left / 2.5rem 100% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) right / 2.5rem 100% no-repeat local,
  linear-gradient(to right, var(--soft), transparent) left / .6rem 100% no-repeat scroll,
  linear-gradient(to left, var(--soft), transparent) right / .6rem 100% no-repeat scroll; }
td.t.wide { overflow-wrap:anywhere; min-width:9rem; }
"""
"""Long names break; where a table must still be scrolled, as on a phone, a shadow at its edge says so."""


def names_of(claims: Claims, told: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], str]:
    """The names that count, with those of `--as PAPER=OURS`, and the system that is to stand for LIMA.

    Raises:
        RecipeError: it is no such pair, or the paper has nothing of that name.
    """
    names, subject = dict(claims.names), ""
    for pair in told:
        paper, equals, own = pair.partition("=")
        if not equals or not own:
            raise RecipeError(f"--as {pair}: expected PAPER=OURS, as in --as alpaca=my_alpaca")
        if paper not in names:
            raise RecipeError(f"--as {pair}: {unknown(paper, names, 'names of the paper')}")
        if paper == "lima":
            subject = own
        names[paper] = (*names[paper], own.casefold())
    return names, subject


def check_names(told: Sequence[str], evidence: Evidence) -> None:
    """Raise RecipeError where `--as` names something of ours that is nowhere in what was read."""
    theirs = [*evidence.runs, *(one.evaluation for one in evidence.ablations if one.evaluation)]
    known = {label.partition("/")[2] for run in theirs for label in run.params if "/" in label}
    known |= {arm for one in evidence.ablations for arm in one.content["arms"]}
    for run in theirs:
        known |= {str(row[side]) for row in run.facts.rows("groups") for side in ("first", "second")}
        known |= {str(row["source"]) for row in run.facts.table}
    for pair in told:
        own = pair.partition("=")[2]
        if own.casefold() not in {name.casefold() for name in known}:
            raise RecipeError(f"--as {pair}: {unknown(own, sorted(known), 'systems, arms and groups here')}")


def lines_of(claims: Claims, beside: Beside) -> list[Line]:
    found = []
    for group in claims.group:
        for claim in group.claims():
            ours: Sequence[Ours | None] = find(group, claim, beside) or [None]
            found += [Line(group, claim, one, compare(claim, one)) for one in ours]
    return found


def write(claims: Claims, beside: Beside, out: Path) -> list[Line]:
    """Leave reproduction.html, .md, .json and .csv in `out`; returns what they hold."""
    lines = lines_of(claims, beside)
    made = sections(claims, beside, lines)
    subtitle = told_size(lines, beside)
    files = {
        "reproduction.html": html(TITLE, subtitle, made, file="reproduction").replace(
            "</style>", f"{STYLE}</style>", 1
        ),
        "reproduction.md": markdown(TITLE, subtitle, made, browse=False),
        "reproduction.json": json.dumps(plain(beside, lines), indent=1, ensure_ascii=False) + "\n",
        "reproduction.csv": csv_text([flat(line) for line in lines]),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(out / name, content)
    return lines


def plain(beside: Beside, lines: Sequence[Line]) -> dict[str, Any]:
    """reproduction.json: runs with their set-up, and each claim with ours."""
    claims: dict[str, dict[str, Any]] = {}
    for line in lines:
        own = claims.setdefault(
            line.claim.id,
            msgspec.to_builtins(line.claim) | {"command": command(line.group, line.claim), "ours": []},
        )
        if line.ours:
            own["ours"].append(msgspec.to_builtins(line.ours) | msgspec.to_builtins(line.comparison))
    return {
        "schema": SCHEMA,
        "runs": [
            {
                "name": run.name,
                "report": run.report,
                "setup": [list(row) for row in setup(run, beside.failed)],
            }
            for run in beside.evidence.runs
        ],
        "ablations": [one.name for one in beside.evidence.ablations],
        "claims": list(claims.values()),
    }


def flat(line: Line) -> dict[str, Any]:
    """A row of reproduction.csv."""
    claim, ours = line.claim, line.ours
    value = ours.value if ours else Interval(None, None, None, 0)
    low, high = claim.value if isinstance(claim.value, tuple) else (claim.value, claim.value)
    return {
        "claim": claim.id,
        "section": claim.section,
        "what": claim.what,
        "paper": low,
        "paper_to": high if isinstance(claim.value, tuple) else None,
        "paper_n": claim.n,
        "confirmed": claim.mark,
        **spread({"ours": value}),
        "status": line.comparison.status,
        "why": line.comparison.why,
        "judge": ours.judge if ours else "",
        "standing": ours.standing if ours else "",
        "run": ours.run if ours else "",
    }
