"""What work folders hold that a claim of the paper can be set beside: runs, and ablations with their evaluation.

A run is what one report, or the statistics below it, was made from: its folders are followed by their keys, through
the manifests. Files are read; nothing is judged here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handful.core.errors import CorruptFolder, DataError
from handful.core.files import file_hash
from handful.core.types import Prompt
from handful.recipe.build import Misfit, build
from handful.recipe.judging import Judge
from handful.recipe.schema import Recipe
from handful.report.facts import Facts, StepFacts
from handful.report.work import read_json, read_table, rows
from handful.run.store import MANIFEST, PARTIAL, Manifest, read_manifest, remedy

ENDS = ("report", "stats", "choose", "train", "dataset")
"""Stages that a run may have come to, the last first: in a work folder the latest stage that is there counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One recipe's way through the pipeline, as far as it came."""

    name: str
    """Of its recipe, and the key of its last folder: "demo (11b4f934801d)"."""
    facts: Facts
    params: Mapping[str, Any]
    """Label of a step -> its settings, as its manifest has them."""
    subject: str = ""
    arms: Mapping[str, str] = field(default_factory=dict)
    """System -> arm, where it is the evaluation of an ablation."""
    report: str = ""
    """The folder of its report, by name."""
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    """sha256 of a checkpoint's folder -> its name, as "epoch-07"."""

    @property
    def fakes(self) -> set[str]:
        """Systems that answer by a rule (kind = "fake"), and so stand for nothing."""
        entries = [
            own.get("systems", {}) for step, own in self.params.items() if step.startswith("generate/")
        ]
        return {name for own in entries for name, entry in own.items() if entry.get("kind") == "fake"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablated:
    """What `handful ablate` left."""

    name: str
    content: Mapping[str, Any]
    """ablation.json, with an Interval wherever it has one."""
    evaluation: Run | None
    """None where nothing was graded."""


@dataclass(frozen=True, slots=True)
class Evidence:
    runs: Sequence[Run]
    ablations: Sequence[Ablated]
    shifts: Mapping[str, Any] = field(default_factory=dict)
    """Name of a folder of `handful shift` -> its shift.json."""


def read(places: Sequence[Path]) -> Evidence:
    """Everything below `places`: work folders, or single folders of a report, of statistics or of an ablation.

    Raises:
        DataError: there is no such folder, or a file in it cannot be read.
        CorruptFolder: a finished folder is not what its manifest says.
    """
    runs: dict[str, Run] = {}
    ablations: list[Ablated] = []
    for place in dict.fromkeys(place.resolve() for place in places):
        if not place.is_dir():
            raise DataError(f"{place}: no such folder; name the work folder of a run, or its report-… folder")
        alone = (place / MANIFEST).exists() or (place / "ablation.json").exists()
        work = place.parent if alone else place
        found = [place] if alone else sorted(path for path in work.iterdir() if path.is_dir())
        of_arms = [ablated(path, work) for path in found if (path / "ablation.json").exists()]
        theirs = {name for one in of_arms for name in one.content.get("evaluation", {}).values()}
        ablations += of_arms
        for folder in ends([path for path in found if path.name not in theirs], bool(of_arms)):
            runs.setdefault(folder.name, run_of(folder, work))
    return Evidence(list(runs.values()), ablations, dict(shifts(places)))


def ends(folders: Sequence[Path], ablated: bool) -> list[Path]:
    """The folders of the latest stage that is there; beside ablations reports only, since the rest may be an arm's."""
    whole = [path for path in folders if not path.name.endswith(PARTIAL) and (path / MANIFEST).exists()]
    for stage in ENDS[:1] if ablated else ENDS:
        if found := [path for path in whole if path.name.startswith(f"{stage}-")]:
            return found
    return []


def ablated(folder: Path, work: Path) -> Ablated:
    content = read_json(folder / "ablation.json")
    if not isinstance(content, dict) or not isinstance(content.get("arms"), list):
        raise DataError(
            f"{folder / 'ablation.json'}: is no account of an ablation; run `handful ablate` again"
        )
    evaluation = content.get("evaluation", {})
    last = next((evaluation[stage] for stage in ("report", "stats") if stage in evaluation), "")
    run = run_of(work / last, work) if last and (work / last / MANIFEST).exists() else None
    if run:
        run = replace(run, name=f"ablation {content['name']}", arms=arms_of(content, run.facts))
    return Ablated(name=str(content["name"]), content=content, evaluation=run)


def arms_of(content: Mapping[str, Any], facts: Facts) -> dict[str, str]:
    """System -> arm: a system is called as its arm, or with its seed behind that."""
    names = {f"{arm}-seed{seed}": arm for arm in content["arms"] for seed in content.get("seeds", ())}
    return {arm: arm for arm in content["arms"]} | names


def run_of(end: Path, work: Path) -> Run:
    """Follow the keys of `end` through the work folder; a folder that was tidied away is left out."""
    manifests: dict[str, tuple[Path, Manifest]] = {}
    waiting = [end]
    while waiting:
        folder = waiting.pop()
        manifest = read_manifest(folder)
        manifests.setdefault(manifest.step, (folder, manifest))
        below = (work / f"{label.replace('/', '-')}-{key}" for label, key in manifest.inputs.items())
        waiting += [path for path in below if (path / MANIFEST).exists()]
    last = manifests[read_manifest(end).step][1]
    params = {step: manifest.params for step, (_, manifest) in sorted(manifests.items())}
    name = last.params.get("name", last.step) if last.step == "report" else last.step
    return Run(
        name=f"{name} ({last.key})",
        facts=facts_of(name, manifests, params),
        params=params,
        subject=params.get("study", {}).get("subject", ""),
        report=end.name if last.step == "report" else "",
        checkpoints=checkpoints(manifests["train"][1]) if "train" in manifests else {},
    )


def checkpoints(train: Manifest) -> dict[str, str]:
    """A training's checkpoints by what `run.keys.Hashes` makes of their folders, without reading them again."""
    files: dict[str, list[str]] = {}
    for name, sha256 in train.files.items():
        epoch, _, file = name.partition("/")
        if epoch.startswith("epoch-") and file:
            files.setdefault(epoch, []).append(f"{file} {sha256}")
    return {hashlib.sha256("\n".join(lines).encode()).hexdigest(): epoch for epoch, lines in files.items()}


def facts_of(name: str, manifests: Mapping[str, tuple[Path, Manifest]], params: Mapping[str, Any]) -> Facts:
    """Of what the report is made from, the small part that claims are about."""
    folders = {step: folder for step, (folder, _) in manifests.items()}
    stats = whole(folders.get("stats"), "stats.json", manifests)
    choice = whole(folders.get("choose"), "choice.json", manifests)
    return Facts(
        recipe=Recipe(name=name, sources={}, judge=judges(params)),
        steps={step: StepFacts(m.key, m.counts, m.environment) for step, (_, m) in manifests.items()},
        stats=stats,
        choice=choice,
        test=rows(folders.get("dataset"), "test.jsonl", Prompt),
        table=read_table(folders.get("dataset")),
        epochs=rows(folders.get("train"), "epochs.jsonl", dict),
    )


def whole(folder: Path | None, name: str, manifests: Mapping[str, tuple[Path, Manifest]]) -> Any:
    """A JSON file of a finished folder, as it was written; empty where there is none."""
    if folder is None or not (folder / name).exists():
        return {}
    (manifest,) = (m for path, m in manifests.values() if path == folder)
    if manifest.files.get(name) not in (None, file_hash(folder / name)):
        raise CorruptFolder(f"{folder}: {name} differs; {remedy(folder)}")
    return read_json(folder / name)


def judges(params: Mapping[str, Any]) -> Judge:
    """[judge] as the judges' own manifests have it, so that the report's rules can be asked about them.

    Raises:
        DataError: they were asked by a version of Handful with other settings.
    """
    tables = {
        name: entry
        for step, own in params.items()
        if step.startswith("judge/")
        for name, entry in own.get("judges", {}).items()
    }
    plain = {"judges": bare(tables), "panels": params.get("stats", {}).get("panels", {})}
    try:
        judge: Judge = build(Judge, plain)
    except Misfit as error:
        raise DataError(f"judges of another version of Handful ({error}); run the recipe again") from error
    return judge


def bare(value: Any) -> Any:
    """Settings with each file or folder by its name alone, which is all that a manifest keeps of where it lay."""
    if isinstance(value, dict):
        if value.keys() == {"input", "sha256"}:
            return f"./{value['input']}"
        return {name: bare(item) for name, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list) else value


def shifts(places: Sequence[Path]) -> Iterator[tuple[str, Any]]:
    """(folder's name, content) of each shift.json of `handful shift`."""
    for place in places:
        for path in sorted(place.glob("shift-*/shift.json")):
            yield path.parent.name, read_json(path)
