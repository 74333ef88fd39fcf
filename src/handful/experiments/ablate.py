"""Run an ablation: every arm's data first, then every training, then one evaluation of all of them.

The arms share the work folder, so what they have in common is made once, and a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from handful.core import jsonl
from handful.core.errors import DataError, HandfulError
from handful.core.types import Example, Prompt
from handful.experiments.arms import Ablation, system_name
from handful.pipeline import STAGES
from handful.run.execute import Step, execute, plan
from handful.run.store import read_manifest

Started = Callable[[Step], None]
Ended = Callable[[Step, float], None]


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
    judged: bool = False

    def arms(self) -> dict[str, str]:
        """System -> arm."""
        return {one.system: one.arm for one in self.trained}


def runs(ablation: Ablation) -> list[tuple[str, int]]:
    return [(arm, seed) for arm in ablation.arms for seed in ablation.seeds]


def ablate(
    ablation: Ablation, work: Path, started: Started, ended: Ended, said: Callable[[str], None]
) -> Course:
    """Make every arm's data, train every arm with every seed, and evaluate all of them together.

    Raises:
        DataError: an arm asks for more than there is (and how much that is), or trains on a test prompt.
    """
    course = Course()
    recipes = {(arm, seed): ablation.trained(arm, seed) for arm, seed in runs(ablation)}
    for (arm, _), recipe in recipes.items():
        with of_arm(arm):
            execute(plan(STAGES, recipe, work, "dataset"), work, None, started, ended)
    for (arm, seed), recipe in recipes.items():
        said(f"arm {arm}, seed {seed}")
        with of_arm(arm):
            steps = plan(STAGES, recipe, work, "choose")
            execute(steps, work, None, started, ended)
        course.trained.append(trained(system_name(ablation, arm, seed), arm, seed, steps))
    evaluate(ablation, course, work, started, ended, said)
    return course


@contextmanager
def of_arm(arm: str) -> Iterator[None]:
    """An error of one arm says which."""
    try:
        yield
    except DataError as error:
        raise DataError(f"arm {arm}: {error}") from error


def trained(system: str, arm: str, seed: int, steps: Sequence[Step]) -> Trained:
    folders = {step.label: step.folder for step in steps}
    epoch = int(read_manifest(folders["choose"]).counts["epoch"])
    checkpoint = folders["train"] / f"epoch-{epoch:02d}"
    return Trained(system, arm, seed, checkpoint, folders["dataset"], folders["train"], epoch)


def evaluate(
    ablation: Ablation,
    course: Course,
    work: Path,
    started: Started,
    ended: Ended,
    said: Callable[[str], None],
) -> None:
    """Let every arm answer the same test prompts and every judge grade them; refuse prompts that were trained on."""
    recipe = ablation.evaluated({one.system: one.checkpoint for one in course.trained})
    course.judged = bool(recipe.judge.judges) or bool(recipe.annotate.people)
    to = "report" if course.judged else "generate"
    if not course.judged:
        said(no_judge(ablation))
    steps = plan(STAGES, recipe, work, "dataset")
    execute(steps, work, None, started, ended)
    prompts = {text_of(p): p.id for p in jsonl.read(steps[-1].folder / "test.jsonl", Prompt)}
    if not prompts:
        raise DataError(
            f'{ablation.path}: the evaluation has no test prompts; add a source with split = "test" to [evaluation] '
            "or [all]"
        )
    for one in course.trained:
        refuse_leak(one, prompts)
    steps = plan(STAGES, recipe, work, to)
    if steps[-1].stage.name != to:
        raise HandfulError(f"{ablation.path}: the evaluation ends at {steps[-1].label}")
    execute(steps, work, None, started, ended)
    course.evaluation = {step.label: step.folder for step in steps}


def no_judge(ablation: Ablation) -> str:
    return (
        f"{ablation.path}: no judge is named, so nothing is graded: the arms are trained and answer the prompts, "
        "and the page shows data, losses and lengths. For grades add [evaluation.judge.judges.NAME] or "
        "[evaluation.annotate]"
    )


def text_of(dialogue: Example | Prompt) -> str:
    """The first turn without regard to case, blanks and marks: what counts as the same prompt."""
    kept = (c for c in dialogue.turns[0].text.casefold() if c.isalnum() or c.isspace())
    return " ".join("".join(kept).split())


def refuse_leak(one: Trained, prompts: Mapping[str, str]) -> None:
    """Raise DataError where an arm was trained on a prompt that it is to be tested on."""
    for example in jsonl.read(one.dataset / "train.jsonl", Example):
        if (text := text_of(example)) in prompts:
            raise DataError(
                f"arm {one.arm}: trains on the test prompt {prompts[text]!r} (as {example.id!r}); "
                "its grades would mean nothing. Take it out of the test prompts or of the arm's sources"
            )
