"""`handful authored`: whether a hand-written set keeps the style guide, and what it covers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from handful.cli.options import JSON, fail, told
from handful.core.errors import MissingExtra, MissingModel, RecipeError

Rows = tuple[int, int]


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--beside",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Another set, as JSON lines or JSON: its distances stand beside, and nothing may stand in both.",
)
@click.option(
    "--rows",
    metavar="FIRST:LAST",
    help="Of --beside, these rows only, counted from 1: LIMA's own are 401:600.",
)
@click.option(
    "--against",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Other prompts that must not stand in the set. May be repeated.",
)
@click.option(
    "--model",
    default="gemma3-270m",
    show_default=True,
    help="Whose tokens are counted, where it is there; empty counts words only.",
)
@JSON
@told
def authored(
    folder: Path | None,
    beside: Path | None,
    rows: str | None,
    against: tuple[Path, ...],
    model: str,
    as_json: bool,
) -> None:
    """Check the examples in FOLDER against the style guide, and print what they cover.

    FOLDER holds Markdown files as docs/style-guide.md describes them; without it, it is the set that comes with
    Handful. Exit code 1 means that a rule is broken: which, and by which file, goes to standard error.
    """
    from handful.core.optional import need
    from handful.sources.authored import SHIPPED

    need("scipy", "the distances between texts")
    from handful.cli.look import echo_json
    from handful.experiments import covered
    from handful.experiments.authored_set import findings, read_given, read_set

    if rows and not beside:
        raise RecipeError("--rows says which rows of --beside to take; give --beside FILE, too")
    sets = [read_given(beside, parsed(rows))] if beside else []
    pieces = read_set(folder or SHIPPED)
    found = findings(pieces, [*sets, *(read_given(path) for path in against)])
    count = counter(model)
    given = covered.numbers(pieces, found, sets, count)
    if as_json:
        echo_json(given)
    else:
        click.echo(covered.page(given, model if count else ""), nl=False)
    for line in covered.told(found):
        click.echo(line, err=True)
    if found:
        broken = len({each.file for each in found})
        fail(f"error: {broken} of {len(pieces)} files break a rule; docs/style-guide.md has them all", 1)


def parsed(rows: str | None) -> Rows | None:
    """Raises RecipeError where it is not two whole numbers, the first not above the last."""
    if rows is None:
        return None
    first, colon, last = rows.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise RecipeError(f"--rows {rows}: expected FIRST:LAST, as 401:600")
    return int(first), int(last)


def counter(model: str) -> Callable[[str], int] | None:
    """Counts the tokens of a text, or None where the model or its libraries are not there; then says so."""
    if not model:
        return None
    from handful.core.optional import need

    try:
        need("transformers", "counting tokens")
        from handful.models.layout import encode_text
        from handful.models.load import load_tokenizer

        tokenizer = load_tokenizer(model)
    except (MissingExtra, MissingModel) as missing:
        click.echo(f"words only: {missing}", err=True)
        return None
    return lambda text: len(encode_text(text, tokenizer))
