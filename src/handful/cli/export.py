"""`handful export`: a finished data set, its candidates, or the verdicts of a study, as other tools read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.options import SET, WORK, FolderPath, told
from handful.core.errors import HandfulError

if TYPE_CHECKING:
    from handful.run.execute import Step

FORMATS = ("messages", "parquet", "conversations", "alpaca")
VERDICTS = ("verdicts", "alpaca_eval", "mt_bench")


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
    type=click.Choice((*FORMATS, *VERDICTS)),
    help="Of a data set: messages (JSON lines; the default), parquet, conversations (as LIMA's release) or alpaca. "
    "Of the verdicts on a RECIPE's study: verdicts (CSV, as `handful stats` reads), alpaca_eval or mt_bench.",
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

    --format verdicts, alpaca_eval and mt_bench open the study's sealed key: what they write says which system gave
    which answer, so keep it from people who have yet to judge.
    """
    if format in VERDICTS:
        export_verdicts(made, to, format, overwrite, work, overrides)
        return
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


def export_verdicts(
    recipe: Path, to: Path, format: str, overwrite: bool, work: Path, overrides: tuple[str, ...]
) -> None:
    """Write the verdicts of a recipe's judges and people, as far as they are done.

    Raises:
        HandfulError: RECIPE is a folder, or its study or all of its judges are yet to be made.
    """
    from handful import STAGES, load, plan
    from handful.votes.write import export as write

    if recipe.is_dir():
        raise HandfulError(f"{recipe}: is a folder; --format {format} takes a RECIPE, whose study it finds")
    steps = plan(STAGES, load(recipe, overrides), work)
    done = {step.label: step.folder for step in steps if step.done}
    if "study" not in done:
        raise HandfulError(f"{recipe}: its study isn't made yet; {to_run(recipe, work, overrides)}")
    judges = {label.partition("/")[2]: folder for label, folder in done.items() if label.startswith("judge/")}
    counts = write(done["study"], judges, done.get("annotate"), to, format, overwrite)
    click.echo(f"{to}: {', '.join(f'{name} {rows:,}' for name, rows in counts.items())}")
    click.echo("the study's sealed key was opened: these files say which system gave which answer", err=True)
    if waiting := unfinished(steps):
        click.echo(f"not in it, since not done: {', '.join(waiting)}", err=True)


def unfinished(steps: list[Step]) -> list[str]:
    return [step.label for step in steps if step.stage.name in ("judge", "annotate") and not step.done]


def to_run(recipe: Path, work: Path, overrides: tuple[str, ...]) -> str:
    again = "".join(f" --set {override}" for override in overrides)
    return f"run `handful run {recipe} --work {work}{again}` first"
