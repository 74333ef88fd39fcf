"""Commands that bring data here: `fetch`. What goes out is in export.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.options import FolderPath, told
from handful.core.errors import DataError, HandfulError, RecipeError
from handful.run.patience import Patience

if TYPE_CHECKING:
    from handful.recipe.schema import Fetch
    from handful.run.address import Wanted

DEFAULT = Patience()


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--to",
    type=FolderPath(),
    help="The folder to put it in.  [default: dumps; for a recipe's files, the folder that it names]",
)
@click.option(
    "--recipe", type=click.Path(path_type=Path), help="Fetch what this recipe lists under [[fetch]]."
)
@click.option(
    "--sha256", metavar="HEX", help="What the one file's sha256 must be; or put #sha256=HEX behind the URL."
)
@click.option(
    "--sums",
    metavar="FILE",
    help="A list of checksums as sha256sum or md5sum writes it, or the address of one.",
)
@click.option(
    "--retries",
    type=click.IntRange(0),
    default=DEFAULT.retries,
    show_default=True,
    help="Tries in a row that may bring nothing.",
)
@click.option(
    "--stall",
    type=click.FloatRange(0.1),
    default=DEFAULT.stall_seconds,
    show_default=True,
    help="Seconds without a byte after which to ask again.",
)
@told
def fetch(
    urls: tuple[str, ...],
    to: Path | None,
    recipe: Path | None,
    sha256: str | None,
    sums: str | None,
    retries: int,
    stall: float,
) -> None:
    """Bring the files at URL into a folder of dumps. Stopped at any moment, the same command goes on from there.

    A file has its name only when it is whole and its checksum agrees; until then it is NAME.part. Where each dump is
    published and on which terms is in docs/fetching.md.
    """
    patience = Patience(retries=retries, stall_seconds=stall)
    files = [wanted_file(entry, sums, patience) for entry in entries(urls, to, recipe, sha256)]
    refuse_collisions(files)
    failed = [error for file in files if (error := fetched(file, patience))]
    if len(files) == 1 and failed:
        raise failed[0]
    if failed:
        for error in failed:
            click.echo(f"error: {error}", err=True)
        raise DataError(f"{len(failed)} of {len(files)} files could not be fetched")


def entries(urls: tuple[str, ...], to: Path | None, recipe: Path | None, sha256: str | None) -> list[Fetch]:
    """What to fetch, from the command line and from a recipe."""
    from handful import load
    from handful.recipe.schema import Fetch
    from handful.recipe.values import InputPath

    listed = list(load(recipe).fetch) if recipe else []
    if recipe and not listed:
        raise RecipeError(f'{recipe}: lists nothing to fetch; add [[fetch]] with url = "https://…"')
    if not urls and not listed:
        raise RecipeError("nothing to fetch; give a URL, or a recipe that lists some with --recipe")
    if sha256 and len(urls) != 1:
        raise RecipeError("--sha256 is of one file: give one URL, or put #sha256=HEX behind each")
    listed += [Fetch(url=url, sha256=sha256 or "") for url in urls]
    if to is None:
        return listed
    return [Fetch(url=entry.url, sha256=entry.sha256, to=InputPath(str(to))) for entry in listed]


def wanted_file(entry: Fetch, sums: str | None, patience: Patience) -> Wanted:
    from handful.run.address import file_name, wanted
    from handful.run.checksum import checksum
    from handful.run.fetch import published_checksum

    given = checksum(entry.sha256, "sha256") if entry.sha256 else None
    file = wanted(entry.url, Path(entry.to), given)
    if sums and file.checksum is None:
        file = wanted(entry.url, Path(entry.to), published_checksum(sums, file_name(file.url), patience))
    return file


def refuse_collisions(files: list[Wanted]) -> None:
    from handful.run.request import shown

    seen: dict[Path, Wanted] = {}
    for file in files:
        other = seen.setdefault(file.target, file)
        if other is not file:
            raise DataError(
                f"{shown(other.url)} and {shown(file.url)} would both become {file.target}; "
                "fetch one of them into another folder with --to"
            )


def fetched(file: Wanted, patience: Patience) -> HandfulError | None:
    """Fetch a file and say what became of it; returns what went wrong, so that the others are fetched all the same."""
    from handful.run.fetch import fetch, in_gb

    try:
        new = fetch(file, patience, say=lambda line: click.echo(line, err=True))
    except HandfulError as error:
        return error
    size = in_gb(file.target.stat().st_size)
    checked = f", {file.checksum} as it should be" if file.checksum else ""
    click.echo(f"{file.target}  {size}{checked}" if new else f"{file.target}  is there already{checked}")
    return None
