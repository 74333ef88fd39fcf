"""Where a recipe leaves the paper, found by comparing each setting with its default, and what is ours anyway.

A default is the paper's only where `PAPER` says so; for every other setting the paper is silent and the default is
ours. What was compared and who judged departs as well: those are sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from handful.recipe.curation import TABLE_1, Clean, Dataset, Select
from handful.recipe.evaluation import Annotate, Stats
from handful.recipe.judging import Choose, Study
from handful.recipe.schema import Recipe
from handful.recipe.systems import CheckpointSystem, Generate
from handful.recipe.training import Train
from handful.recipe.values import InputPath, ModelRef
from handful.report.facts import Facts
from handful.report.words import number

PAPER = {
    "clean.min_answer_score": "Section 2.1",
    "clean.min_chars": "Section 2.1",
    "clean.max_chars": "Section 2.1",
    "clean.drop_first_person": "Section 2.1",
    "clean.drop_cross_references": "Section 2.1",
    "select.quota": "Table 1",
    "select.temperature": "Section 2.1",
    "train.model": "Section 3",
    "train.epochs": "Section 3",
    "train.batch_size": "Section 3",
    "train.learning_rate": "Section 3",
    "train.final_learning_rate": "Section 3",
    "train.beta1": "Section 3",
    "train.beta2": "Section 3",
    "train.weight_decay": "Section 3",
    "train.residual_dropout": "Section 3",
    "train.max_tokens": "Section 3",
    "generate.temperature": "Section 4.1",
    "generate.top_p": "Section 4.1",
    "generate.repetition_penalty": "Section 4.1",
    "generate.penalty_scope": "Section 4.1",
    "generate.max_tokens": "Section 4.1",
    "generate.samples": "Section 4.1",
    "generate.split": "Section 4.1",
}
PAPER_MODEL = ModelRef("LLaMA-65B")
SMALLER = {"train.batch_size": 64, "train.residual_dropout": 0.2}
"""What the paper takes instead for its 7B models (Section 5)."""
PAPER_SIZES = {"train": 1000, "dev": 50, "test": 300}
OF_THE_MACHINE = {"device", "precision", "pack_tokens", "save_every", "seed", "batch_size", "track"}
"""Settings that decide how a machine does it. `train.batch_size`, the optimizer's, is in `PAPER` and so not one."""


def defaults() -> dict[str, Any]:
    """Dotted key -> default, of every setting that has one."""
    tables: dict[str, Any] = {
        "clean": Clean(),
        "select": Select(),
        "dataset": Dataset(),
        "train": Train(model=PAPER_MODEL),
        "choose": Choose(),
        "generate": Generate(),
        "study": Study(),
        "annotate": Annotate(),
        "stats": Stats(),
    }
    found = {key: value for name, table in tables.items() for key, value in flat(name, table)}
    named = (
        "choose.judge",
        "generate.systems",
        "study.subject",
        "study.against",
    )  # names of the recipe's own, not settings
    return {key: value for key, value in found.items() if not key.startswith(named)}


def whose(key: str, here: Any) -> str:
    """Whose the default is, with a word where the paper itself departs from it in the same way."""
    same = ", but the same for its 7B models, Section 5" if SMALLER.get(key) == here else ""
    return PAPER.get(key, "ours") + same


def departures(recipe: Recipe) -> list[tuple[str, str, str, str]]:
    """(key, here, by default, whose default) of each setting that differs."""
    here = settings(recipe)
    return [
        (key, shown(here[key]), shown(value), whose(key, here[key]))
        for key, value in defaults().items()
        if key in here and here[key] != value and not of_the_machine(key)
    ]


def of_the_machine(key: str) -> bool:
    return key not in PAPER and key.rpartition(".")[2] in OF_THE_MACHINE


def ours(recipe: Recipe) -> list[tuple[str, str]]:
    """(key, value) where the paper is silent and the recipe keeps our default; matters of the machine left out."""
    here = settings(recipe)
    unused = () if recipe.train else ("select.", "choose.", "dataset.")
    return [
        (key, shown(value))
        for key, value in defaults().items()
        if not key.startswith(unused)
        and key not in PAPER
        and here.get(key) == value
        and not of_the_machine(key)
    ]


def settings(recipe: Recipe) -> dict[str, Any]:
    """Dotted key -> value of a whole recipe, but for what no stage reads."""
    return {
        key: value
        for field in fields(recipe)
        if field.name != "fetch"
        for key, value in flat(field.name, getattr(recipe, field.name))
    }


def flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from flat(f"{key}.{each.name}", getattr(value, each.name))
    elif isinstance(value, Mapping) and value and all(is_dataclass(item) for item in value.values()):
        for name, item in sorted(value.items()):
            yield from flat(f"{key}.{name}", item)
    else:
        yield key, value


def shown(value: Any) -> str:
    """A setting as a recipe would state it. Of a path only the name: where it lies differs between machines."""
    if isinstance(value, InputPath) or (isinstance(value, ModelRef) and value.is_folder):
        return Path(value).name
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(item)}" for name, item in sorted(value.items())) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if str(value) else "(not set)"


DECIDES = {
    "last": "the last one is taken",
    "people": "the votes of people who read answers blinded decide",
    "judge": "a judge's grades decide",
}


def epoch_in_words(recipe: Recipe) -> list[str]:
    """How the evaluated epoch was chosen, where that was not by hand."""
    systems = recipe.generate.systems.values()
    ours = [system for system in systems if isinstance(system, CheckpointSystem) and not system.model]
    epochs = [system.epoch for system in ours]
    how = []
    if any(epochs):
        how.append("the recipe names it")
    if 0 in epochs and (by := recipe.choose.by) != "hand":
        how.append(DECIDES[by])
    paper = "The paper chose a checkpoint between epochs 5 and 10 by hand"
    return [f"{paper}; here {' or '.join(how)}."] if how else []


def in_words(facts: Facts) -> list[str]:
    """Departures that no single setting shows."""
    recipe = facts.recipe
    found = []
    sizes = {"train": len(facts.train), "dev": len(facts.dev), "test": len(facts.tested())}
    variants = len(facts.test) - sizes["test"]
    for split, paper in PAPER_SIZES.items():
        if sizes[split] != paper and (facts.trains() or split == "test"):
            more = f" (and {number(variants, 'variant')} of them)" if split == "test" and variants else ""
            found.append(f"{sizes[split]:,} {split} examples here{more}, {paper:,} in the paper.")
    absent = [name for name in TABLE_1 if name not in recipe.sources]
    if absent and facts.trains():
        found.append(f"Sources of Table 1 that are not here: {', '.join(absent)}.")
    if not recipe.annotate.people:
        found.append("No people judged; in the paper they are the first evidence (Section 4.1).")
    pairs_asked = {"preference", "dialogues"} & set(recipe.study.tasks)
    if pairs_asked and any(judge.mode == "robust" for judge in recipe.judge.judges.values()):
        found.append(
            "The paper's model judge is GPT-4, and the order shown is not stated; here a judge is asked in both "
            "orders (mode robust), and a pair on which it changes its mind is a tie (ours)."
        )
    found += epoch_in_words(recipe)
    found.append("The paper gives no intervals for preferences; those here are ours.")
    return found
