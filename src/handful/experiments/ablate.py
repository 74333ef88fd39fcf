"""Run an ablation: every arm's data first, then every training, then one evaluation of all of them.

Whatever can be found wrong in the data is found before anything is trained. The arms share the work folder, so what
they have in common is made once, and a run that was stopped goes on.
"""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from handful.core.errors import DataError, Waiting
from handful.core.files import write_whole
from handful.core.types import Prompt
from handful.experiments.arms import Ablation, system_name
from handful.experiments.as_toml import as_toml
from handful.experiments.leaks import asked_prompts, refuse_leaks
from handful.experiments.sizes import doubled, too_large
from handful.pipeline import STAGES
from handful.recipe.schema import Recipe
from handful.run.execute import Step, execute, plan
from handful.run.store import read_manifest

EVALUATION = "evaluation"
"""What stands for an arm's name where the evaluation is meant."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of what happens: as a step starts, as it ends with its seconds, and in words."""

    started: Callable[[Step], None] = lambda step: None
    ended: Callable[[Step, float], None] = lambda step, seconds: None
    said: Callable[[str], None] = lambda line: None


@dataclass(frozen=True, slots=True)
class Trained:
    """One arm trained with one seed."""

    system: str
    arm: str
    seed: int
    checkpoint: Path
    dataset: Path
    train: Path
    epoch: int


@dataclass(slots=True)
class Course:
    """What has been done so far."""

    trained: list[Trained] = field(default_factory=list)
    evaluation: dict[str, Path] = field(default_factory=dict)
    """Label of each step of the evaluation -> its folder."""
    prompts: list[Prompt] = field(default_factory=list)
    """What every arm is asked."""
    warnings: list[str] = field(default_factory=list)
    judged: bool = False
    ran: int = 0
    """Steps that were not done before."""

    def arms(self) -> dict[str, str]:
        """System -> arm."""
        return {one.system: one.arm for one in self.trained}


def runs(ablation: Ablation) -> list[tuple[str, int]]:
    return [(arm, seed) for arm in ablation.arms for seed in ablation.seeds]


def ablate(ablation: Ablation, work: Path, told: Told, data_only: bool = False) -> Course:
    """Make every arm's data, train every arm with every seed, and evaluate all of them together.

    Args:
        ablation: with its sizes settled.
        data_only: stop before the first training.

    Raises:
        DataError: an arm asks for more than there is (and how much that is), or trains on a test prompt.
        Waiting: people have yet to choose an epoch, or to grade.
    """
    course = Course()
    recipes = {(arm, seed): ablation.trained(arm, seed) for arm, seed in runs(ablation)}
    make_data(ablation, recipes, course, work, told)
    if data_only:
        return course
    for (arm, seed), recipe in recipes.items():
        file = write_recipe(recipe, ablation, work)
        with part(arm, file, work):
            steps = plan(STAGES, recipe, work, "choose")
            if not steps[-1].done:
                told.said(f"arm {arm}, seed {seed}")
            course.ran += len(execute(steps, work, None, told.started, told.ended))
        course.trained.append(trained(system_name(ablation, arm, seed), arm, seed, steps))
    evaluate(ablation, course, work, told)
    return course


def settled(ablation: Ablation, work: Path, told: Told | None) -> Ablation | None:
    """The ablation with the arms of [quantity] sizes = "double", which depend on what the rules leave.

    Args:
        told: None counts nothing that is not counted yet.

    Returns:
        None where it is not counted yet.

    Raises:
        DataError: there is too little for two arms.
    """
    if ablation.quantity is None or ablation.quantity.sizes != "double":
        return ablation
    proportions = ablation.proportions()
    steps = plan(STAGES, ablation.counted(), work, "clean")
    if told is not None:
        execute(steps, work, None, told.started, told.ended)
    if not steps[-1].done:
        return None
    counted = read_manifest(steps[-1].folder).counts["sources"]
    available = {name: int(counts["kept"]) for name, counts in counted.items()}
    return ablation.with_sizes(doubled(ablation.quantity, proportions, available))


def training_steps(ablation: Ablation, work: Path) -> list[Step]:
    """Every step of every arm with every seed; steps that arms share stand there once."""
    found: dict[str, Step] = {}
    for arm, seed in runs(ablation):
        with part(arm, Path(), work):
            steps = plan(STAGES, ablation.trained(arm, seed), work, "choose")
        found |= {step.folder.name: step for step in steps}
    return list(found.values())


def make_data(
    ablation: Ablation, recipes: dict[tuple[str, int], Recipe], course: Course, work: Path, told: Told
) -> None:
    """Every arm's data and the test prompts; what is wrong with them, and what they make of the arms."""
    for (arm, _), recipe in recipes.items():
        make(recipe, "clean", arm, course, work, told)
    refuse_too_large(ablation, recipes, work)
    plans: dict[tuple[str, int], list[Step]] = {}
    for (arm, seed), recipe in recipes.items():
        make(recipe, "dataset", arm, course, work, told, f"data of arm {arm}, seed {seed}")
        plans[arm, seed] = plan(STAGES, recipe, work, "train")
    recipe = before_training(ablation)
    own = (
        "data of the evaluation, for its test prompts: no arm trains on the examples that are drawn with them"
    )
    steps = make(recipe, "dataset", EVALUATION, course, work, told, own)
    course.prompts = asked_prompts(recipe, steps[-1].folder)
    if not course.prompts:
        raise DataError(
            f"{ablation.path}: the evaluation has no {recipe.generate.split} prompts to ask, so nothing could be "
            'compared; add a source with split = "test" to [evaluation.sources.NAME] or [all.sources.NAME]'
        )
    datasets = {system_name(ablation, *run): folder_of(steps, "dataset") for run, steps in plans.items()}
    refuse_leaks(course.prompts, datasets, recipe.clean.overlap_words)
    course.warnings = same_trainings(ablation, plans)
    for warning in course.warnings:
        told.said(f"warning: {warning}")


def make(
    recipe: Recipe, to: str, name: str, course: Course, work: Path, told: Told, words: str = ""
) -> list[Step]:
    """Run a recipe up to a stage, for the arm of that name or the evaluation; `words` come first if anything runs."""
    with part(name, Path(), work):
        steps = plan(STAGES, recipe, work, to)
        if words and not steps[-1].done:
            told.said(words)
        course.ran += len(execute(steps, work, None, told.started, told.ended))
    return steps


def refuse_too_large(ablation: Ablation, recipes: Mapping[tuple[str, int], Recipe], work: Path) -> None:
    """Raise DataError where arms ask for more than the rules left; names all of them, by the counts of `clean`."""
    lines: dict[str, None] = {}
    for (arm, _), recipe in recipes.items():
        folder = folder_of(plan(STAGES, recipe, work, "clean"), "clean")
        cleaned = read_manifest(folder).counts["sources"]
        lines |= dict.fromkeys(too_large(arm, recipe.select.quota, cleaned, ablation.grows(arm)))
    if len(lines) > 1:
        raise DataError("\n  ".join(["arms ask for more examples than there are:", *lines]))
    if lines:
        raise DataError(next(iter(lines)))


def before_training(ablation: Ablation) -> Recipe:
    """The evaluation, with systems that ask no model for the arms: its data and its size are those of the real one."""
    return ablation.evaluated({system_name(ablation, *run): None for run in runs(ablation)})


def evaluated(ablation: Ablation, work: Path) -> Recipe | None:
    """The evaluation, where every training is done and its epoch chosen; else None."""
    found: dict[str, Path | None] = {}
    for arm, seed in runs(ablation):
        steps = plan(STAGES, ablation.trained(arm, seed), work, "choose")
        if not steps[-1].done:
            return None
        system = system_name(ablation, arm, seed)
        found[system] = trained(system, arm, seed, steps).checkpoint
    return ablation.evaluated(found)


def datasets(ablation: Ablation, work: Path) -> dict[str, Path]:
    """Arm -> its folder `dataset`, with the first seed."""
    seed = ablation.seeds[0]
    return {
        arm: folder_of(plan(STAGES, ablation.trained(arm, seed), work, "dataset"), "dataset")
        for arm in ablation.arms
    }


def folder_of(steps: Sequence[Step], label: str) -> Path:
    return next(step.folder for step in steps if step.label == label)


def same_trainings(ablation: Ablation, plans: dict[tuple[str, int], list[Step]]) -> list[str]:
    """A line for arms, and for seeds, that would train the very same model."""
    groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for run, steps in plans.items():
        files = read_manifest(folder_of(steps, "dataset")).files
        facts = [steps[-1].plain_params, files["train.jsonl"], files["dev.jsonl"]]
        groups[json.dumps(facts, sort_keys=True)].append(run)
    found = []
    for same in groups.values():
        arms = list(dict.fromkeys(arm for arm, _ in same))
        seeds = list(dict.fromkeys(seed for _, seed in same))
        if len(arms) > 1:
            found.append(
                f"arms {' and '.join(arms)} train the same model (examples and settings are equal): "
                "a difference between them can only be one of sampling"
            )
        if len(seeds) > 1:
            found.append(
                f"arm {arms[0]}: seeds {', '.join(map(str, seeds))} train the same model: "
                f"{' and '.join(ablation.vary)} changes nothing of it, so they are no trainings of their own"
            )
    return list(dict.fromkeys(found))


@contextmanager
def part(name: str, file: Path, work: Path) -> Iterator[None]:
    """An error of one arm, or of the evaluation, says which; and what waits for people names a file to serve."""
    who = name if name == EVALUATION else f"arm {name}"
    try:
        yield
    except DataError as error:
        raise DataError(f"{who}: {error}") from error
    except Waiting as waiting:
        again = shlex.join([str(file), "--work", str(work)])
        raise Waiting(
            f"{who}: {str(waiting).replace('RECIPE', again)}; then the same `handful ablate` goes on"
        ) from None


def folder(ablation: Ablation, work: Path) -> Path:
    return work / f"ablation-{ablation.name}"


def write_recipe(recipe: Recipe, ablation: Ablation, work: Path) -> Path:
    """The recipe of one training, or of the evaluation, as a file that every other command takes."""
    below = folder(ablation, work) / "recipes"
    below.mkdir(parents=True, exist_ok=True)
    file = below / f"{recipe.name}.toml"
    write_whole(file, as_toml(recipe, below))
    return file


def trained(system: str, arm: str, seed: int, steps: Sequence[Step]) -> Trained:
    train = folder_of(steps, "train")
    epoch = int(read_manifest(folder_of(steps, "choose")).counts["epoch"])
    return Trained(system, arm, seed, train / f"epoch-{epoch:02d}", folder_of(steps, "dataset"), train, epoch)


def evaluate(ablation: Ablation, course: Course, work: Path, told: Told) -> None:
    """Let every arm answer the same test prompts, and every judge and all people grade them."""
    recipe = ablation.evaluated({one.system: one.checkpoint for one in course.trained})
    recipe_file = write_recipe(recipe, ablation, work)
    course.judged = is_judged(recipe)
    if not course.judged:
        told.said(no_judge(ablation))
    with part(EVALUATION, recipe_file, work):
        steps = plan(STAGES, recipe, work, last(recipe))
        course.ran += len(execute(steps, work, None, told.started, told.ended))
    course.evaluation = {step.label: step.folder for step in steps}


def last(recipe: Recipe) -> str:
    """The stage that the evaluation ends with: without anybody who grades, the answers are all there is."""
    return "report" if is_judged(recipe) else "generate"


def is_judged(recipe: Recipe) -> bool:
    return bool(recipe.judge.judges) or bool(recipe.annotate.people)


def no_judge(ablation: Ablation) -> str:
    return (
        f"{ablation.path}: no judge is named, so nothing is graded: the arms are trained and answer the prompts, "
        "and the page shows data, losses and lengths. For grades add [evaluation.judge.judges.NAME] or "
        "[evaluation.annotate]"
    )
