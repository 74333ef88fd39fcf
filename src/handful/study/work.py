"""dataset + generate/* -> what is judged, task by task, blinded, with its instructions; who wrote what is sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.types import Dialogue, Dropped, Example, Prompt, Response, Task, check_turns
from handful.models.families import family_of
from handful.recipe.judging import Study
from handful.run.store import MANIFEST, only, read_manifest
from handful.study import design, grading
from handful.study.blind import Sealed, Signed, blind, blind_submissions
from handful.study.flags import by_rule, flags

OF_DIALOGUES: tuple[Task, ...] = ("turns", "dialogues")


@dataclass(frozen=True, slots=True)
class Given:
    """What the systems said: to single prompts and, where they were played, in dialogues."""

    couples: Sequence[tuple[str, str]]
    prompts: Mapping[str, Prompt]
    answers: Mapping[str, design.Answers]
    played: Mapping[str, grading.Played]


@dataclass(slots=True)
class Asked:
    """What the study asks."""

    comparisons: list[Sealed] = field(default_factory=list)
    submissions: list[Signed] = field(default_factory=list)
    pairs: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    unpaired: list[Dropped] = field(default_factory=list)
    failed: list[Dropped] = field(default_factory=list)


def work(params: Study, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Make the comparisons and submissions of every task of `params`, under sealed sides and signatures."""
    folders = only(inputs, "generate")
    given = read(params, folders, inputs["dataset"])
    asked = Asked()
    for task in dict.fromkeys(params.tasks):
        if task in design.PAIRS:
            add_comparisons(asked, task, given, params.seed, inputs["dataset"])
        else:
            add_submissions(asked, task, given, params)
    said = texts(given)
    flagged = flags(said, given.prompts)
    write(out, params.tasks, asked, flagged)
    return {
        "comparisons": len(asked.comparisons),
        "pairs": asked.pairs,
        "unpaired": len(asked.unpaired),
        "leaks": sum(design.gives_away(r.text, folders) for own in said.values() for r in own),
        "tasks": asked.tasks,
        "not_graded": len(asked.failed),
        "flags": by_rule(flagged),
        "families": {name: family for name in said if (family := family_of_system(folders[name], name))},
    }


def read(params: Study, folders: Mapping[str, Path], dataset: Path) -> Given:
    """The prompts, and what the systems under study said to them."""
    compares = any(task in design.PAIRS for task in params.tasks)
    couples = (
        design.pairs(list(folders), params.subject, params.against) if compares or len(folders) > 1 else []
    )
    names = list(dict.fromkeys(name for couple in couples for name in couple)) or list(folders)
    prompts = read_prompts(dataset)
    single = any(task not in OF_DIALOGUES for task in params.tasks)
    of_dialogues = any(task in OF_DIALOGUES for task in params.tasks)
    return Given(
        couples,
        prompts,
        {name: read_answers(folders[name] / "responses.jsonl", name, prompts) for name in names}
        if single
        else {},
        {name: read_dialogues(folders[name] / "dialogues.jsonl", name, prompts) for name in names}
        if of_dialogues
        else {},
    )


def add_comparisons(asked: Asked, task: Task, given: Given, seed: int, dataset: Path) -> None:
    """Subject and baseline side by side on every prompt: two responses, or two whole dialogues."""
    answers, prompts = given.answers, given.prompts
    if task == "dialogues":
        answers = {
            name: {key: grading.whole(one) for key, one in own.items()} for name, own in given.played.items()
        }
        prompts = {id: grading.opening(prompt) for id, prompt in prompts.items()}
    results = {couple: design.pair_up(couple, answers, prompts) for couple in given.couples}
    made = blind((paired for paired, _ in results.values()), seed, task)
    unpaired = [dropped for _, alone in results.values() for dropped in alone]
    if not made:
        raise DataError(nothing_to_compare(list(answers), len(unpaired), dataset))
    asked.comparisons += made
    asked.unpaired += unpaired
    asked.tasks[task] = len(made)
    for couple, (paired, _) in results.items():
        name = " vs ".join(couple)
        asked.pairs[name] = asked.pairs.get(name, 0) + len(paired)


def add_submissions(asked: Asked, task: Task, given: Given, params: Study) -> None:
    """The single texts that a task has graded."""
    prompts = given.prompts
    if task == "safety":
        answered = [id for own in given.answers.values() for id, _ in own]
        prompts = grading.sensitive(prompts, answered, params.sensitive_tag)
    if task == "turns":
        signed, failed = grading.turns(given.played, prompts)
    else:
        signed, failed = grading.submissions(task, given.answers, prompts)
    if not signed:
        raise DataError(f"study: there is no response to ask {task!r} of ({len(failed)} failed)")
    asked.submissions += blind_submissions(signed, params.seed, task)
    asked.failed += failed
    asked.tasks[task] = len(signed)


def texts(given: Given) -> dict[str, list[Response]]:
    """All that each system said, in an order that depends on no file's; of a dialogue, each of its turns."""
    said: dict[str, list[Response]] = {}
    for id, name, sample in grading.in_order(given.answers, given.prompts):
        said.setdefault(name, []).append(given.answers[name][id, sample])
    for id, name, sample in grading.in_order(given.played, given.prompts):
        one = given.played[name][id, sample]
        own = [turn.text for turn in one.turns if turn.role == "assistant"]
        said.setdefault(name, []).extend(Response(id, name, text, sample, one.finish, 0) for text in own)
    return said


def write(out: Path, tasks: Iterable[Task], asked: Asked, flagged: Sequence[Dropped]) -> None:
    (out / "sealed").mkdir(exist_ok=True)
    (out / "instructions").mkdir(exist_ok=True)
    jsonl.write(out / "comparisons.jsonl", (comparison for comparison, _ in asked.comparisons))
    jsonl.write(out / "sealed" / "key.jsonl", (seal for _, seal in asked.comparisons))
    jsonl.write(out / "submissions.jsonl", (submission for submission, _ in asked.submissions))
    jsonl.write(out / "sealed" / "signatures.jsonl", (signature for _, signature in asked.submissions))
    jsonl.write(out / "unpaired.jsonl", asked.unpaired)
    jsonl.write(out / "not_graded.jsonl", asked.failed)
    jsonl.write(out / "flags.jsonl", flagged)
    write_whole(out / "instructions.md", instructions())
    for task in dict.fromkeys(tasks):
        write_whole(out / "instructions" / f"{task}.md", instructions(task))


def read_prompts(dataset: Path) -> dict[str, Prompt]:
    """What a system may have been asked, by id: the test prompts, then those of the dev examples."""
    prompts = list(jsonl.read(dataset / "test.jsonl", Prompt))
    prompts += [example.prompt() for example in jsonl.read(dataset / "dev.jsonl", Example)]
    return {prompt.id: prompt for prompt in prompts}


def read_answers(path: Path, system: str, prompts: Mapping[str, Prompt]) -> design.Answers:
    return design.by_prompt(jsonl.read(path, Response), system, prompts, str(path))


def read_dialogues(path: Path, system: str, prompts: Mapping[str, Prompt]) -> grading.Played:
    """One system's dialogues.

    Raises:
        DataError: there are none, or one that answers no prompt, is another system's, or has no answer at its end.
    """
    if not path.exists():
        raise DataError(
            f'{path}: no such file; the tasks "turns" and "dialogues" need generate.dialogues = true, and a '
            "system that can play them"
        )
    found = list(jsonl.read(path, Dialogue))
    whole = design.by_prompt(map(grading.whole, found), system, prompts, str(path))
    for one in found:
        if one.finish != "error":
            try:
                check_turns(one.prompt_id, one.turns, last="assistant")
            except ValueError as error:
                raise DataError(f"{path}: {error}") from error
    return dict(zip(whole, found, strict=True))


def family_of_system(folder: Path, name: str) -> str:
    """The family of the model behind a system, as `generate` says it; else by the system's own name."""
    counts = read_manifest(folder).counts if (folder / MANIFEST).exists() else {}
    return family_of(str(counts.get("model", ""))) or family_of(name)


def instructions(task: Task = "preference") -> str:
    """What every judge is told, people and models alike."""
    return (files("handful.study") / "instructions" / f"{task}.md").read_text(encoding="utf-8")


def nothing_to_compare(systems: list[str], unpaired: int, dataset: Path) -> str:
    if unpaired:
        return f"study: no prompt was answered by both systems of a pair ({unpaired} by one of them or none)"
    return f"study: {', '.join(systems)} were asked nothing; are there prompts in {dataset}? (generate.split, .first)"
