"""`handful reproduce`: every figure of the paper with ours beside it, from what runs and ablations left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from handful.cli.options import JSON, FolderPath, told


@click.command()
@click.argument("works", nargs=-1, type=FolderPath(), metavar="[WORK]...")
@click.option(
    "--out", type=FolderPath(), help="Where the page goes.  [default: reproduction, in the first WORK]"
)
@click.option(
    "--as",
    "names",
    multiple=True,
    metavar="PAPER=OURS",
    help="A system, source, group or arm of yours for one of the paper's, as alpaca=my_alpaca. May be repeated.",
)
@JSON
@told
def reproduce(works: tuple[Path, ...], out: Path | None, names: tuple[str, ...], as_json: bool) -> None:
    """Set what was run in each WORK (default: work) beside every figure that the paper publishes.

    WORK is a work folder, or a single report-, stats- or ablation- folder in one. The study's subject stands for LIMA;
    baselines, sources and arms are known by name, or by --as. What was not run says so, and which command would run it.
    """
    from handful.core.optional import need

    need("jinja2", "the page")
    need("scipy", "the comparison")
    from handful.experiments import claims, evidence, reproduction
    from handful.experiments.comparing import WORDS
    from handful.experiments.matching import Beside

    places = works or (Path("work"),)
    published = claims.read()
    known, subject = reproduction.names_of(published, names)
    found = evidence.read(places)
    reproduction.check_names(names, found)
    to = out or places[0] / "reproduction"
    lines = reproduction.write(published, Beside(found, known, subject), to)
    if as_json:
        click.echo((to / "reproduction.json").read_text(encoding="utf-8"), nl=False)
        return
    counts = Counter(line.comparison.status for line in lines if line.claim.unit != "settings")
    for status, words in WORDS.items():
        if counts[status]:
            click.echo(f"{counts[status]:5} {words}")
    click.echo(f"reproduction: {to / 'reproduction.html'}")
