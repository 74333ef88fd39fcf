"""dataset (and train, choose) -> responses.jsonl: one system's answers, in the order of the prompts, then samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.rng import rng_for
from handful.core.types import Example, Prompt, Response
from handful.generate.systems import SYSTEMS, Answers, Ask, Given
from handful.recipe.evaluation import FewShotSystem, Generate
from handful.run.progress import progress


class Chosen(msgspec.Struct):
    """Of `choice.json`, what is read here."""

    epoch: int


def work(params: Generate, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Ask the one system of `params`. Finished groups are kept as they come, so a killed run goes on.

    Raises:
        DataError: no prompts, no such checkpoint, or a server that does not answer.
        MissingModel: the model is not on this machine.
    """
    ((name, system),) = params.systems.items()
    asks = _asks(params, name, read_prompts(params, inputs["dataset"]))
    growing = out / "responses.partial.jsonl"
    kept = [response for response in jsonl.recover(growing, Response) if response.finish != "error"]
    made = {(response.prompt_id, response.sample): response for response in kept}
    shown = (
        jsonl.read(inputs["dataset"] / "train.jsonl", Example) if isinstance(system, FewShotSystem) else ()
    )
    with progress(f"generate {name}", total=len(asks), unit="responses") as advance:
        given = Given(
            name=name,
            system=system,
            params=params,
            asks=asks,
            done=frozenset(made),
            examples=list(shown),
            train=inputs.get("train"),
            chosen=chosen_epoch(inputs["choose"]) if "choose" in inputs else 0,
            heartbeat=lambda note: advance(0, note),
        )
        answers = SYSTEMS[system.kind](given)
        advance(len(made))
        for group in answers.groups:
            jsonl.append(growing, group)
            made |= {(response.prompt_id, response.sample): response for response in group}
            advance(len(group))
    responses = [made[ask.key] for ask in asks]
    _write(out, responses, answers)
    growing.unlink(missing_ok=True)
    return _counts(asks, responses, answers)


def chosen_epoch(choose: Path) -> int:
    """The epoch that the stage `choose` settled on."""
    path = choose / "choice.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Chosen).epoch
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{path}: {error}") from error


def read_prompts(params: Generate, dataset: Path) -> list[Prompt]:
    """The prompts of the split, or the first few of them."""
    path = dataset / f"{params.split}.jsonl"
    if params.split == "dev":
        prompts = [example.prompt() for example in jsonl.read(path, Example)]
    else:
        prompts = list(jsonl.read(path, Prompt))
    if not prompts:
        remedy = 'add a source with split = "test", or set generate.split = "dev"'
        raise DataError(f"{path}: holds no prompts to answer; {remedy}")
    return list(islice(prompts, params.first or None))


def _asks(params: Generate, name: str, prompts: list[Prompt]) -> list[Ask]:
    return [
        Ask(prompt, number, rng_for(params.seed, "generate", name, prompt.id, str(number)).getrandbits(63))
        for prompt in prompts
        for number in range(params.samples)
    ]


def _write(out: Path, responses: list[Response], answers: Answers) -> None:
    for file, text in answers.notes.items():
        write_whole(out / file, text)
    jsonl.write(out / "truncated.jsonl", answers.truncated)
    jsonl.write(out / "errors.jsonl", sorted(answers.errors, key=lambda error: error.id))
    write_whole(out / "responses.jsonl", b"".join(map(jsonl.dumps, responses)))


def _counts(asks: list[Ask], responses: list[Response], answers: Answers) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "prompts": len({ask.prompt.id for ask in asks}),
        "responses": len(responses),
        "finish": dict(sorted(Counter(response.finish for response in responses).items())),
        "tokens": sum(response.tokens for response in responses),
        "truncated": len(answers.truncated),
    }
    if answers.not_applied:
        counts["not_applied"] = list(answers.not_applied)
    return counts
