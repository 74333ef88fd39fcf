"""Commands that look at what is there: show, explain, verify, tidy. Only `tidy` deletes, and only after a yes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from handful.cli.options import JSON, RECIPE, SET, WORK, told
from handful.core.errors import CorruptFolder, DataError

SAMPLE_CHARS = 400


def echo_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def one_line(folder: Path) -> str:
    """The numbers among a folder's counts, as "verdicts 80, choices (left 60, tie 20)"; long tables are left out."""
    from handful.run.store import read_manifest

    found = []
    for name, value in read_manifest(folder).counts.items():
        if isinstance(value, int):
            found.append(f"{name} {value:,}")
        elif (
            isinstance(value, dict)
            and 0 < len(value) <= 4
            and all(isinstance(v, int) for v in value.values())
        ):
            found.append(f"{name} ({', '.join(f'{part} {count:,}' for part, count in value.items())})")
    return ", ".join(found)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--samples", default=2, show_default=True, help="Records to show of each file.")
@JSON
@told
def show(folder: Path, samples: int, as_json: bool) -> None:
    """Show what a finished FOLDER holds: its counts, its files and a few records of each."""
    from handful.run.store import read_manifest, remedy

    manifest = read_manifest(folder)
    for name in manifest.files:
        if not (folder / name).is_file():
            raise CorruptFolder(f"{folder}: {name} is missing; {remedy(folder)}")
    files = {name: sample(folder / name, samples) for name in manifest.files if name.endswith(".jsonl")}
    if as_json:
        echo_json({"step": manifest.step, "key": manifest.key, "counts": manifest.counts, "files": files})
        return
    click.echo(f"{manifest.step}  {manifest.key}")
    for name, value in manifest.counts.items():
        click.echo(f"  {name}: {json.dumps(value, ensure_ascii=False)}")
    for name in manifest.files:
        size = (folder / name).stat().st_size
        click.echo(
            f"\n{folder / name}  {size:,} bytes"
            + (f", {files[name]['records']:,} records" if name in files else "")
        )
        for record in files.get(name, {}).get("samples", []):
            click.echo(f"  {shortened(json.dumps(record, ensure_ascii=False))}")


def sample(path: Path, count: int) -> dict[str, Any]:
    """How many records a file has, and the first few."""
    found: list[Any] = []
    number = 0
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if number <= count:
                found.append(json.loads(line))
    return {"records": number, "samples": found}


def shortened(text: str) -> str:
    return text if len(text) <= SAMPLE_CHARS else f"{text[:SAMPLE_CHARS]}… ({len(text):,} characters)"


@click.command()
@RECIPE
@click.argument("id")
@WORK
@SET
@JSON
@told
def explain(recipe: Path, id: str, work: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Follow one example or prompt through every folder of RECIPE: what became of ID, and which rule took it."""
    from handful import STAGES, load, plan
    from handful.run.explain import follow, in_words
    from handful.run.keys import Hashes
    from handful.run.store import check_whole

    steps = plan(STAGES, load(recipe, overrides), work)
    hashes = Hashes(work / "hashes.json")
    for step in steps:
        if step.done:
            check_whole(step.folder, hashes)
    found = list(follow(steps, id))
    if as_json:
        echo_json([{"step": f.step, "file": str(f.file), "line": f.line, "record": f.record} for f in found])
        return
    for sighting in found:
        click.echo(f"{sighting.step:22} {in_words(sighting)}")
        click.echo(f"{'':22}   {sighting.file}:{sighting.line}")


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@WORK
@told
def verify(folders: tuple[Path, ...], work: Path) -> None:
    """Read every byte of FOLDERS (or of all in --work) again, and name each file that differs from its manifest."""
    from handful.run.progress import progress
    from handful.run.store import finished

    chosen = list(folders) or finished(work)
    if not chosen:
        raise DataError(f"{work}: holds no finished folder; name another with --work")
    bad = 0
    with progress("verifying", len(chosen), "folders") as advance:
        for folder in chosen:
            for problem in problems_of(folder):
                bad += 1
                click.echo(f"{folder}: {problem}")
            advance()
    if bad:
        raise CorruptFolder(
            f"{bad} {'problem' if bad == 1 else 'problems'}; "
            "remove a folder that differs (rm -r) and run again: it is made anew"
        )
    click.echo(f"{len(chosen)} folders are what their manifests say")


def problems_of(folder: Path) -> list[str]:
    from handful.run.store import MANIFEST, differences

    try:
        return differences(folder)
    except CorruptFolder as error:
        return [str(error).removeprefix(f"{folder}: ").removeprefix(f"{folder / MANIFEST}: ")]


@click.command()
@click.argument("recipes", nargs=-1, required=True, type=click.Path(path_type=Path))
@WORK
@SET
@click.option("--yes", is_flag=True, help="Delete without asking.")
@told
def tidy(recipes: tuple[Path, ...], work: Path, overrides: tuple[str, ...], yes: bool) -> None:
    """List the folders in --work that none of RECIPES needs, and delete them after a yes.

    A folder made with --set is needed only if the same --set is given here. Verdicts of people (people.sqlite) are
    never touched.
    """
    from handful import STAGES, load, plan
    from handful.run.lock import locked

    if not work.is_dir():
        raise DataError(f"{work}: no such work folder")
    wanted = {step.folder for recipe in recipes for step in plan(STAGES, load(recipe, overrides), work)}
    wanted |= {folder.with_name(f"{folder.name}.partial") for folder in wanted}
    with locked(work / "lock"):
        spare = [folder for folder in step_folders(work) if folder not in wanted]
        for folder in spare:
            click.echo(f"{size_of(folder) / 1e6:10.1f} MB  {folder}")
        if not spare:
            click.echo("nothing to tidy: every folder is needed")
        elif yes or click.confirm(f"delete these {len(spare)} folders?"):
            for folder in spare:
                shutil.rmtree(folder)
            click.echo(f"deleted {len(spare)} folders")


def step_folders(work: Path) -> Iterator[Path]:
    """Folders that look like a step's, finished or partial; anything else a user keeps there is left alone."""
    from handful.run.store import finished

    yield from sorted({*finished(work), *(path for path in work.glob("*-*.partial") if path.is_dir())})


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
