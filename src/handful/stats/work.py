"""Verdicts and responses -> stats.json: every number of the study with its interval.

Only this stage and `report` open the study's sealed key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.tags import INTENT, PARAPHRASE, VARIANT, original_of, said
from handful.core.types import (
    Check,
    Comparison,
    Dropped,
    Grade,
    Prompt,
    Respondent,
    Response,
    Seal,
    Signature,
    Verdict,
)
from handful.recipe.evaluation import Stats, StatsOfPanels
from handful.run.progress import progress
from handful.run.store import MANIFEST, only, read_manifest

if TYPE_CHECKING:
    from handful.stats.facts import Study
    from handful.stats.gate import Label
    from handful.stats.people import Extras
    from handful.stats.readings import Mode
    from handful.stats.robustness import Variant

T = TypeVar("T")
Said = TypeVar("Said", Verdict, Grade)


def work(params: Stats, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Read the study, its judges, its people and the systems' responses; write stats.json and readings.jsonl.

    Raises:
        DataError: a verdict or a grade names what the study does not have, a seal is missing, or a panel is none.
    """
    need("numpy", "statistics")
    need("scipy", "statistics")
    from handful.stats.panels import members, seat
    from handful.stats.readings import pairs_of
    from handful.stats.record import records
    from handful.stats.summary import summarize

    panels = params.panels if isinstance(params, StatsOfPanels) else {}
    # By name, not in the recipe's order: the folder's key does not know that order either.
    facts = read(dict(sorted(inputs.items())), panels)
    with progress("statistics", None) as advance:
        summary = summarize(facts, params, advance)
    write_whole(out / "stats.json", jsonl.dumps(summary))
    facts = facts.originals()
    pairs = pairs_of(facts.seals.values(), facts.named)
    annotators = facts.annotators()
    seats = [seat(name, members(name, judges, annotators)) for name, judges in panels.items()]
    jsonl.write(out / "readings.jsonl", records([*annotators, *seats], pairs))
    lost = summary.losses.judges
    models = [j for j in lost if j.kind == "model"]
    verdicts, grades = (
        sum(len(said) for group in groups for said in group.values())
        for groups in ((facts.judges, facts.people), (facts.grades, facts.people_grades))
    )
    return {
        "comparisons": len(facts.comparisons),
        "verdicts": verdicts,
        "unreadable": sum(j.unreadable for j in lost),
        "missing": sum(j.missing for j in models) + summary.losses.unjudged_by_people,
        "grades": grades,
        "unreadable_grades": sum(j.grades_unreadable for j in lost),
        "missing_grades": sum(j.grades_missing for j in models),
    }


def read(inputs: Mapping[str, Path], panels: Mapping[str, Sequence[str]]) -> Study:
    """Everything that the folders hold, and nothing of what the study does not know."""
    from handful.stats.facts import Study
    from handful.stats.grades import OOD
    from handful.stats.people import Extras

    study, judges = inputs["study"], only(inputs, "judge")
    comparisons = {c.id: c for c in rows(study / "comparisons.jsonl", Comparison)}
    seals = {s.comparison_id: s for s in rows(study / "sealed" / "key.jsonl", Seal)}
    if comparisons.keys() != seals.keys():
        raise DataError(f"{study}: comparisons.jsonl and sealed/key.jsonl name different comparisons")
    signatures = {s.submission_id: s for s in rows(study / "sealed" / "signatures.jsonl", Signature)}
    graded = {name: list(read_grades(folder, signatures)) for name, folder in judges.items()}
    people, tagged = inputs.get("annotate"), tags_of(inputs.get("dataset"))
    return Study(
        comparisons=comparisons,
        seals=seals,
        named=named_pairs(study),
        judges={name: list(read_verdicts(folder, comparisons)) for name, folder in judges.items()},
        modes={name: mode_of(folder, name) for name, folder in judges.items()},
        fakes=frozenset(
            name for name, folder in judges.items() if entry_of(folder, name).get("kind") == "fake"
        ),
        people=by_judge(read_verdicts(people, comparisons)) if people else {},
        people_wanted=people_wanted(inputs),
        truncated={
            name: cut(folder, comparisons.keys() | signatures.keys()) for name, folder in judges.items()
        },
        responses={
            name: rows(folder / "responses.jsonl", Response)
            for name, folder in only(inputs, "generate").items()
        },
        unpaired=rows(study / "unpaired.jsonl", Dropped),
        signatures=signatures,
        grades=graded if signatures else {},
        people_grades=by_judge(read_grades(people, signatures)) if people else {},
        extras=read_extras(people, comparisons, signatures) if people else Extras(),
        gates={name: found for name, folder in judges.items() if (found := read_gate(folder))},
        panels=panels,
        out_of_distribution=frozenset(id for id, tags in tagged.items() if OOD in tags),
        intents=intents(tagged),
        variants=variants(tagged),
        live=read_live(people, named_pairs(study)) if people and (people / "talks").exists() else None,
    )


def read_live(people: Path, named: Sequence[tuple[str, str]]) -> Study:
    """The live conversations that `annotate` wrote down, which have the forms of a study.

    Args:
        named: the study's pairs; of others the subject is the one that `annotate.talk` has first.
    """
    from handful.stats.facts import Study

    folder = people / "talks"
    talk = read_manifest(people).params["talk"] if (people / MANIFEST).exists() else ()
    comparisons = {c.id: c for c in rows(folder / "comparisons.jsonl", Comparison)}
    signatures = {s.submission_id: s for s in rows(folder / "sealed" / "signatures.jsonl", Signature)}
    return Study(
        comparisons=comparisons,
        seals={s.comparison_id: s for s in rows(folder / "sealed" / "key.jsonl", Seal)},
        named=[*named, *combinations(talk, 2)],
        people=by_judge(read_verdicts(folder, comparisons)),
        signatures=signatures,
        people_grades=by_judge(read_grades(folder, signatures)),
    )


def rows(path: Path, kind: type[T]) -> list[T]:
    """The records of a file that a study may do without."""
    return list(jsonl.read(path, kind)) if path.exists() else []


def by_judge(said: Iterable[Said]) -> dict[str, list[Said]]:
    """Each person's verdicts or grades, by pseudonym."""
    found: dict[str, list[Said]] = defaultdict(list)
    for one in said:
        found[one.judge].append(one)
    return dict(sorted(found.items()))


def read_extras(
    people: Path, comparisons: Mapping[str, Comparison], signatures: Mapping[str, Signature]
) -> Extras:
    """What `annotate` leaves beside verdicts and grades, where it leaves it."""
    from handful.stats.people import Extras

    return Extras(
        repeats=read_verdicts(people, comparisons, "repeats.jsonl"),
        repeated_grades=read_grades(people, signatures, "repeated_grades.jsonl"),
        checks=rows(people / "checks.jsonl", Check),
        respondents=rows(people / "people.jsonl", Respondent),
    )


def read_verdicts(
    folder: Path, comparisons: Mapping[str, Comparison], name: str = "verdicts.jsonl"
) -> list[Verdict]:
    path = folder / name
    found = rows(path, Verdict)
    for number, verdict in enumerate(found, start=1):
        if verdict.comparison_id not in comparisons:
            raise DataError(f"{path}:{number}: comparison {verdict.comparison_id!r} is not in the study")
    return found


def read_grades(folder: Path, signatures: Mapping[str, Signature], name: str = "grades.jsonl") -> list[Grade]:
    """Grades of the study's submissions, each one that its task has."""
    from handful.stats.grades import CLASSES

    path = folder / name
    found = rows(path, Grade)
    for number, grade in enumerate(found, start=1):
        signature = signatures.get(grade.submission_id)
        if signature is None:
            raise DataError(f"{path}:{number}: submission {grade.submission_id!r} is not in the study")
        known = CLASSES.get(signature.task, ())
        if grade.grade is not None and grade.grade not in known:
            raise DataError(
                f"{path}:{number}: {grade.grade!r} is no grade of {signature.task}; there are {', '.join(known)}"
            )
    return found


def read_gate(folder: Path) -> tuple[list[Verdict], list[Label]] | None:
    """A judge's verdicts on labelled pairs, and the labels; None where there is no gate."""
    from handful.stats.gate import Label

    labels = rows(folder / "gate_labels.jsonl", Label)
    return (rows(folder / "gate.jsonl", Verdict), labels) if labels else None


def mode_of(folder: Path, name: str) -> Mode:
    """How a judge was asked, as its manifest says."""
    if not (folder / MANIFEST).exists():
        return ""
    mode = read_manifest(folder).counts.get("mode") or entry_of(folder, name).get("mode")
    return mode if mode in ("robust", "lima") else ""


def entry_of(folder: Path, name: str) -> Mapping[str, Any]:
    """A judge's entry in the recipe, as its manifest holds it."""
    if not (folder / MANIFEST).exists():
        return {}
    params = read_manifest(folder).params
    return params.get("judges", {}).get(name, {}) if isinstance(params, dict) else {}


def tags_of(dataset: Path | None) -> dict[str, tuple[str, ...]]:
    """Test prompt -> its tags."""
    return {prompt.id: prompt.tags for prompt in (rows(dataset / "test.jsonl", Prompt) if dataset else ())}


def intents(tagged: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """ "malicious" and "benign" -> the prompts with that tag."""
    return {
        name: frozenset(id for id, tags in tagged.items() if INTENT + name in tags)
        for name in ("malicious", "benign")
    }


def variants(tagged: Mapping[str, Sequence[str]]) -> dict[str, Variant]:
    """Prompts that are variants -> what of, and how; a paraphrase where that is not said."""
    from handful.stats.robustness import Variant

    return {
        id: Variant(original, said(tags, VARIANT) or PARAPHRASE)
        for id, tags in tagged.items()
        if (original := original_of(tags))
    }


def named_pairs(study: Path) -> list[tuple[str, str]]:
    """(subject, baseline) of each pair, as the study's manifest counts them: "tuned vs base"."""
    if not (study / MANIFEST).exists():
        return []
    counted = read_manifest(study).counts.get("pairs", {})
    return [(subject, baseline) for subject, _, baseline in (name.partition(" vs ") for name in counted)]


def people_wanted(inputs: Mapping[str, Path]) -> bool:
    folder = inputs.get("annotate")
    return bool(folder and (folder / MANIFEST).exists() and read_manifest(folder).counts.get("wanted"))


def cut(folder: Path, known: Set[str]) -> list[str]:
    """Ids of the comparisons and submissions that a judge saw cut, each once; without the gate's."""
    found = (dropped.id for dropped in rows(folder / "truncated.jsonl", Dropped))
    return list(dict.fromkeys(id for id in found if id in known))
