"""dataset + generate/* -> comparisons.jsonl, instructions.md, unpaired.jsonl, sealed/key.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.types import Example, Prompt, Response
from handful.recipe.evaluation import Study
from handful.run.store import only
from handful.study import design
from handful.study.blind import blind


def work(params: Study, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Compare the subject with each baseline, prompt by prompt, under sealed sides."""
    folders = only(inputs, "generate")
    couples = design.pairs(list(folders), params.subject, params.against)
    prompts = read_prompts(inputs["dataset"])
    answers = {
        name: read_answers(folders[name] / "responses.jsonl", name, prompts)
        for name in dict.fromkeys(name for couple in couples for name in couple)
    }
    results = {couple: design.pair_up(couple, answers, prompts) for couple in couples}
    comparisons = blind((paired for paired, _ in results.values()), params.seed)
    unpaired = [dropped for _, alone in results.values() for dropped in alone]
    if not comparisons:
        raise DataError(nothing_to_compare(list(folders), len(unpaired), inputs["dataset"]))

    (out / "sealed").mkdir(exist_ok=True)
    jsonl.write(out / "comparisons.jsonl", (comparison for comparison, _ in comparisons))
    jsonl.write(out / "sealed" / "key.jsonl", (seal for _, seal in comparisons))
    jsonl.write(out / "unpaired.jsonl", unpaired)
    write_whole(out / "instructions.md", instructions())
    texts = [response.text for given in answers.values() for response in given.values()]
    return {
        "comparisons": len(comparisons),
        "pairs": {" vs ".join(couple): len(paired) for couple, (paired, _) in results.items()},
        "unpaired": len(unpaired),
        "leaks": sum(design.gives_away(text, folders) for text in texts),
    }


def read_prompts(dataset: Path) -> dict[str, Prompt]:
    """What a system may have been asked, by id: the test prompts, then those of the dev examples."""
    prompts = list(jsonl.read(dataset / "test.jsonl", Prompt))
    prompts += [example.prompt() for example in jsonl.read(dataset / "dev.jsonl", Example)]
    return {prompt.id: prompt for prompt in prompts}


def read_answers(path: Path, system: str, prompts: Mapping[str, Prompt]) -> design.Answers:
    return design.by_prompt(jsonl.read(path, Response), system, prompts, str(path))


def instructions() -> str:
    """What every judge is told, people and models alike."""
    return (files("handful.study") / "instructions" / "preference.md").read_text(encoding="utf-8")


def nothing_to_compare(systems: list[str], unpaired: int, dataset: Path) -> str:
    if unpaired:
        return f"study: no prompt was answered by both systems of a pair ({unpaired} by one of them or none)"
    return f"study: {', '.join(systems)} were asked nothing; are there prompts in {dataset}? (generate.split, .first)"
