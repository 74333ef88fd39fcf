"""`handful export`: a finished data set, or its candidates, as other tools read them."""

from __future__ import annotations

from pathlib import Path

import click

from handful.cli.options import SET, WORK, FolderPath, told
from handful.core.errors import HandfulError

FORMATS = ("messages", "parquet", "conversations", "alpaca")


@click.command()
@click.argument("made", metavar="FOLDER|RECIPE", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "to",
    required=True,
    type=FolderPath(),
    metavar="DIR",
    help="The folder to write: new, or empty.",
)
@click.option(
    "--format",
    "format",
    type=click.Choice(FORMATS),
    help="messages (JSON lines; the default), parquet, conversations (as LIMA's release) or alpaca.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export in DIR.")
@WORK
@SET
@told
def export(
    made: Path, to: Path, format: str | None, overwrite: bool, work: Path, overrides: tuple[str, ...]
) -> None:
    """Write the data set of a RECIPE, or of a finished FOLDER, to DIR, with its card and whom to credit.

    `datasets.load_dataset(DIR)` loads what is written, and `kind = "messages"` reads it back. A folder of `clean`
    gives all candidates before selection, as Parquet.
    """
    from handful.dataset.export import export as write

    folder = made if made.is_dir() else finished_dataset(made, work, overrides)
    counts = write(folder, to, format or "", overwrite)
    click.echo(f"{to}: {', '.join(f'{name} {rows:,}' for name, rows in counts.items())}")


def finished_dataset(recipe: Path, work: Path, overrides: tuple[str, ...]) -> Path:
    """The folder of a recipe's `dataset`.

    Raises:
        HandfulError: it isn't made yet.
    """
    from handful import STAGES, load, plan

    step = plan(STAGES, load(recipe, overrides), work, "dataset")[-1]
    if not step.done:
        again = "".join(f" --set {override}" for override in overrides)
        raise HandfulError(
            f"{step.folder}: the data set isn't made yet; "
            f"run `handful run {recipe} --work {work} --to dataset{again}` first"
        )
    return step.folder
