"""`handful stats`: rates and agreement of verdicts made elsewhere, from a table, without a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from handful.cli.options import JSON, told
from handful.core.errors import RecipeError

if TYPE_CHECKING:
    from handful.votes.table import Votes

WORDS = ("sides", "letters", "models", "numbers", "order", "outcomes", "strengths", "names")
FORMATS = ("plain", "alpaca_eval", "mt_bench", "pandalm", "reviews")


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
    help="What a choice is called: left, right, tie; a, b, and c or tie; model_a, model_b, tie; 1, 2, 0; "
    "first, second, tie; win, loss, tie (of the left one); A>>B, A++, A=B …; or the system's name.",
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
    "--value",
    "values",
    multiple=True,
    metavar="OURS=TEXT",
    help="What every row has in a column that the file lacks, as in --value annotator=crowd. May be repeated.",
)
@click.option(
    "--repeats",
    type=click.Choice(["tie", "last", "each"]),
    default="tie",
    show_default=True,
    help="Several verdicts of one annotator on one item: a tie unless all are alike, the last, or each for itself.",
)
@click.option(
    "--skip-bad", is_flag=True, help="Leave out rows that are no verdicts, and say how many and why."
)
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
    values: tuple[str, ...],
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

    named, fixed = named_columns(columns, "--column"), named_columns(values, "--value")
    votes = read(files, format, words(preset, mapping), named, skip_bad, fixed)
    for line in left_out(votes):
        click.echo(line, err=True)
    found = tally(votes, Resampler(level, draws, seed), repeats)
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    from handful.cli.tallies import SHOWN, lines

    for line in lines(found, None if everything else SHOWN):
        click.echo(line)


def named_columns(options: tuple[str, ...], option_name: str) -> dict[str, str]:
    """Our name of a column -> the file's, or what every row has in it."""
    from handful.votes.table import COLUMNS

    found = {}
    for option in options:
        ours, equals, its = (part.strip() for part in option.partition("="))
        if not equals or ours not in COLUMNS or not its:
            raise RecipeError(
                f"{option_name} {option}: is not like prompt_id=question; on its left stands one of "
                f"{', '.join(COLUMNS)}"
            )
        found[ours] = its
    return found


def left_out(votes: Votes) -> list[str]:
    """A line for each reason why rows are no verdicts, those with the most rows first."""
    from handful.votes.words import counted

    reasons = sorted(votes.skipped.items(), key=lambda item: (-item[1], item[0]))
    return [
        f"left out: {counted(rows, 'row')}, {why} (first: {votes.examples[why]})" for why, rows in reasons
    ]
