"""`handful ablate --plan`: the trainings with their time and memory, shared steps, and what the evaluation asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handful.core.errors import DataError

NOT_MADE = "the evaluation's data are not made yet, `handful ablate FILE --data` makes them"
"""Of an ablation there are many data sets: this is the one that the test prompts are taken from."""

if TYPE_CHECKING:
    from handful.cli.costs import Cost
    from handful.experiments.arms import Ablation
    from handful.run.execute import Step


def show_plan(ablation: Ablation, work: Path, devices: Sequence[str], parameters: str, as_json: bool) -> None:
    """Print what `ablate` would do, and what it will take."""
    from handful.cli.look import echo_json
    from handful.experiments.ablate import settled

    sized = settled(ablation, work, None)
    if sized is None:
        raise DataError(
            f'{ablation.path}: quantity.sizes = "double" needs the data counted first: `handful ablate FILE --data` '
            "does that and trains nothing"
        )
    trainings, told = planned(sized, work, devices, parameters)
    steps, costs, sees = evaluation(sized, work)
    if as_json:
        from handful.cli.costs import as_json as cost_as_json

        told["evaluation"] = {
            "steps": [row_of(step) for step in steps],
            "costs": [cost_as_json(cost) for cost in costs],
            "sight": sees[0],
        }
        echo_json(told)
        return
    for line in [*trainings, *evaluation_lines(sized, costs, sees[1])]:
        click.echo(line)


def planned(
    ablation: Ablation, work: Path, devices: Sequence[str], parameters: str
) -> tuple[list[str], dict[str, Any]]:
    """The trainings as lines and as JSON. What several arms share is trained, and counted, once."""
    from handful.cli.forecast import duration, forecast, size
    from handful.experiments.ablate import part, runs
    from handful.pipeline import STAGES
    from handful.run.execute import plan

    lines: list[str] = []
    rows: list[dict[str, Any]] = []
    every: list[Step] = []
    to_train: dict[str, tuple[float, float]] = {}
    """Folder of a training that is yet to run -> (seconds, bytes a device) on the first machine."""
    for arm, seed in runs(ablation):
        recipe = ablation.trained(arm, seed)
        with part(arm, Path(), work):
            steps = plan(STAGES, recipe, work, "choose")
            found = forecast(steps, recipe, devices, parameters, False)
        assert found is not None  # every arm trains
        train = next(step for step in steps if step.label == "train")
        machine = next(iter(found[0].get("machines", [])), None)
        if machine and not train.done:
            to_train[train.folder.name] = machine["seconds"], machine["memory_bytes"]
        lines.append(training_line(arm, seed, train, found[0], machine))
        rows.append({"arm": arm, "seed": seed, "steps": [row_of(step) for step in steps], "train": found[0]})
        every += steps
    distinct = {step.folder.name: step for step in every}
    summary = {
        "steps": len(every),
        "shared": len(every) - len(distinct),
        "to_do": sum(not step.done for step in distinct.values()),
        "seconds": sum(seconds for seconds, _ in to_train.values()),
        "memory_bytes": max((memory for _, memory in to_train.values()), default=0.0),
    }
    shared, left = summary["shared"], summary["to_do"]
    together = f"{len(rows)} trainings; {len(every)} steps of the pipeline, {shared} shared, {left} to do"
    if to_train:
        together += (
            f"; {duration(summary['seconds'])} of training, at most {size(summary['memory_bytes'])} a device"
        )
    doubts = dict.fromkeys(doubt for row in rows for doubt in row["train"].get("doubts", []))
    lines += [together, *(f"warning: {doubt}" for doubt in doubts)]
    return lines, {"trainings": rows, "together": summary}


def training_line(arm: str, seed: int, train: Step, estimate: dict[str, Any], machine: Any) -> str:
    from handful.cli.forecast import duration, size
    from handful.cli.run import state

    told = f"not estimated: {estimate.get('unknown', 'nothing is known')}"
    if machine:
        fits = "" if machine["fits"] else ", DOES NOT FIT"
        told = (
            f"{estimate['examples']:,} examples, {duration(machine['seconds'])} of steps, "
            f"{size(machine['memory_bytes'])} a device{fits}"
        )
    return f"{state(train):8} {arm:24} seed {seed:<4} {train.folder.name}: {told}"


def row_of(step: Step) -> dict[str, str]:
    from handful.cli.run import state

    return {"step": step.label, "state": state(step), "key": step.key}


def evaluation(
    ablation: Ablation, work: Path
) -> tuple[list[Step], list[Cost], tuple[dict[str, Any], list[str]]]:
    """The evaluation's steps, what its servers will be asked, and what it can show: nothing where nobody grades.

    Before everything is trained, systems that ask no model stand for the arms: the numbers of requests are the same.
    """
    from handful.cli.costs import costs
    from handful.cli.sight import sight
    from handful.experiments.ablate import EVALUATION, before_training, evaluated, last, part
    from handful.pipeline import STAGES
    from handful.run.execute import plan

    recipe = evaluated(ablation, work) or before_training(ablation)
    with part(EVALUATION, Path(), work):
        steps = plan(STAGES, recipe, work, last(recipe))
        sees = sight(steps, recipe, NOT_MADE) or ({}, [])
    return steps, costs(steps, recipe), sees


def evaluation_lines(ablation: Ablation, costs: Sequence[Cost], sees: Sequence[str]) -> list[str]:
    from handful.cli.costs import in_words
    from handful.experiments.ablate import before_training, is_judged, no_judge, runs

    recipe = before_training(ablation)
    lines = [f"then one evaluation of {len(runs(ablation))} models"]
    if not is_judged(recipe):
        lines.append(no_judge(ablation))
    for cost in costs:
        lines += in_words(cost)
    priced = [cost.usd for cost in costs if cost.usd]
    if len(priced) > 1:
        low, high = (sum(found[n] for found in priced) for n in (0, 1))
        lines += ["", f"servers, together: ${low:,.2f} to ${high:,.2f}"]
    return [*lines, *sees]
