"""`handful settings`: what a recipe may say, in the terminal and as the page docs/settings.md."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from handful.cli.options import told
from handful.core.errors import RecipeError

if TYPE_CHECKING:
    from handful.recipe.settings import Setting, Table

WIDTH = 100
OF_ABLATIONS = ("question", "base", "seeds", "vary", "all", "arms", "quantity", "evaluation")


@click.command()
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="Print all of it as a page.")
@told
def settings(name: str | None, markdown: bool) -> None:
    """Show the settings of a recipe: their types, defaults and what they do.

    NAME is a table (clean), a kind of source, system or judge (reddit, endpoint) or one setting (train.eot_init,
    eot_init). Without it, the tables are listed.
    """
    from handful.recipe import settings as reference

    tables = [table for table in reference.tables() if table.name]
    if markdown:
        click.echo(reference.as_markdown(), nl=False)
    elif name is None:
        for table in tables:
            click.echo(f"{table.title}\n{wrapped(table.about)}")
        click.echo("\nhandful settings NAME shows what is in one of them.")
    else:
        show(name.strip("[]"), tables)


def show(name: str, tables: Sequence[Table]) -> None:
    """Print the tables of a name, or the settings.

    Raises:
        RecipeError: there is none.
    """
    name = name.removesuffix(".NAME")
    chosen = [table for table in tables if name in (table.name, table.name.split(".")[0], table.kind)]
    chosen = chosen or [table for table in tables if name in names_of(table)]
    for table in chosen:
        click.echo(f"{table.title}\n{wrapped(table.about)}\n")
        for setting in table.settings:
            say(setting)
    if chosen:
        return
    above, _, last = name.rpartition(".")
    found = [
        (table, setting)
        for table in tables
        for setting in table.settings
        if setting.name == last and (not above or above.split(".")[0] == table.name.split(".")[0])
    ]
    for table, setting in found:
        click.echo(table.title)
        say(setting)
    if not found:
        known = {word for table in tables for word in names_of(table)}
        known |= {setting.name for table in tables for setting in table.settings}
        near = difflib.get_close_matches(last, sorted(known - {""}), 1)
        hint = f'did you mean "{near[0]}"? ' if near else ""
        if name.split(".")[0] in OF_ABLATIONS:
            hint = "it is a key of an ablation's file (`handful ablate --help`); "
        raise RecipeError(
            f"{name}: no table, kind or setting of a recipe; {hint}`handful settings` lists the tables"
        )


def names_of(table: Table) -> set[str]:
    """What a table may be asked for by: its name, each table around it, the words of both, and its kind.

    Of `generate.systems.NAME` with kind "base": generate, generate.systems, systems, base.
    """
    parts = [part for part in table.name.split(".") if part != "NAME"]
    paths = {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return {table.name, table.kind, *parts, *paths} - {""}


def say(setting: Setting) -> None:
    from handful.recipe.settings import NEEDED

    default = "must be given" if setting.default == NEEDED else f"default {setting.default}"
    click.echo(f"  {setting.name}  ({setting.type}; {default})")
    click.echo(wrapped(setting.about, "      "))


def wrapped(text: str, indent: str = "    ") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
