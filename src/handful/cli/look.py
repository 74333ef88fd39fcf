"""Commands that look at what is there: show, explain, verify, tidy. Only `tidy` deletes, and only after a yes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handful.cli.options import JSON, RECIPE, SET, WORK, told
from handful.core.errors import CorruptFolder, DataError

if TYPE_CHECKING:
    from handful.run.drops import Drop, Taken, Text
    from handful.run.explain import Story


def echo_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def one_line(folder: Path) -> str:
    """The numbers among a folder's counts, as "verdicts 80, choices (left 60, tie 20)"; long tables are left out."""
    from handful.run.store import read_manifest

    found = []
    for name, value in read_manifest(folder).counts.items():
        if isinstance(value, int):
            found.append(f"{name} {value:,}")
        elif isinstance(value, dict) and value and all(isinstance(v, int) for v in value.values()):
            parts = ", ".join(f"{part} {count:,}" for part, count in value.items())
            if len(value) <= 4:
                found.append(f"{name} ({parts})")
            elif name == "dropped":
                found.append(f"{name} {sum(value.values()):,} (by {len(value)} rules)")
    return ", ".join(found)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--dropped", metavar="RULE", help="Show what this rule took, with the words that it saw.")
@click.option(
    "--samples", type=click.IntRange(0), default=3, show_default=True, help="Records to show of each file."
)
@click.option("--seed", default=0, show_default=True, help="Of the sample of what a rule took.")
@JSON
@told
def show(folder: Path, dropped: str | None, samples: int, seed: int, as_json: bool) -> None:
    """Show what a finished FOLDER holds: its counts, its files and a few records of each.

    FOLDER may be a whole work folder: then its finished folders are listed, or with --dropped what RULE took in each.
    """
    if dropped is not None:
        show_dropped(folder, dropped, samples, seed, as_json)
        return
    from handful.run.store import MANIFEST, finished

    folders = [] if (folder / MANIFEST).exists() else finished(folder)
    if folders and as_json:
        echo_json([{"folder": str(each), "counts": read_counts(each)} for each in folders])
    elif folders:
        for each in folders:
            click.echo(f"{each}  {one_line(each)}".rstrip())
    else:
        show_folder(folder, samples, as_json)


def read_counts(folder: Path) -> dict[str, Any]:
    from handful.run.store import read_manifest

    return read_manifest(folder).counts


def is_shown(name: str) -> bool:
    """Whose answer is whose stays sealed: who looks at a study may be about to judge it."""
    return name.endswith(".jsonl") and not name.startswith("sealed/")


def show_folder(folder: Path, samples: int, as_json: bool) -> None:
    from handful.cli.choice import choice_lines
    from handful.cli.course import course, course_lines
    from handful.cli.readable import count_lines, record_lines
    from handful.run.store import read_manifest, remedy

    manifest = read_manifest(folder)
    for name in manifest.files:
        if not (folder / name).is_file():
            raise CorruptFolder(f"{folder}: {name} is missing; {remedy(folder)}")
    files = {name: sample(folder / name, samples) for name in manifest.files if is_shown(name)}
    trained = {"steps.jsonl", "epochs.jsonl", "dev_samples.jsonl"} <= set(manifest.files)
    if as_json:
        story = {"course": course(folder)} if trained else {}
        echo_json(
            {"step": manifest.step, "key": manifest.key, "counts": manifest.counts, **story, "files": files}
        )
        return
    click.echo(f"{click.style(manifest.step, bold=True)}  {manifest.key}")
    for line in count_lines(manifest.counts):
        click.echo(line)
    if trained:
        click.echo("\n" + "\n".join(course_lines(folder, manifest.params)))
    if "choice.json" in manifest.files:
        click.echo("\n" + "\n".join(choice_lines(folder)))
    models = {name.rpartition("/")[0] for name in manifest.files if name.endswith("/config.json")}
    for name in sorted(models):
        click.echo(f"\n{folder / name}  {size_of(folder / name):,} bytes, a model")
    empty = [name for name in manifest.files if not (folder / name).stat().st_size]
    for name in manifest.files:
        if name in empty or name.rpartition("/")[0] in models:
            continue
        size = (folder / name).stat().st_size
        found = files.get(name, {"samples": []})
        holds = f", {found['records']:,} records" if name in files else ""
        click.echo(f"\n{folder / name}  {size:,} bytes{holds}")
        for record in found["samples"]:
            for line in record_lines(record, is_html=manifest.step.startswith("sources/")):
                click.echo(line)
    if empty:
        click.echo(f"\nempty: {', '.join(empty)}")


def sample(path: Path, count: int) -> dict[str, Any]:
    """How many records a file has, and the first few."""
    import json

    found: list[Any] = []
    number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number <= count:
                try:
                    found.append(json.loads(line))
                except ValueError as error:
                    raise DataError(f"{path}:{number}: {error}") from error
    return {"records": number, "samples": found}


def show_dropped(path: Path, rule: str, samples: int, seed: int, as_json: bool) -> None:
    """What `rule` took below `path`, a sample of each folder."""
    from handful.run.drops import taken

    found = taken(path, rule, samples, seed)
    if as_json:
        echo_json([taken_as_json(each, rule) for each in found])
        return
    for number, each in enumerate(found):
        how_many = (
            "all"
            if len(each.sample) == each.took
            else f"{len(each.sample):,} of them, drawn with seed {seed}"
        )
        click.echo(f"{chr(10) if number else ''}{click.style(each.step, bold=True)}  {each.folder}")
        click.echo(f"{rule} took {each.took:,}; {how_many}:")
        for drop, text in each.sample:
            click.echo("")
            for line in drop_lines(drop, text):
                click.echo(line)


def taken_as_json(each: Taken, rule: str) -> dict[str, Any]:
    from handful.cli.readable import as_text, words_seen
    from handful.run.ids import url_of

    rows = []
    for drop, text in each.sample:
        record = as_text(text.record, text.is_html) if text else None
        url = ((record or {}).get("origin") or {}).get("url") or url_of(drop.record.id)
        row = {"id": drop.record.id, "detail": drop.record.detail, "words": words_seen([drop.record.detail])}
        rows.append({**row, "url": url, "file": str(drop.file), "line": drop.line, "text": record})
    return {"step": each.step, "folder": str(each.folder), "rule": rule, "took": each.took, "samples": rows}


def drop_lines(drop: Drop, text: Text | None) -> list[str]:
    """What was dropped and why, with its text if any folder has it."""
    from handful.cli.readable import as_text, block, heading, text_lines, words_seen
    from handful.run.ids import url_of

    id, detail = drop.record.id, drop.record.detail
    words = words_seen([detail])
    record = as_text(text.record, text.is_html) if text else None
    lines = [*heading(id, record, url_of(id)), *(block(detail, 2, words) if detail else [])]
    return lines + (
        text_lines(record, words) if record else ["    (no folder has its text: it was left in the dump)"]
    )


@click.command()
@RECIPE
@click.argument("id")
@WORK
@SET
@JSON
@told
def explain(recipe: Path, id: str, work: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Follow one example or prompt through every folder of RECIPE: what became of ID, and which rule took it.

    ID is as a folder has it ("beer.stackexchange.com/13"), the number alone, or the address of the question, of its
    answer, or of the page. Which system stands behind a side of a study is withheld until the answers are in.
    """
    from handful import STAGES, load, plan
    from handful.run.explain import explain as story_of
    from handful.run.explain import in_words
    from handful.run.keys import Hashes
    from handful.run.store import check_whole

    steps = plan(STAGES, load(recipe, overrides), work)
    hashes = Hashes(work / "hashes.json")
    for step in steps:
        if step.done:
            check_whole(step.folder, hashes)
    story = story_of(steps, id)
    if as_json:
        found = story.sightings
        echo_json([{"step": f.step, "file": str(f.file), "line": f.line, "record": f.record} for f in found])
        return
    for line in story_lines(story):
        click.echo(line)
    click.echo("")
    for sighting in story.sightings:
        click.echo(f"{sighting.step:22} {in_words(sighting)}")
        click.echo(f"{'':22}   {sighting.file}:{sighting.line}")
    if story.made_of_it:
        click.echo(f"\nAlso made of it: {', '.join(story.made_of_it)}")


def story_lines(story: Story) -> list[str]:
    """The text that a story is about: its title and address, and its words around what a rule saw."""
    from handful.cli.readable import as_text, heading, text_lines, words_seen
    from handful.run.ids import url_of

    text = story.text
    record = as_text(text.record, text.is_html) if text else None
    lines = heading(story.id, record, url_of(story.id))
    return lines + (text_lines(record, words_seen(story.details)) if record else [])


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
    import shutil

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
