"""dataset (and train, choose) -> responses.jsonl: one system's answers, in the order of the prompts, then samples; and
dialogues.jsonl, where dialogues are played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError, EndpointError
from handful.core.files import write_whole
from handful.core.types import Dropped, Example, Prompt, Response
from handful.generate import play
from handful.generate.kept import Kept
from handful.generate.prompts import read_prompts
from handful.generate.systems import SYSTEMS, Answers, Given, Key
from handful.recipe.systems import CheckpointSystem, FewShotSystem, Generate, System
from handful.recipe.values import ModelRef
from handful.run.progress import progress
from handful.run.store import MANIFEST, read_manifest


class Chosen(msgspec.Struct):
    """Of `choice.json`, what is read here."""

    epoch: int


def work(params: Generate, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Ask the one system of `params`. Finished groups are kept as they come, so a killed run goes on.

    Raises:
        DataError: no prompts, no such checkpoint, or a file of responses that does not fit.
        EndpointError: a server that does not answer, or that failed for the time being on some prompts.
        MissingModel: the model is not on this machine.
    """
    ((name, system),) = params.systems.items()
    prompts = read_prompts(params, inputs["dataset"])
    made: list[dict[Key, Response]] = []
    kept = Kept(out)
    with progress(f"generate {name}", total=play.total(prompts, params), unit="responses") as advance:
        given = Given(
            name=name,
            system=system,
            params=params,
            prompts=prompts,
            examples=shown(system, inputs["dataset"]),
            train=inputs.get("train"),
            chosen=chosen_epoch(inputs["choose"]) if "choose" in inputs else 0,
            heartbeat=lambda note: advance(0, note),
        )
        answers = SYSTEMS[system.kind](given)
        for number in range(play.rounds(prompts, params)):
            asks = play.asks(prompts, params, name, made)
            made.append(kept.answers(number))
            advance(len(made[-1]))
            for group in answers.groups(asks, frozenset(made[-1])):
                kept.add(number, group, answers)
                made[-1] |= {(response.prompt_id, response.sample): response for response in group}
                advance(len(group))
    check_failures(answers, kept.failed, name)
    errors = kept.all_errors(answers.errors)
    responses = play.last_answers(prompts, params, made)
    _write(out, responses, answers, errors)
    if params.dialogues:
        jsonl.write(out / "dialogues.jsonl", play.dialogues(prompts, params, name, made))
    kept.remove(len(made))
    counts = _counts(prompts, responses, answers, errors)
    if kept.models:
        counts["models"] = sorted(kept.models)
    return {**counts, **behind(system, inputs.get("train"))}


def behind(system: System, train: Path | None) -> dict[str, str]:
    """The model that answers, where it is known by name: a judge of its family may favour it."""
    model: Any = getattr(system, "model", "")
    if isinstance(system, CheckpointSystem) and train is not None and (train / MANIFEST).exists():
        model = read_manifest(train).params.get("model", "")
    if isinstance(model, dict):  # a folder: the name alone
        model = model.get("input", "")
    name = Path(model).name if isinstance(model, ModelRef) and model.is_folder else str(model)
    return {"model": name} if name else {}


def check_failures(answers: Answers, failed: set[Key], name: str) -> None:
    """A failure that may pass is no result yet: the run stops, and the next one asks those prompts again. What fails
    then, too, is recorded.

    Args:
        failed: keys that failed in an earlier run.

    Raises:
        EndpointError: there are such failures; says how many, and the last.
    """
    again = {key for key in answers.passing if key not in failed}
    if again:
        last = next(one for one in reversed(answers.errors) if one.id in {id for id, _ in again})
        raise EndpointError(
            f"generate.systems.{name}: {len(again):,} answers failed for the time being, the last (to {last.id}) with: "
            f"{last.detail}; all others are kept: run again to ask for these once more, and what fails then is recorded"
        )


def shown(system: System, dataset: Path) -> list[Example]:
    """The training set, where the system shows some of it."""
    return list(jsonl.read(dataset / "train.jsonl", Example)) if isinstance(system, FewShotSystem) else []


def chosen_epoch(choose: Path) -> int:
    """The epoch that the stage `choose` settled on."""
    path = choose / "choice.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Chosen).epoch
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{path}: {error}") from error


def _write(out: Path, responses: Sequence[Response], answers: Answers, errors: Sequence[Dropped]) -> None:
    for file, text in answers.notes.items():
        write_whole(out / file, text)
    jsonl.write(out / "truncated.jsonl", answers.truncated)
    jsonl.write(out / "errors.jsonl", errors)
    if answers.unused is not None:
        jsonl.write(out / "unused.jsonl", answers.unused)
    write_whole(out / "responses.jsonl", b"".join(map(jsonl.dumps, responses)))


def _counts(
    prompts: Sequence[Prompt], responses: Sequence[Response], answers: Answers, errors: Sequence[Dropped]
) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "prompts": len(prompts),
        "responses": len(responses),
        "finish": by_name(response.finish for response in responses),
        "tokens": sum(response.tokens for response in responses),
        "truncated": len(answers.truncated),
    }
    if errors:
        counts["errors"] = by_name(error.rule for error in errors)
    if answers.unused is not None:
        counts["unused"] = by_name(row.rule for row in answers.unused)
    if answers.not_applied:
        counts["not_applied"] = list(answers.not_applied)
    return counts


def by_name(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
