"""`handful serve desk`: people review candidates in their browser; `handful desk`: what they decided, as a file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.address import Reached, served_at
from handful.cli.options import RECIPE, SET, WORK, told
from handful.core.errors import DataError
from handful.core.optional import need

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger
    from handful.desk.desk import Desk
    from handful.recipe.schema import Recipe
    from handful.run.execute import Step

LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy", "numpy")
LEDGER = "desk.sqlite"
FILE = "reviews.jsonl"
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The file of decisions.  [default: {FILE} beside RECIPE]",
)


@click.command("desk")
@RECIPE
@WORK
@SET
@click.option(
    "--reviewer", "reviewers", multiple=True, metavar="NAME", help="Add this person, and print their link."
)
@OUT
@told
@served_at
def serve_desk(
    recipe: Path,
    work: Path,
    overrides: tuple[str, ...],
    where: Reached,
    port: int,
    reviewers: tuple[str, ...],
    out: Path | None,
) -> None:
    """Curate by hand: people accept, reject and edit RECIPE's candidates, and write examples of their own.

    Makes what `handful run RECIPE --to select` makes, where it is not there, and prints links. Each decision is on the
    disk (desk.sqlite in the work folder) before the next text is shown. The page of whoever runs the desk writes the
    decisions to a file, as `handful desk RECIPE` does; the recipe's [select] reviews reads it. See docs/desk.md.
    """
    for library in LIBRARIES:
        need(library, "the curation desk")
    from handful import load
    from handful.annotate.ledger import open_ledger
    from handful.web.desk import create_desk
    from handful.web.serve import listen, run_app

    loaded = load(recipe, overrides)
    steps = made(loaded, work)
    with (
        listen(where.host, port) as listener,
        closing(open_ledger(target(loaded, work), serve=True)) as ledger,
    ):
        origin = where.origin(listener.getsockname()[1])
        desk = opened(steps, loaded, ledger)
        links = [f"your page, for you alone: {origin}/link/{ledger.new_token('admin')}"]
        links += links_of(ledger, reviewers, origin)
        app = create_desk(
            desk,
            ledger,
            name=loaded.name,
            out=out or recipe.with_name(FILE),
            hosts=where.hosts,
            origin=origin,
            secure=where.secure,
        )
        for line in links:
            click.echo(line)
        run_app(app, listener, f"{standing(desk)} (stop with Ctrl-C)")
        again = shlex.join([str(recipe), "--work", str(work), *(w for o in overrides for w in ("--set", o))])
        click.echo(f"{standing(desk)}; write them with: handful desk {again}")


@click.command("desk")
@RECIPE
@WORK
@SET
@OUT
@told
def write_desk(recipe: Path, work: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """Write what reviewers decided at RECIPE's curation desk (`handful serve desk RECIPE`) to a file.

    One line of JSON a text: [select] reviews reads it. What two reviewers dispute is left out and counted.
    """
    for library in LIBRARIES[2:]:
        need(library, "the curation desk")
    from handful import load
    from handful.annotate.ledger import open_ledger
    from handful.desk.files import write_decisions

    loaded = load(recipe, overrides)
    where = target(loaded, work)
    if isinstance(where, Path) and not where.exists():
        raise DataError(f"{where}: no desk was opened here; open it with: handful serve desk {recipe}")
    steps = made(loaded, work)
    path = out or recipe.with_name(FILE)
    with closing(open_ledger(where)) as ledger:
        desk = opened(steps, loaded, ledger)
        lines = desk.decisions()
        write_decisions(path, lines)
        click.echo(standing(desk))
        click.echo(f"{path}: {len(lines)} lines")


def target(loaded: Recipe, work: Path) -> Path | str:
    """Where the desk's ledger is: a file of its own, or the database that the recipe's variable names."""
    from handful.annotate.database import target_of

    found = target_of(work, loaded.annotate.database_env)
    return found.with_name(LEDGER) if isinstance(found, Path) else found


def made(loaded: Recipe, work: Path) -> dict[str, Step]:
    """The finished steps `clean` and `select`, made where they are not there."""
    from handful import STAGES, execute, plan

    steps = plan(STAGES, loaded, work, "select")
    execute(steps, work, started=lambda step: click.echo(f"{step.label} …", err=True))
    return {step.label: step for step in steps}


def opened(steps: dict[str, Step], loaded: Recipe, ledger: Ledger) -> Desk:
    from handful.annotate.reviews import Reviews
    from handful.desk.desk import open_desk

    desk = open_desk(
        steps["clean"].folder, steps["select"].folder, Reviews(ledger), loaded.clean, loaded.select
    )
    if not desk.shelf.cards:
        raise DataError(f"{steps['clean'].folder}: holds no candidate, so there is nothing to review")
    return desk


def links_of(ledger: Ledger, names: Sequence[str], origin: str) -> list[str]:
    """A line for each reviewer: a new one's link, or how somebody who is there already gets another."""
    known = {person.name for person in ledger.people()}
    lines = []
    for name in dict.fromkeys(names):
        if name in known:
            lines.append(f"{name}: is there already; a new link is made on your page")
            continue
        ledger.add_person(name)
        lines.append(f"{name}: {origin}/link/{ledger.new_token('person', name)}")
    if not known and not names:
        lines.append("nobody reviews yet: add people on your page, or start with --reviewer NAME")
    return lines


def standing(desk: Desk) -> str:
    """How far the desk is."""
    disputed = len(desk.disputed())
    told = f"{len(desk.decisions()):,} of {len(desk.shelf.cards):,} candidates and written examples decided"
    return f"{told}, {disputed} in dispute" if disputed else told
