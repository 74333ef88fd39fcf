"""Every folder of a run -> the report in all its forms (docs/report.md): the only part of it that reads files."""

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
from handful.core.types import (
    Comparison,
    Dialogue,
    Dropped,
    Example,
    Grade,
    Prompt,
    Response,
    Seal,
    Signature,
    Submission,
    Verdict,
)
from handful.recipe.schema import Recipe
from handful.report.facts import Facts, Graded, Near, Said, StepFacts, Taken, with_intervals
from handful.run.store import MANIFEST, only, read_manifest


def work(params: Recipe, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Write the page in its forms, the numbers, the figures, and the page of every prompt.

    Raises:
        DataError: stats.json is not there, or a file of records cannot be read.
    """
    need("jinja2", "the report")
    from handful.report import browse, numbers
    from handful.report.incomplete import incomplete
    from handful.report.markdown import markdown
    from handful.report.page import html
    from handful.report.sections import sections
    from handful.report.series import series

    facts = read(params, inputs)
    why = incomplete(facts)
    made = sections(facts, why)
    pages = browse.pages(facts, browse.PAGE_BYTES)
    files = {
        "report.html": html(params.name, subtitle(facts), made, browse=bool(pages)),
        "report.md": markdown(params.name, subtitle(facts), made),
        "report.json": json_text(numbers.report(facts, made, why, series(facts))),
        **pages,
        **{f"figures/{name}.csv": content for name, content in numbers.tables(made).items()},
        **{f"figures/{figure.name}.svg": figure.file for figure in numbers.figures(made) if figure.name},
    }
    (out / "figures").mkdir(exist_ok=True)
    for name, content in files.items():
        write_whole(out / name, content)
    for left in {path.name for path in out.glob("browse*.html")} - files.keys():
        (out / left).unlink()  # of a run that was stopped, when pages were cut elsewhere
    return {"sections": len(made), "figures": len(numbers.figures(made)), "browse_pages": len(pages)}


def subtitle(facts: Facts) -> str:
    from handful.report.words import number, prompts_asked

    trained = f"{number(len(facts.train), 'training example')}, " if facts.trains() else ""
    return f"{trained}{prompts_asked(facts)} asked, {number(len(facts.responses), 'system')}"


def json_text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def read(recipe: Recipe, inputs: Mapping[str, Path]) -> Facts:
    inputs = in_order(inputs)
    dataset, train, study = inputs.get("dataset"), inputs.get("train"), inputs.get("study")
    stats = read_json(inputs["stats"] / "stats.json")
    systems = only(inputs, "generate")
    ordered = list(dict.fromkeys([*(row["system"] for row in stats["systems"]), *systems]))
    return Facts(
        recipe=recipe,
        steps={label: step(folder) for label, folder in inputs.items()},
        stats=stats,
        train=rows(dataset, "train.jsonl", Example),
        dev=rows(dataset, "dev.jsonl", Example),
        test=rows(dataset, "test.jsonl", Prompt),
        taken={label: taken(folder) for label, folder in inputs.items()},
        neighbours=rows(dataset, "neighbours.jsonl", Near),
        table=read_table(dataset),
        losses=rows(train, "steps.jsonl", dict),
        epochs=rows(train, "epochs.jsonl", dict),
        dev_samples=rows(train, "dev_samples.jsonl", dict),
        choice=read_choice(inputs.get("choose")),
        responses={name: rows(systems[name], "responses.jsonl", Response) for name in ordered},
        dialogues={name: rows(systems[name], "dialogues.jsonl", Dialogue) for name in ordered},
        comparisons={c.id: c for c in rows(study, "comparisons.jsonl", Comparison)},
        seals={s.comparison_id: s for s in rows(study, "sealed/key.jsonl", Seal)},
        submissions={s.id: s for s in rows(study, "submissions.jsonl", Submission)},
        flags=rows(study, "flags.jsonl", Dropped),
        verdicts=verdicts(inputs),
        said=rows(inputs["stats"], "readings.jsonl", Said),
        grades=graded(inputs),
    )


def verdicts(inputs: Mapping[str, Path]) -> list[Verdict]:
    folders = [*only(inputs, "judge").values(), *(inputs[x] for x in ("annotate",) if x in inputs)]
    return [verdict for folder in folders for verdict in rows(folder, "verdicts.jsonl", Verdict)]


def graded(inputs: Mapping[str, Path]) -> list[Graded]:
    """Every grade with whose submission it is of.

    Raises:
        DataError: a grade is of a submission that the study does not have.
    """
    signed = {s.submission_id: s for s in rows(inputs.get("study"), "sealed/signatures.jsonl", Signature)}
    found = []
    for folder in (*only(inputs, "judge").values(), *(inputs[x] for x in ("annotate",) if x in inputs)):
        for grade in rows(folder, "grades.jsonl", Grade):
            by = signed.get(grade.submission_id)
            if by is None:
                name = folder / "grades.jsonl"
                raise DataError(f"{name}: submission {grade.submission_id!r} is not in the study")
            found.append(
                Graded(
                    grade.judge, by.task, by.system, by.prompt_id, by.sample, by.turn, grade.grade, grade.raw
                )
            )
    return found


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


def read_choice(choose: Path | None) -> Any:
    path = choose / "choice.json" if choose else None
    return read_json(path) if path and path.exists() else {}


def read_json(path: Path) -> Any:
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
    for name in ("dropped.jsonl", "truncated.jsonl", "unused.jsonl"):
        path = folder / name
        for dropped in jsonl.read(path, Dropped) if path.exists() else ():
            before = found.get(dropped.rule)
            first = (before.example, before.detail) if before else (dropped.id, dropped.detail)
            found[dropped.rule] = Taken((before.count if before else 0) + 1, *first)
    return found
