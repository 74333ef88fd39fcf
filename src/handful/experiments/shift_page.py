"""The token-shift analysis as a folder: a page, the same as Markdown, numbers, tables, and every token.

No share is called good or bad here: how far a model moved says nothing of its answers' worth.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Interval
from handful.experiments import shift_words as words
from handful.experiments.shift import (
    KINDS,
    PUBLISHED,
    Moved,
    Shares,
    Span,
    Token,
    most_moved,
    spans,
    summary,
)
from handful.experiments.shift_run import Measured
from handful.report import numbers, page, scales
from handful.report.markdown import markdown
from handful.report.page import Block, Cell, Column, Figure, Section, Table, Text
from handful.stats.bootstrap import Bootstrap

SHOWN = 12
"""Answers that the page shows; tokens.jsonl has all."""
MARKS = {"unshifted": ("", ""), "marginal": ("‹", "›"), "shifted": ("«", "»")}  # noqa: RUF001
"""Around a token in plain text."""


@dataclass(frozen=True, slots=True)
class Found:
    """All that the page tells."""

    tuned: str
    base: str
    settings: dict[str, Any]
    """As in the key: no paths."""
    measured: Measured
    summary: list[Shares]
    spans: list[Span]
    moved: list[Moved]
    variants: int = 0
    """Of prompts, that were left out before any was drawn."""

    @property
    def layout(self) -> str:
        style = self.measured.style
        return words.LAYOUTS[style, self.settings["base_context"] if style == "eot" else ""]


@dataclass(frozen=True, slots=True)
class Read:
    """An answer to be read with its tokens marked."""

    id: str
    prompt: str
    note: str
    tokens: Sequence[Token]


def find(
    tuned: str,
    base: str,
    settings: dict[str, Any],
    measured: Measured,
    bootstrap: Bootstrap | None = None,
    variants: int = 0,
) -> Found:
    """Statistics of what was measured.

    Args:
        tuned, base: the models' names as the page tells them.
        variants: how many were left out before prompts were drawn.
    """
    by, tokens = bootstrap or Bootstrap(), measured.tokens
    moved = most_moved(tokens)
    return Found(
        tuned, base, settings, measured, summary(tokens, by), spans(tokens, by), moved, variants=variants
    )


def write(found: Found, out: Path) -> None:
    """Fill the folder `out`; shift.json comes last."""
    made, answers = sections(found), samples(found)
    title = f"Token shift: {found.tuned} over {found.base}"
    subtitle = words.told_size(found.measured)
    told: list[Block] = [Text([LEGEND]), *(plain_sample(read) for read in answers)]
    marked = Section("answers", "The answers, token by token", told)
    files = {
        "shift.html": template().render(title=title, subtitle=subtitle, sections=made, samples=answers),
        "shift.md": markdown(title, subtitle, [*made, marked], browse=False),
        "tokens.jsonl": b"".join(map(jsonl.dumps, found.measured.tokens)),
        **{f"figures/{name}.csv": content for name, content in numbers.tables(made).items()},
        **{f"figures/{figure.name}.svg": figure.file for figure in numbers.figures(made)},
        "shift.json": json.dumps(plain(found), indent=1, ensure_ascii=False) + "\n",
    }
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(out / name, content)


LEGEND = "Marked ‹like this›: the base's second or third choice. Marked «like this»: anything less likely."  # noqa: RUF001


def plain(found: Found) -> dict[str, Any]:
    measured = found.measured
    return {
        "tuned": found.tuned,
        "base": found.base,
        "settings": found.settings,
        "layout": found.layout,
        "prompts": len(measured.answers),
        "left_out": msgspec.to_builtins(measured.left_out),
        "variants_left_out": found.variants,
        "shares": msgspec.to_builtins(found.summary),
        "by_position": msgspec.to_builtins(found.spans),
        "most_shifted": msgspec.to_builtins(found.moved),
        "ends": words.ends(measured.answers),
        "not_reproduced": words.not_reproduced(measured.tokens),
        "answers": msgspec.to_builtins(measured.answers),
        "published_per_cent": {
            "source": "URIAL, Lin et al. 2023",
            "figures": {name: dict(zip(KINDS, values, strict=True)) for name, values in PUBLISHED.items()},
        },
    }


def sections(found: Found) -> list[Section]:
    result: list[Block] = [Text([headline(found.summary[0])], "headline"), shares_table(found)]
    where: list[Block] = [position_figure(found.spans)] if found.spans else []
    return [
        Section("shares", "How much moved", result),
        Section("positions", "Where in an answer", [*where, position_table(found.spans)]),
        Section("tokens", "What moved", [moved_table(found.moved)]),
        Section("limits", "What this can and cannot show", [Text(limits(found), "list")]),
    ]


def headline(every: Shares) -> str:
    if not every.tokens:
        return "Every answer is empty: there is nothing to measure."
    told = ", ".join(f"{kind} {per_cent(value)}" for kind, value in zip(KINDS, every.intervals, strict=True))
    return f"Of {every.tokens:,} tokens: {told}."


def per_cent(value: Interval) -> str:
    """One decimal, as URIAL prints them, with the bounds."""
    if value.estimate is None:
        return page.DASH
    if value.low is None or value.high is None:
        return f"{100 * value.estimate:.1f}% (no interval)"
    return f"{100 * value.estimate:.1f}% ({100 * value.low:.1f} to {100 * value.high:.1f})"


def shares_table(found: Found) -> Table:
    columns = [Column("Model"), Column("Tokens", "count"), *(Column(kind.capitalize()) for kind in KINDS)]
    rows: list[list[Cell]] = [
        [f"{found.tuned}, {row.what}", row.tokens, *map(per_cent, row.intervals)] for row in found.summary
    ]
    rows += [[name, None, *(f"{value:.1f}%" for value in values)] for name, values in PUBLISHED.items()]
    notes = [value.note for value in found.summary[0].intervals if value.note]
    return Table(
        "Shares of the three kinds, and those that URIAL gives",
        columns,
        rows,
        note="Unshifted: the base's first choice. Marginal: its second or third. Shifted: anything less likely. Bounds "
        "are 95% intervals over prompts. The last rows are as published by Lin et al. (2023), of other models and "
        "prompts, without intervals." + (f" {notes[0]}." if notes else ""),
    )


def position_figure(rows: Sequence[Span]) -> Figure:
    title = "Shares of the three kinds over an answer's tokens"
    drawn = [
        scales.Shares(
            f"{'token' if row.first == row.last else 'tokens'} {row.shares.what}",
            [value.estimate or 0.0 for value in row.shares.intervals],
            [round((value.estimate or 0.0) * row.shares.tokens) for value in row.shares.intervals],
            f"{row.answers} answers",
            boundaries(row.shares),
        )
        for row in rows
    ]
    data = [
        {"first": row.first, "last": row.last, "answers": row.answers, "tokens": row.shares.tokens}
        | dict(zip(KINDS, row.shares.intervals, strict=True))
        for row in rows
    ]
    caption = (
        "Below each bar are 95% intervals over prompts of its two boundaries: of the unshifted share, and of the "
        "shifted one, counted from the right. Only long answers reach the last rows, so a trend down the rows is one "
        "of answers, too."
    )
    drawing = scales.stacked_shares(title, KINDS, drawn)
    return Figure(title, drawing, data, caption, "shift-by-position", "shift-by-position")


def boundaries(row: Shares) -> list[tuple[float, float] | None]:
    """Of unshifted against the rest, and of shifted against the rest."""
    first = (
        None
        if row.unshifted.low is None or row.unshifted.high is None
        else (row.unshifted.low, row.unshifted.high)
    )
    low, high = row.shifted.low, row.shifted.high
    return [first, None if low is None or high is None else (1 - high, 1 - low)]


def position_table(rows: Sequence[Span]) -> Table:
    columns = [Column("Tokens"), Column("Answers", "count"), *(Column(kind.capitalize()) for kind in KINDS)]
    body: list[list[Cell]] = [
        [row.shares.what, row.answers, *map(per_cent, row.shares.intervals)] for row in rows
    ]
    return Table("By position in the answer", columns, body)


def moved_table(rows: Sequence[Moved]) -> Table:
    columns = [Column("Token", "code"), Column("Shifted", "count"), Column("Written", "count")]
    columns += [Column("In answers", "count"), Column("Base's usual choice there", "code")]
    body: list[list[Cell]] = [[seen(r.token), r.shifted, r.written, r.answers, seen(r.instead)] for r in rows]
    return Table(
        "Tokens that are shifted in the most answers",
        columns,
        body,
        note="Blanks are shown as ␣, line breaks as ⏎. URIAL finds that most shifted tokens are of style.",
    )


def seen(token: str) -> str:
    """A token with its blanks and line breaks visible."""
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def limits(found: Found) -> list[str]:
    tokens = found.measured.tokens
    return [
        found.layout,
        "An unshifted token is one that the base would have written here, after all that the tuned model wrote before: "
        "by itself it might not have come here.",
        *([words.told_repeats(tokens)] if tokens else []),
        "Greedy decoding without a repetition penalty, as URIAL: not how the study's answers are drawn.",
        words.told_ends(words.ends(found.measured.answers), found.settings["max_tokens"]),
        *([words.told_control(words.not_reproduced(tokens))] if tokens else []),
        "URIAL's figures are of 7B models that others tuned on far more examples: a yardstick for the measurement, and "
        "no target.",
        *words.told_left_out(found.measured.left_out, found.variants),
    ]


def samples(found: Found) -> list[Read]:
    by_prompt: dict[str, list[Token]] = {}
    for token in found.measured.tokens:
        by_prompt.setdefault(token.prompt_id, []).append(token)
    return [
        Read(answer.prompt_id, answer.prompt, words.told_answer(answer, own), own)
        for answer in found.measured.answers[:SHOWN]
        for own in [by_prompt.get(answer.prompt_id, [])]
    ]


def plain_sample(read: Read) -> page.Sample:
    marked = "".join(f"{MARKS[t.kind][0]}{t.token}{MARKS[t.kind][1]}" for t in read.tokens)
    return page.Sample(read.id, read.prompt, [page.Answer("Answer", marked, read.note)])


def template() -> Any:
    """Our own page around the report's style."""
    loader = ChoiceLoader([PackageLoader("handful.experiments", "."), PackageLoader("handful.report", ".")])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(cell=page.cell, visible=page.visible, seen=seen)
    return environment.get_template("shift.html.jinja")
