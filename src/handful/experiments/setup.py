"""How far a run's set-up is from the paper's: model, data, training, sampling, systems and judges, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handful.core.errors import DataError
from handful.experiments.evidence import Run
from handful.experiments.standing import Failed, failed_elsewhere, trusted
from handful.report.words import number, what_it_is
from handful.train.flops import shape_of
from handful.train.known import KNOWN, same

Setting = tuple[str, str, str]
"""(what, in the paper, here)."""
TRAINING = (
    ("epochs", "15"),
    ("batch_size", "32, of the 7B models 64"),
    ("learning_rate", "1e-05"),
    ("final_learning_rate", "1e-06"),
    ("residual_dropout", "0.3, of the 7B models 0.2"),
    ("max_tokens", "2048"),
)
SAMPLING = (("temperature", "0.7"), ("top_p", "0.9"), ("repetition_penalty", "1.2"), ("max_tokens", "2048"))


def setup(run: Run, failed: Failed) -> list[Setting]:
    """What was the same as in the paper, and what was not, from the manifests of a run."""
    return [*of_model(run), *of_data(run), *of_training(run), *of_answers(run), *of_judges(run, failed)]


def of_model(run: Run) -> list[Setting]:
    train = run.params.get("train")
    if train is None:
        return [("Base model", "LLaMA, 65B; ablations 7B", "nothing was trained in this run")]
    size = run.facts.counts("train").get("parameters")
    name = plain(train["model"])
    return [("Base model", "LLaMA, 65B; ablations 7B", f"{name}, {in_words(size)}" if size else name)]


def of_data(run: Run) -> list[Setting]:
    paper = {"train": 1000, "dev": 50, "test": 300}
    found = [
        (f"Examples, {split}", f"{count:,}", f"{sum(r['examples'] for r in run.facts.table if r['split'] == split):,}")
        for split, count in paper.items()
        if run.facts.table
    ]  # fmt: skip
    tokens = run.facts.counts("train").get("tokens")
    return [*found, ("Tokens trained on, an epoch", "about 750,000", f"{tokens:,}")] if tokens else found


def of_training(run: Run) -> list[Setting]:
    train = run.params.get("train", {})
    rows = [
        (name.replace("_", " ").capitalize(), paper, str(train[name]))
        for name, paper in TRAINING
        if name in train
    ]
    epoch = run.facts.counts("choose").get("epoch")
    how = {"hand": "by hand", "people": "by people", "judge": "by a judge", "last": "the last"}
    by = how.get(run.params.get("choose", {}).get("by", ""), "")
    return [*rows, ("Epoch evaluated", "between 5 and 10, by hand", f"{epoch}, {by}")] if epoch else rows


def of_answers(run: Run) -> list[Setting]:
    systems = [label.partition("/")[2] for label in run.params if label.startswith("generate/")]
    if not systems:
        return []
    first = run.params[f"generate/{run.subject if run.subject in systems else systems[0]}"]
    sampled = "; ".join(
        f"{name.replace('_', ' ')} {first.get(name)}" for name, _ in SAMPLING if name in first
    )
    paper = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in SAMPLING)
    return [
        ("Sampling", paper, sampled or "elsewhere"),
        ("Answers to a prompt", "1; ablations 5", str(first.get("samples", "not known"))),
        ("Stands for LIMA", "LIMA, 65B", stands_for_lima(run)),
        (
            "Compared with",
            "Alpaca 65B, DaVinci003, Bard, Claude, GPT-4",
            "; ".join(described(run, name) for name in systems if name != run.subject) or "nothing",
        ),
    ]


def stands_for_lima(run: Run) -> str:
    if run.subject in run.fakes:
        return f"nothing: {run.subject} is a rule, no model"
    return described(run, run.subject) or "no study was made"


def described(run: Run, system: str) -> str:
    """A system with the model behind it and, where that is known, its size."""
    own = run.params.get(f"generate/{system}")
    if own is None:
        return ""
    if system in run.fakes:
        return f"{system} (a rule, no model)"
    name = plain(run.facts.counts(f"generate/{system}").get("model", ""))
    size = size_of(run, own.get("systems", {}).get(system, {}), name)
    inside = ", ".join(part for part in (name if name != system else "", in_words(size)) if part)
    return f"{system} ({inside})" if inside else system


def in_short(run: Run, system: str) -> str:
    """A system by its size alone, as "0.27B"; by its name where that is not known."""
    entry = run.params.get(f"generate/{system}", {}).get("systems", {}).get(system, {})
    name = plain(run.facts.counts(f"generate/{system}").get("model", ""))
    return in_words(size_of(run, entry, name)).removesuffix(" parameters") or system


def size_of(run: Run, entry: Mapping[str, Any], name: str) -> int | None:
    """A model's parameters: as `train` counted them, or from the table of published models; None where unknown."""
    if entry.get("kind") == "checkpoint" and not entry.get("model"):
        size: int | None = run.facts.counts("train").get("parameters")
        return size
    config = KNOWN.get(name) or next((KNOWN[known] for known in KNOWN if same(known, name)), None)
    try:
        return shape_of(config).parameters if config else None
    except DataError:
        return None


def in_words(parameters: int | None) -> str:
    """As "0.27B parameters"; nothing where they are not known."""
    if not parameters:
        return ""
    return f"{parameters / 1e9:.2g}B parameters"


def of_judges(run: Run, failed: Failed) -> list[Setting]:
    facts = run.facts
    people = {row["judge"] for row in facts.rows("preference") if row["kind"] == "person"}
    standing = {
        "no": "not to be trusted",
        "unproven": "not validated",
        "validated": "validated against people",
    }
    models = []
    for name in facts.recipe.judge.judges:
        own = trusted(facts, name, "")
        elsewhere = failed_elsewhere(run, name, failed) if own != "no" else ""
        told = f"not to be trusted: {elsewhere}" if elsewhere else standing[own]
        models.append(f"{name}: {what_it_is(facts, name)} ({told})")
    if not facts.stats:
        return [("Judges", "crowd workers and the authors; GPT-4; ChatGPT for grades", "nobody was asked")]
    return [
        (
            "People",
            "crowd workers and the authors",
            number(len(people), "person").replace("persons", "people"),
        ),
        ("Model judges", "GPT-4; ChatGPT for grades", "; ".join(models) or "none"),
    ]


def plain(model: Any) -> str:
    """A model by its name; of a folder on somebody's disk the last part."""
    name = model.get("input", "") if isinstance(model, Mapping) else str(model)
    return name.rstrip("/").rpartition("/")[2] if name.startswith(("/", ".", "~")) else name
