"""Every folder of a run -> report.html and report.json: the only part of the report that reads files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Dropped, Example, Prompt, Response
from handful.recipe.schema import Recipe
from handful.report.facts import Facts, StepFacts, Taken, with_intervals
from handful.run.store import MANIFEST, read_manifest


def work(params: Recipe, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Write the page and its numbers.

    Raises:
        DataError: stats.json is not there, or a file of records cannot be read.
    """
    need("jinja2", "the report")
    from handful.report.page import html, numbers
    from handful.report.sections import sections

    facts = read(params, inputs)
    made = sections(facts)
    asked = len({response.prompt_id for answers in facts.responses.values() for response in answers})
    sizes = f"{len(facts.train):,} training examples, {asked:,} prompts asked"
    subtitle = f"{sizes}, {len(facts.responses)} systems"
    write_whole(out / "report.html", html(params.name, subtitle, made))
    content = json.dumps(numbers(params.name, made), indent=1, ensure_ascii=False)
    write_whole(out / "report.json", content + "\n")
    return {"sections": len(made)}


def read(recipe: Recipe, inputs: Mapping[str, Path]) -> Facts:
    inputs = in_order(inputs)
    dataset, train = inputs.get("dataset"), inputs.get("train")
    stats = read_stats(inputs["stats"] / "stats.json")
    systems = [row["system"] for row in stats["systems"]]
    return Facts(
        recipe=recipe,
        steps={label: step(folder) for label, folder in inputs.items()},
        stats=stats,
        train=rows(dataset, "train.jsonl", Example),
        dev=rows(dataset, "dev.jsonl", Example),
        test=rows(dataset, "test.jsonl", Prompt),
        taken={label: taken(folder) for label, folder in inputs.items()},
        table=read_table(dataset),
        losses=rows(train, "steps.jsonl", dict),
        epochs=rows(train, "epochs.jsonl", dict),
        dev_samples=rows(train, "dev_samples.jsonl", dict),
        responses={name: rows(inputs[f"generate/{name}"], "responses.jsonl", Response) for name in systems},
    )


def in_order(inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Stages in the pipeline's order, the entries of each by name: a folder's key knows no other order."""
    stages = list(dict.fromkeys(label.partition("/")[0] for label in inputs))
    return {
        label: inputs[label] for label in sorted(inputs, key=lambda x: (stages.index(x.partition("/")[0]), x))
    }


def step(folder: Path) -> StepFacts:
    if not (folder / MANIFEST).exists():
        return StepFacts(key="")
    manifest = read_manifest(folder)
    return StepFacts(manifest.key, manifest.counts, manifest.environment)


def read_stats(path: Path) -> Any:
    try:
        return with_intervals(msgspec.json.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{path}: {error}") from error


def read_table(dataset: Path | None) -> Any:
    path = dataset / "table.json" if dataset else None
    return msgspec.json.decode(path.read_bytes()) if path and path.exists() else []


def rows(folder: Path | None, name: str, kind: type[Any]) -> list[Any]:
    """Records of a file that a run may do without."""
    return list(jsonl.read(folder / name, kind)) if folder and (folder / name).exists() else []


def taken(folder: Path) -> dict[str, Taken]:
    """Rule -> how many it took, and the first. Read line by line: a scan may drop millions."""
    found: dict[str, Taken] = {}
    for name in ("dropped.jsonl", "truncated.jsonl"):
        path = folder / name
        for dropped in jsonl.read(path, Dropped) if path.exists() else ():
            before = found.get(dropped.rule)
            first = (before.example, before.detail) if before else (dropped.id, dropped.detail)
            found[dropped.rule] = Taken((before.count if before else 0) + 1, *first)
    return found
