"""`handful ablate`: several trainings that differ in one thing, and one evaluation of them all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.options import JSON, MAX_CALLS, MAX_USD, PROCESSES, SET, WORK, WORKERS, told
from handful.core.errors import BudgetReached

if TYPE_CHECKING:
    from handful.experiments.ablate import Course, Told
    from handful.experiments.arms import Ablation
    from handful.run.spending import Account


class WithKeys(click.Command):
    """Lists the keys of its file below its options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from handful.experiments.keys import every

        with formatter.section("Keys of FILE (tables hold settings of a recipe: `handful settings`)"):
            formatter.write_dl([(key.name, f"{key.about} ({key.absent})") for key in every()])


@click.command(cls=WithKeys)
@click.argument("file", type=click.Path(path_type=Path))
@WORK
@SET
@click.option(
    "--base", type=click.Path(path_type=Path), help="A recipe to use instead of the one that FILE names."
)
@click.option(
    "--plan",
    "only_plan",
    is_flag=True,
    help="Show the trainings, their time and memory, and what the evaluation will ask; run nothing.",
)
@click.option(
    "--data", "only_data", is_flag=True, help="Make and check the data of every arm, and train nothing."
)
@click.option(
    "--devices",
    multiple=True,
    metavar="NxNAME",
    help="With --plan: estimate for these, as 8xH200 or cpu:4.  [default: this machine]",
)
@click.option("--parameters", default="", metavar="N", help="With --plan: of a model unknown here, as 7B.")
@WORKERS
@PROCESSES
@MAX_USD
@MAX_CALLS
@JSON
@told
def ablate(
    file: Path,
    work: Path,
    overrides: tuple[str, ...],
    base: Path | None,
    only_plan: bool,
    only_data: bool,
    devices: tuple[str, ...],
    parameters: str,
    workers: int,
    processes: int,
    max_usd: float | None,
    max_calls: int | None,
    as_json: bool,
) -> None:
    """Train every arm of FILE with every seed, let all of them answer the same prompts, and compare their grades.

    FILE (TOML) names a base recipe, arms that each change something in it, and how they are evaluated: see
    recipes/ablations and docs/experiments.md. Arms share what they have in common; a run that was stopped goes on.
    The page is WORK/ablation-NAME/ablation.html. Exit code 3 means that people have yet to grade.
    """
    from handful.core.optional import need
    from handful.experiments.arms import read

    ablation = read(file, overrides, base)
    if only_plan:
        from handful.cli.ablation_plan import show_plan

        show_plan(ablation, work, devices, parameters, as_json)
        return
    if not only_data:
        need("scipy", "statistics")
        need("jinja2", "the page")
    from handful.cli.run import say_ended, say_spent, say_started
    from handful.experiments.ablate import Told
    from handful.experiments.account import write
    from handful.run.engine import Engine, using

    tell = Told(say_started, say_ended, lambda line: click.echo(line, err=True))
    accounts: list[Account] = []
    with using(Engine(workers=workers, training=processes)):
        try:
            ablation, course = run(ablation, work, tell, only_data, max_usd, max_calls, accounts)
        finally:
            say_spent(accounts)
    if not course.ran:
        click.echo("nothing to do: all steps are done", err=True)
    if only_data:
        say_data(ablation, course, work)
        return
    page = write(ablation, course, work)
    if as_json:
        click.echo((page.parent / "ablation.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(f"ablation: {page}")


def run(
    ablation: Ablation,
    work: Path,
    tell: Told,
    only_data: bool,
    max_usd: float | None,
    max_calls: int | None,
    accounts: list[Account],
) -> tuple[Ablation, Course]:
    """The sizes settled, and all steps run, within one limit for all of them."""
    from handful.cli.costs import check_prices
    from handful.experiments import ablate as experiment
    from handful.pipeline import STAGES
    from handful.run.execute import plan
    from handful.run.spending import Limits, limited

    sized = experiment.settled(ablation, work, tell)
    assert sized is not None  # counted just now
    steps = experiment.training_steps(sized, work)
    if max_usd is not None:
        check_prices(steps)
        check_prices(plan(STAGES, experiment.before_training(sized), work))
    with limited(Limits(max_usd, max_calls), {step.folder.name for step in steps}) as opened:
        try:
            return sized, experiment.ablate(sized, work, tell, only_data)
        except BudgetReached as reached:
            raise BudgetReached(
                f"{reached}; what was answered is kept: the same command with a higher limit goes on"
            ) from None
        finally:
            accounts += opened


def say_data(ablation: Ablation, course: Course, work: Path) -> None:
    """How many examples each arm has, and of what."""
    from handful.experiments.ablate import datasets
    from handful.experiments.confounds import facts_of_arms

    for fact in facts_of_arms(datasets(ablation, work)):
        sources = ", ".join(f"{name} {count:,}" for name, count in fact.sources.items())
        click.echo(f"{fact.arm:24} {fact.examples:7,} examples: {sources}")
    click.echo(f"{len(course.prompts):,} prompts to ask; `handful ablate` without --data trains")
