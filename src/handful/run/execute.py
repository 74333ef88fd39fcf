"""Plan a recipe's stages, and run those whose folders are not there yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.errors import HandfulError, RecipeError
from handful.core.files import remove_leftovers
from handful.run.engine import current, using
from handful.run.environment import environment
from handful.run.keys import Hashes, key_of, plain
from handful.run.lock import locked
from handful.run.spending import account_of
from handful.run.store import MANIFEST, PARTIAL, Manifest, check_whole, content_hashes, write_manifest

Counts = dict[str, Any]
Work = Callable[[Any, Mapping[str, Path], Path], Counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A named piece of work that reads the folders of `needs` and writes one of its own.

    `work(params, inputs, out)` fills the folder `out` and returns the counts for its manifest. `inputs` maps the
    label of each step that it needs to its folder: "clean", or "generate/tuned" for one entry of a stage that is
    fanned out. `out` may hold what an interrupted run left: the stage goes on from it, or overwrites it.
    Nothing that tells the time goes into it.
    """

    name: str
    work: Work
    needs: tuple[str, ...] = ()
    """Stages read. An entry of a fanned-out stage that needs fewer says so in its own `needs`."""
    wants: tuple[str, ...] = ()
    """Stages read as well, where the recipe has them."""
    over: str | None = None
    """Fan out over this table of the stage's own: one step, and one folder, an entry. "" is the whole table."""
    params: Callable[[Any], Any] | None = None
    """Recipe -> parameters, where they are more than the recipe's table of the stage's name."""
    version: int = 1
    """Raise it when the same parameters come to mean something else."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage, or one entry of it, with its parameters settled: what would run, and where its folder is."""

    label: str
    stage: Stage
    params: Any
    plain_params: Any
    inputs: dict[str, str]
    key: str
    folder: Path

    @property
    def done(self) -> bool:
        return (self.folder / MANIFEST).exists()

    @property
    def partial(self) -> Path:
        return self.folder.with_name(self.folder.name + PARTIAL)


def plan(stages: Sequence[Stage], recipe: Any, root: Path, to: str | None = None) -> list[Step]:
    """Settle every step's key and folder without running anything.

    A stage that the recipe has no table for is left out. The plan ends at the stage `to`, or before the first stage
    that needs one left out: a recipe without [train] ends at `dataset`, unless its systems do without it.

    Raises:
        RecipeError: `to` names no stage, or one that cannot be reached.
        DataError: an input file is missing.
    """
    names = [stage.name for stage in stages]
    if to is not None and to not in names:
        raise RecipeError(f"--to {to}: no such stage; the stages are {', '.join(names)}")
    hashes = Hashes(root / "hashes.json")
    steps: dict[str, Step] = {}
    absent: list[str] = []
    for stage in stages:
        params = (stage.params or attrgetter(stage.name))(recipe)
        if params is None:
            absent.append(stage.name)
            if stage.name == to:
                raise RecipeError(f"--to {to}: the recipe has no [{to}] table")
            continue
        found = entries(stage, params)
        lacking = [name for name in absent if any(name in needs for _, _, needs in found)]
        if lacking and to is not None:
            raise RecipeError(f"--to {to}: the recipe has no [{lacking[0]}] table")
        if lacking:
            break
        for label, entry_params, needs in found:
            read = (*needs, *stage.wants)
            inputs = {name: step.key for name, step in steps.items() if step.stage.name in read}
            settled = plain(entry_params, hashes, label)
            key = key_of(stage.name, stage.version, settled, inputs)
            folder = root / f"{label.replace('/', '-')}-{key}"
            steps[label] = Step(label, stage, entry_params, settled, inputs, key, folder)
        if stage.name == to:
            break
    hashes.save()
    return list(steps.values())


def entries(stage: Stage, params: Any) -> list[tuple[str, Any, tuple[str, ...]]]:
    """(label, parameters, needs) of each step of a stage. An entry's parameters hold that entry alone."""
    if stage.over is None:
        return [(stage.name, params, stage.needs)]
    table = params if stage.over == "" else getattr(params, stage.over)
    found = []
    for name, entry in table.items():
        alone = {name: entry} if stage.over == "" else replace(params, **{stage.over: {name: entry}})
        found.append((f"{stage.name}/{name}", alone, getattr(entry, "needs", stage.needs)))
    return found


def execute(
    steps: Sequence[Step],
    root: Path,
    only: str | None = None,
    started: Callable[[Step], None] = lambda step: None,
    ended: Callable[[Step, float], None] = lambda step, seconds: None,
) -> list[Step]:
    """Run the steps that are not done, in order. Returns those that ran.

    A step writes into `<folder>.partial`, which takes its final name only when complete. A partial folder left
    by an interruption is handed back to the stage, to go on from.

    Args:
        only: run the steps of this stage alone; those it needs must be done.
        started: called before each step that runs.
        ended: called after it, with the seconds that it took.

    Raises:
        Locked: another process works on `root`.
        CorruptFolder: a finished folder that is needed differs from its manifest.
        Waiting: people have yet to do their part.
    """
    if only is not None and only not in {step.stage.name for step in steps}:
        raise RecipeError(f"--only {only}: no such stage in this plan")
    by_label = {step.label: step for step in steps}
    ran = []
    names = {step.folder.name for step in steps}
    with locked(root / "lock"), using(current()), account_of(root, names) as account:
        hashes = Hashes(root / "hashes.json")
        for step in steps:
            if only is not None and step.stage.name != only:
                continue
            if step.done:
                check_whole(step.folder, hashes)
                continue
            for label in step.inputs:
                if not by_label[label].done:
                    raise HandfulError(
                        f"{step.label} needs {label}, which is not done; run without --only first"
                    )
                check_whole(by_label[label].folder, hashes)
            started(step)
            account.step = step.folder.name
            start = time.monotonic()
            manifest = run_step(step, {label: by_label[label].folder for label in step.inputs})
            for name, sha256 in manifest.files.items():
                hashes.remember(step.folder / name, sha256)
            hashes.save()
            seconds = time.monotonic() - start
            jsonl.append(
                root / "journal.jsonl", [{"step": step.label, "key": step.key, "seconds": round(seconds, 2)}]
            )
            ended(step, seconds)
            ran.append(step)
        hashes.save()
    return ran


def run_step(step: Step, inputs: Mapping[str, Path]) -> Manifest:
    """Fill the step's partial folder, write its manifest last, and give it its name."""
    step.partial.mkdir(parents=True, exist_ok=True)
    remove_leftovers(step.partial)
    counts = step.stage.work(step.params, inputs, step.partial)
    manifest = Manifest(
        step=step.label,
        version=step.stage.version,
        key=step.key,
        params=step.plain_params,
        inputs=step.inputs,
        counts=counts,
        files=content_hashes(step.partial),
        environment=environment(),
    )
    write_manifest(step.partial, manifest)
    step.partial.rename(step.folder)
    return manifest
