"""`handful ablate`: several trainings that differ in one thing, and one evaluation of them all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.options import JSON, SET, WORK, told

if TYPE_CHECKING:
    from handful.experiments.arms import Ablation


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@WORK
@SET
@click.option(
    "--base", type=click.Path(path_type=Path), help="A recipe to use instead of the one that FILE names."
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Show the trainings and what is done, and run nothing."
)
@JSON
@told
def ablate(
    file: Path, work: Path, overrides: tuple[str, ...], base: Path | None, only_plan: bool, as_json: bool
) -> None:
    """Train every arm of FILE with every seed, let all of them answer the same prompts, and compare their grades.

    FILE (TOML) names a base recipe, arms that each change something in it, and how they are evaluated: see
    recipes/ablations. Arms share what they have in common; a run that was stopped goes on. The page is
    WORK/ablation-NAME/ablation.html.
    """
    from handful.core.optional import need
    from handful.experiments.arms import read

    ablation = read(file, overrides, base)
    if only_plan:
        show_plan(ablation, work, as_json)
        return
    need("scipy", "statistics")
    need("jinja2", "the page")
    from handful.cli.main import say_ended, say_started
    from handful.experiments.ablate import ablate as run
    from handful.experiments.account import write

    course = run(ablation, work, say_started, say_ended, lambda line: click.echo(line, err=True))
    page = write(ablation, course, work)
    if as_json:
        click.echo((page.parent / "ablation.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(f"ablation: {page}")


def show_plan(ablation: Ablation, work: Path, as_json: bool) -> None:
    from handful import STAGES, plan
    from handful.cli.look import echo_json
    from handful.cli.main import state
    from handful.experiments.ablate import runs

    listed = []
    for arm, seed in runs(ablation):
        for step in plan(STAGES, ablation.trained(arm, seed), work, "choose"):
            listed.append(
                {"arm": arm, "seed": seed, "step": step.label, "state": state(step), "key": step.key}
            )
    if as_json:
        echo_json(listed)
        return
    for row in listed:
        if row["step"] in ("select", "dataset", "train"):
            click.echo(f"{row['state']:8} {row['arm']:24} seed {row['seed']:<4} {row['step']}-{row['key']}")
    shared = len(listed) - len({(row["step"], row["key"]) for row in listed})
    click.echo(
        f"{len(listed)} steps, {shared} of them shared; then one evaluation of {len(runs(ablation))} models"
    )
