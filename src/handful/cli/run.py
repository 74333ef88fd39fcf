"""`handful run` and `handful plan`: the stages of a recipe, made or told."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from handful.cli import look
from handful.cli.options import (
    ADDRESS,
    ENGINE,
    JSON,
    MAX_CALLS,
    MAX_USD,
    PROCESSES,
    RECIPE,
    SET,
    TO,
    WORK,
    WORKERS,
    told,
)
from handful.core.errors import BudgetReached, RecipeError, Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.run.execute import Step
    from handful.run.spending import Account


@click.command("run")
@RECIPE
@WORK
@SET
@TO
@click.option("--only", metavar="STAGE", help="Run this stage alone; what it needs must be done.")
@ENGINE
@ADDRESS
@WORKERS
@PROCESSES
@MAX_USD
@MAX_CALLS
@told
def run_command(
    recipe: Path,
    work: Path,
    overrides: tuple[str, ...],
    to: str | None,
    only: str | None,
    engine: Literal["local", "ray"],
    address: str,
    workers: int,
    processes: int,
    max_usd: float | None,
    max_calls: int | None,
) -> None:
    """Run the stages of RECIPE whose folders are not there yet.

    Stop it at any moment: the same command goes on from there. Exit code 3 means that people have yet to judge.
    Neither --engine nor --workers changes what comes out; --processes does, by rounding and by the masks of dropout.

    Several machines train together on a work folder that they share by
    torchrun … -m handful run RECIPE --only train
    """
    from handful import STAGES, execute, load, plan
    from handful.cli import costs
    from handful.cli.forecast import check_comparisons, in_the_choice
    from handful.run import torchrun
    from handful.run.engine import Engine, using
    from handful.run.spending import Limits, limited

    loaded = load(recipe, overrides)
    if only is not None and only not in {stage.name for stage in STAGES}:
        raise RecipeError(f"--only {only}: no such stage; the stages are {', '.join(s.name for s in STAGES)}")
    torchrun.check(only)
    limits = Limits(max_usd, max_calls)
    steps = plan(STAGES, loaded, work, to or only)
    if torchrun.rank() > 0:
        torchrun.join(steps, only or "")
        torchrun.leave()
    check_comparisons(steps, loaded)
    for line in in_the_choice(steps, loaded):
        click.echo(f"warning: {line}", err=True)
    if max_usd is not None:
        costs.check_prices([step for step in steps if only in (None, step.stage.name)])
    accounts: list[Account] = []
    try:
        with using(Engine(engine, workers, address, processes)), limited(limits) as accounts:
            ran = execute(steps, work, only, started=say_started, ended=say_ended)
    except Waiting as waiting:
        again = [str(recipe), "--work", str(work), *(word for o in overrides for word in ("--set", o))]
        raise Waiting(str(waiting).replace("RECIPE", shlex.join(again))) from None
    except BudgetReached as reached:
        accounts = []  # what was spent is in the message
        left = ", ".join(step.label for step in steps if not step.done)
        raise BudgetReached(
            f"{reached}; not done: {left}; what was answered is kept: the same command with a higher limit goes on"
        ) from None
    finally:
        say_spent(accounts)
    if not ran:
        click.echo(f"nothing to do: all {len(steps)} steps are done")
    say_where(steps[-1], bool(to or only))


def say_where(last: Step, asked_to_stop: bool) -> None:
    """What came last, and why it was the last."""
    if last.stage.name == "report":
        click.echo(f"report: {last.folder / 'report.html'}")
    elif not asked_to_stop:
        click.echo(f"ends at {last.label}, since the recipe has no table for what follows: {last.folder}")
    else:
        click.echo(f"{last.label}: {last.folder}")


def say_started(step: Step) -> None:
    again = " (going on from what is there)" if step.partial.exists() else ""
    click.echo(f"{step.label} …{again}", err=True)


def say_ended(step: Step, seconds: float) -> None:
    click.echo(f"{step.label:22} {seconds:7.1f} s  {look.one_line(step.folder)}")


def say_spent(accounts: Sequence[Account]) -> None:
    """What servers were asked in this run, and for how much; nothing where none was needed."""
    for account in accounts:
        if told := account.told_now():
            click.echo(f"servers: {told}", err=True)


@click.command("plan")
@RECIPE
@WORK
@SET
@TO
@click.option(
    "--devices",
    multiple=True,
    metavar="NxNAME",
    help="Estimate the training for these, as 8xH200 or cpu:4. May be repeated.  [default: this machine]",
)
@click.option("--parameters", default="", metavar="N", help="Of a model that is unknown here, as 7B.")
@click.option("--measure", is_flag=True, help="Count tokens, and measure this machine, for the estimate.")
@JSON
@told
def plan_command(
    recipe: Path,
    work: Path,
    overrides: tuple[str, ...],
    to: str | None,
    devices: tuple[str, ...],
    parameters: str,
    measure: bool,
    as_json: bool,
) -> None:
    """Show what `run` would do with RECIPE, what is done already, and what training and servers will take."""
    from handful import STAGES, load, plan
    from handful.cli import costs
    from handful.cli.forecast import check_comparisons, forecast
    from handful.cli.sight import sight

    loaded = load(recipe, overrides)
    steps = plan(STAGES, loaded, work, to)
    check_comparisons(steps, loaded)
    found = forecast(steps, loaded, devices, parameters, measure)
    paid = costs.costs(steps, loaded)
    seen = sight(steps, loaded)
    if as_json:
        listed = [{"step": s.label, "state": state(s), "folder": str(s.folder), "key": s.key} for s in steps]
        told = {cost.step: costs.as_json(cost) for cost in paid} | ({"train": found[0]} if found else {})
        told |= {"stats": seen[0]} if seen else {}
        look.echo_json(
            [row | ({"estimate": told[s]} if (s := row["step"]) in told else {}) for row in listed]
        )
        return
    for step in steps:
        click.echo(f"{state(step):8} {step.label:22} {step.folder}")
    paid_lines = [line for cost in paid for line in costs.in_words(cost)]
    for line in [*(found[1] if found else []), *paid_lines, *(seen[1] if seen else [])]:
        click.echo(line)


def state(step: Step) -> str:
    if step.done:
        return "done"
    return "begun" if step.partial.exists() else "to do"
