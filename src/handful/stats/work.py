"""Verdicts and responses -> stats.json: every number of the study with its interval.

Only this stage and `report` open the study's sealed key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Comparison, Dropped, Response, Seal, Verdict
from handful.recipe.evaluation import Stats
from handful.run.progress import progress
from handful.run.store import MANIFEST, only, read_manifest


def work(params: Stats, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Read the study, its judges, its people and the systems' responses; write stats.json.

    Raises:
        DataError: a verdict names a comparison that the study does not have, or a seal is missing.
    """
    need("numpy", "statistics")
    need("scipy", "statistics")
    from handful.stats.summary import Study, summarize

    # By name, not in the recipe's order: the folder's key does not know that order either.
    inputs = dict(sorted(inputs.items()))
    study = inputs["study"]
    comparisons = {c.id: c for c in jsonl.read(study / "comparisons.jsonl", Comparison)}
    seals = {s.comparison_id: s for s in jsonl.read(study / "sealed" / "key.jsonl", Seal)}
    if comparisons.keys() != seals.keys():
        raise DataError(f"{study}: comparisons.jsonl and sealed/key.jsonl name different comparisons")
    judges = {
        name: list(read_verdicts(folder, comparisons)) for name, folder in only(inputs, "judge").items()
    }
    people: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in read_verdicts(inputs["annotate"], comparisons) if "annotate" in inputs else ():
        people[verdict.judge].append(verdict)
    facts = Study(
        comparisons=comparisons,
        seals=seals,
        named=named_pairs(study),
        judges=judges,
        people=dict(sorted(people.items())),
        people_wanted=people_wanted(inputs),
        truncated={name: cut(folder) for name, folder in only(inputs, "judge").items()},
        responses={
            name: list(jsonl.read(folder / "responses.jsonl", Response))
            for name, folder in only(inputs, "generate").items()
        },
        unpaired=optional(study / "unpaired.jsonl"),
    )
    with progress("statistics", None) as advance:
        summary = summarize(facts, params, advance)
    write_whole(out / "stats.json", jsonl.dumps(summary))
    readings = [j for j in summary.losses.judges if j.kind == "model"]
    return {
        "comparisons": len(comparisons),
        "verdicts": sum(map(len, judges.values())) + sum(map(len, people.values())),
        "unreadable": sum(j.unreadable for j in summary.losses.judges),
        "missing": sum(j.missing for j in readings) + summary.losses.unjudged_by_people,
    }


def read_verdicts(folder: Path, comparisons: Mapping[str, Comparison]) -> list[Verdict]:
    path = folder / "verdicts.jsonl"
    found = list(jsonl.read(path, Verdict)) if path.exists() else []
    for number, verdict in enumerate(found, start=1):
        if verdict.comparison_id not in comparisons:
            raise DataError(f"{path}:{number}: comparison {verdict.comparison_id!r} is not in the study")
    return found


def named_pairs(study: Path) -> list[tuple[str, str]]:
    """(subject, baseline) of each pair, as the study's manifest counts them: "tuned vs base"."""
    if not (study / MANIFEST).exists():
        return []
    counted = read_manifest(study).counts.get("pairs", {})
    return [(subject, baseline) for subject, _, baseline in (name.partition(" vs ") for name in counted)]


def people_wanted(inputs: Mapping[str, Path]) -> bool:
    folder = inputs.get("annotate")
    return bool(folder and (folder / MANIFEST).exists() and read_manifest(folder).counts.get("wanted"))


def cut(folder: Path) -> list[str]:
    """Ids of the comparisons that a judge saw cut, each once."""
    return list(dict.fromkeys(d.id for d in optional(folder / "truncated.jsonl")))


def optional(path: Path) -> list[Dropped]:
    return list(jsonl.read(path, Dropped)) if path.exists() else []
