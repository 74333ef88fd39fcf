"""`handful stats`: rates and agreement of verdicts made elsewhere, from a table, without a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from handful.cli.options import JSON, told
from handful.core.errors import RecipeError

if TYPE_CHECKING:
    from handful.core.types import Interval
    from handful.votes.agree import Agreement
    from handful.votes.annotators import Annotator
    from handful.votes.rates import Rates
    from handful.votes.summary import Tally

WORDS = ("sides", "letters", "models", "numbers", "order", "outcomes", "names")
FORMATS = ("plain", "alpaca_eval", "mt_bench", "pandalm", "reviews")
SHOWN = 12
"""Rows of a table in the terminal; --all and --json have every one."""


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format",
    type=click.Choice(FORMATS),
    default="plain",
    show_default=True,
    help="plain: CSV or JSON lines with a row a verdict. The others are the files of those tools.",
)
@click.option(
    "--words",
    "preset",
    type=click.Choice(WORDS),
    default="sides",
    show_default=True,
    help="What a choice is called: left, right, tie; a, b, c; model_a, model_b, tie; 1, 2, 0; first, second, tie; "
    "win, loss, tie (of the left one); or the system's name.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="left=A,…",
    help="The words of this file instead: left=A,right=B,tie=C; unreadable=X is a verdict that says nothing.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=ITS",
    help="What the file calls a column, as in --column prompt_id=question. May be repeated.",
)
@click.option(
    "--repeats",
    type=click.Choice(["tie", "last", "each"]),
    default="tie",
    show_default=True,
    help="Several verdicts of one annotator on one item: a tie unless all are alike, the last, or each for itself.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out rows that are no verdicts, and say how many.")
@click.option(
    "--level", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True, help="Of intervals."
)
@click.option(
    "--draws", type=click.IntRange(1_000, 100_000), default=10_000, show_default=True, help="Resamples."
)
@click.option("--seed", default=0, show_default=True, help="Of the resamples.")
@click.option("--all", "everything", is_flag=True, help="Print every row of every table.")
@JSON
@told
def stats(
    files: tuple[Path, ...],
    format: str,
    preset: str,
    mapping: tuple[str, ...],
    columns: tuple[str, ...],
    repeats: Literal["tie", "last", "each"],
    skip_bad: bool,
    level: float,
    draws: int,
    seed: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Rates and agreement of the verdicts in FILE, made by whatever tool; no recipe is needed.

    \b
    A row is a verdict:  prompt_id,annotator,left,right,choice[,group,turn,weight]
                         17,ann,tuned,base,left
    choice is left, right or tie. Several files count as one. Intervals are over prompts.

    \b
    handful stats votes.csv
    handful stats votes.csv --column annotator=worker --map left=A,right=B,tie=C --json
    handful stats gpt-4_pair.jsonl human_judgments.json --format mt_bench
    """
    from handful.core.optional import need

    need("numpy", "statistics")
    need("scipy", "statistics")
    from handful.votes.read import read
    from handful.votes.resample import Resampler
    from handful.votes.summary import tally
    from handful.votes.words import words

    votes = read(files, format, words(preset, mapping), named_columns(columns), skip_bad)
    found = tally(votes, Resampler(level, draws, seed), repeats)
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for line in lines(found, None if everything else SHOWN):
        click.echo(line)


def named_columns(options: tuple[str, ...]) -> dict[str, str]:
    """Our name of a column -> the file's."""
    from handful.votes.table import COLUMNS

    found = {}
    for option in options:
        ours, equals, its = (part.strip() for part in option.partition("="))
        if not equals or ours not in COLUMNS or not its:
            raise RecipeError(
                f"--column {option}: is not like prompt_id=question; on its left stands one of {', '.join(COLUMNS)}"
            )
        found[ours] = its
    return found


# --- text


def lines(found: Tally, most: int | None) -> list[str]:
    """The whole answer, a list of tables; `most` rows of each."""
    counts = found.counts
    head = (
        f"{counts.verdicts:,} verdicts by {counts.annotators:,} annotators on {counts.prompts:,} prompts, "
        f"{counts.systems:,} systems"
    )
    return [
        head,
        *(f"note: {note}" for note in found.notes),
        *table(
            f"Wins, ties and losses ({found.level:.0%} intervals over prompts)",
            RATES,
            map(rate_row, found.pairs),
            most,
        ),
        *ranked(found, most),
        *table("Agreement of groups", AGREE, map(agree_row, found.groups), most),
        *table("Agreement of annotators", AGREE, map(agree_row, found.annotator_pairs), most),
        *table("Each annotator", ALONE, map(alone_row, found.annotators), most),
        "",
        "tie-discounted: 1 for the same choice, 1/2 if exactly one said tie, as in the paper. chance and always tie:",
        "what two random annotators, and one who always says tie, would score. alpha: 0 is chance, 1 full agreement.",
    ]


def ranked(found: Tally, most: int | None) -> list[str]:
    """The systems on one scale, a table a group."""
    shown = []
    for ranking in found.rankings:
        title = "Bradley-Terry" + (f", by {ranking.group}" if ranking.group else "")
        if ranking.words:
            shown += ["", f"{title}: no estimate, {ranking.words}"]
            continue
        rows = ((row.system, f"{row.verdicts:,}", number(row.strength)) for row in ranking.strengths)
        shown += table(title, ("system", "verdicts", "log-odds against the average"), rows, most)
    return shown


RATES = ("first", "second", "by", "verdicts", "prompts", "win", "tie", "loss", "at least as good")
AGREE = (
    "first",
    "second",
    "items",
    "exact",
    "of",
    "share",
    "without ties",
    "of",
    "share",
    "tie-discounted",
    "chance",
    "always tie",
    "alpha",
)
ALONE = (
    "annotator",
    "group",
    "verdicts",
    "chose the first shown",
    "same when swapped",
    "tie-discounted, with the rest",
)


def rate_row(row: Rates) -> tuple[str, ...]:
    shares = (row.win, row.tie, row.loss, row.at_least_as_good)
    return (
        row.first,
        row.second,
        row.group or "all",
        f"{row.verdicts:,}",
        f"{row.prompts:,}",
        *map(percent, shares),
    )


def agree_row(row: Agreement) -> tuple[str, ...]:
    exact, decided = row.exact, row.exact_without_ties
    return (
        row.first,
        row.second,
        f"{row.items:,}",
        f"{exact.agreed:,}",
        f"{exact.pairs:,}",
        percent(exact.share),
        f"{decided.agreed:,}",
        f"{decided.pairs:,}",
        percent(decided.share),
        percent(row.tie_discounted),
        bare(row.chance),
        bare(row.always_tie),
        number(row.alpha),
    )


def alone_row(row: Annotator) -> tuple[str, ...]:
    against = row.against_the_rest
    return (
        row.name,
        row.group,
        f"{row.verdicts:,}",
        percent(row.first_shown),
        percent(row.same_when_swapped),
        percent(against.tie_discounted) if against else "-",
    )


def percent(value: Interval) -> str:
    """As 53.3% [47.7-58.9]; without bounds where there are none."""
    if value.estimate is None:
        return "-"
    estimate = f"{100 * value.estimate:.1f}%"
    if value.low is None or value.high is None:
        return estimate
    return f"{estimate} [{100 * value.low:.1f}-{100 * value.high:.1f}]"


def number(value: Interval) -> str:
    if value.estimate is None:
        return "-"
    bounds = "" if value.low is None or value.high is None else f" [{value.low:.3f} to {value.high:.3f}]"
    return f"{value.estimate:.3f}{bounds}"


def bare(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def table(title: str, head: tuple[str, ...], rows: object, most: int | None) -> list[str]:
    """A title and aligned rows; nothing where there are none."""
    from handful.cli.readable import columns, plain

    cells = [tuple(plain(cell) for cell in row) for row in rows]  # type: ignore[attr-defined]
    if not cells:
        return []
    shown = cells[:most]
    more = [f"  … and {len(cells) - len(shown):,} more: --all, or --json"] if len(cells) > len(shown) else []
    return ["", title, *columns([head, *shown], 2), *more]
