"""An ablation's result as a page, as Markdown, as numbers: WORK/ablation-NAME/ (docs/artifacts.md)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Dropped, Example
from handful.experiments import blocks
from handful.experiments.ablate import Course, Trained, folder
from handful.experiments.arms import Ablation
from handful.experiments.confounds import ArmFacts, confounds, facts_of_arms
from handful.experiments.findings import findings
from handful.experiments.outcome import (
    ArmDifference,
    ArmGrade,
    Trend,
    arm_differences,
    arm_grades,
    pooled,
    trend,
)
from handful.experiments.tasks import ArmTasks, blocks_of, tasks_of
from handful.report import numbers
from handful.report.grading import quantity_of
from handful.report.markdown import escaped, markdown
from handful.report.page import Block, Section, Text, html
from handful.run.store import read_manifest
from handful.stats.bootstrap import Bootstrap
from handful.stats.work import read as read_study

ANSWERS, VALIDITY = "/browse.html", "/report.html#trust"
"""Of the evaluation's report: every answer with its grades, and whether the judges can be trusted."""
HTML_LINK, MARKDOWN_LINK = '<a href="{file}">{file}</a>', "[{file}]({file})"


@dataclass(slots=True)
class Outcome:
    """Every figure of the evaluation; all empty where nothing was graded."""

    grades: list[ArmGrade] = field(default_factory=list)
    differences: list[ArmDifference] = field(default_factory=list)
    trends: list[Trend] = field(default_factory=list)
    tasks: ArmTasks = field(default_factory=ArmTasks)


def write(ablation: Ablation, course: Course, work: Path) -> Path:
    """Leave WORK/ablation-NAME/ with the page in its forms; returns the page's path."""
    outcome = graded(course) if course.judged else Outcome()
    rows = [training_row(one) for one in course.trained]
    facts = facts_of_arms(first_datasets(course))
    made = sections(ablation, course, rows, facts, outcome)
    out = folder(ablation, work)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    title, subtitle = ablation.question, told_size(ablation, course)
    plain = {
        "name": ablation.name,
        "question": ablation.question,
        "arms": list(ablation.arms),
        "seeds": list(ablation.seeds),
        "vary": list(ablation.vary),
        "prompts": len(course.prompts),
        "warnings": course.warnings,
        "data": msgspec.to_builtins(facts),
        "trainings": rows,
        "grades": msgspec.to_builtins(outcome.grades),
        "differences": msgspec.to_builtins(outcome.differences),
        "trends": msgspec.to_builtins(outcome.trends),
        "tasks": msgspec.to_builtins(outcome.tasks),
        "evaluation": {label: path.name for label, path in course.evaluation.items()},
    }
    files = {
        "ablation.html": linked(html(title, subtitle, made, file="ablation"), course, HTML_LINK),
        "ablation.md": linked(markdown(title, subtitle, made, browse=False), course, MARKDOWN_LINK),
        "ablation.json": json.dumps(plain, indent=1, ensure_ascii=False) + "\n",
        **{f"figures/{name}.csv": content for name, content in numbers.tables(made).items()},
        **{f"figures/{figure.name}.svg": figure.file for figure in numbers.figures(made) if figure.name},
    }
    for name, content in files.items():
        write_whole(out / name, content)
    return out / "ablation.html"


def told_size(ablation: Ablation, course: Course) -> str:
    arms, seeds = len(ablation.arms), len(ablation.seeds)
    trainings = f"{seeds} {'training' if seeds == 1 else 'trainings'} each"
    return f"{arms} arms, {trainings}, {len(course.prompts):,} test prompts"


def first_datasets(course: Course) -> dict[str, Path]:
    """Arm -> its folder `dataset`, with the first seed."""
    found: dict[str, Path] = {}
    for one in course.trained:
        found.setdefault(one.arm, one.dataset)
    return found


def graded(course: Course) -> Outcome:
    """Every judge, and all people as one, by arm; systems that stand beside the arms are yardsticks of their own."""
    study, bootstrap = read_study(dict(sorted(course.evaluation.items())), {}), Bootstrap()
    systems = [
        label.removeprefix("generate/") for label in course.evaluation if label.startswith("generate/")
    ]
    arms = course.arms()
    everyone = arms | {name: name for name in systems if name not in arms}
    renamed = pooled(study, everyone)
    single = {grader.name: grader for grader in study.graders("helpfulness")}
    outcome = Outcome(tasks=tasks_of(renamed, bootstrap))
    quantities = {arm: n for arm in arms.values() if (n := quantity_of(arm)) is not None}
    for grader in renamed.graders("helpfulness"):
        if grader.kind == "person":
            continue
        outcome.grades += arm_grades(grader, single[grader.name], everyone, bootstrap)
        outcome.differences += arm_differences(grader, everyone, bootstrap, single[grader.name])
        if found := trend(grader, quantities, bootstrap):
            outcome.trends.append(found)
    return outcome


def training_row(one: Trained) -> dict[str, Any]:
    """What a training was of: counts, what it lost to `train.max_tokens`, and the losses of the epoch that was chosen.

    The mean of the steps' losses is the one that `handful show` prints.
    """
    manifest = read_manifest(one.train)
    epochs = list(jsonl.read(one.train / "epochs.jsonl", dict))
    dev = [row.get("dev_loss") for row in epochs if row["epoch"] == one.epoch]
    steps = [row["loss"] for row in jsonl.read(one.train / "steps.jsonl", dict) if row["epoch"] == one.epoch]
    counts = manifest.counts
    return {
        "arm": one.arm,
        "seed": one.seed,
        "examples": counts["examples"],
        **lost(one),
        "max_tokens": manifest.params["max_tokens"],
        "tokens": counts["tokens"],
        "response_tokens": counts["response_tokens"],
        "steps": counts["steps"],
        "epoch": one.epoch,
        "train_loss": fmean(steps) if steps else None,
        "dev_loss": dev[0] if dev else None,
    }


def lost(one: Trained) -> dict[str, int]:
    """Training examples that lost their tail, and those without a response left; the record has dev examples, too."""
    ids = {example.id for example in jsonl.read(one.dataset / "train.jsonl", Example)}
    rules = Counter(row.rule for row in jsonl.read(one.train / "truncated.jsonl", Dropped) if row.id in ids)
    return {"left_out": rules["no_response_left"], "cut": rules["too_many_tokens"]}


def sections(
    ablation: Ablation,
    course: Course,
    rows: Sequence[dict[str, Any]],
    facts: list[ArmFacts],
    outcome: Outcome,
) -> list[Section]:
    result: list[Block] = []
    for judge in dict.fromkeys(row.judge for row in outcome.grades):
        result += blocks.by_judge(
            [row for row in outcome.grades if row.judge == judge],
            [row for row in outcome.differences if row.judge == judge],
            outcome.trends,
        )
    result += blocks_of(outcome.tasks)
    if not result:
        result = [Text(["Nothing was graded: the evaluation names no judge, and no people."], "warning")]
    about = Text([line for line in (ablation.paper, blocks.told_varied(ablation)) if line])
    warned: list[Block] = [Text(course.warnings, "warning")] if course.warnings else []
    left_out = blocks.told_left_out(rows)
    trained: list[Block] = [blocks.data_table(facts), blocks.training_table(rows)]
    trained += [Text(left_out, "list")] if left_out else []
    return [
        Section("result", "What came out", [*warned, about, *result]),
        Section(
            "limits", "What this can and cannot show", limits(ablation, facts, outcome, report_of(course))
        ),
        Section("trained", "What was trained", trained),
        Section("answers", "What was answered", [blocks.answers_table(course), *where(course)]),
    ]


def limits(ablation: Ablation, facts: list[ArmFacts], outcome: Outcome, report: str) -> list[Block]:
    lines = [
        *findings(ablation, outcome.grades, outcome.differences, f"{report}{VALIDITY}"),
        *confounds(facts),
    ]
    table: list[Block] = [blocks.sight_table(outcome.differences)] if outcome.differences else []
    return [*table, Text(lines, "list")]


def where(course: Course) -> list[Block]:
    """Where the answers themselves can be read."""
    report = report_of(course)
    return [Text([f"Every answer with its grades: {report}{ANSWERS}"])] if report else []


def report_of(course: Course) -> str:
    """The evaluation's report as the page's folder reaches it; "" where nothing was graded."""
    report = course.evaluation.get("report")
    return f"../{report.name}" if report else ""


def linked(page: str, course: Course, link: str) -> str:
    """The page with links where it names a file of the report: its blocks are text, which every form of it escapes.

    Args:
        link: the form's link; `{file}` stands for the file, as name and as address.
    """
    for file in (f"{report_of(course)}{name}" for name in (VALIDITY, ANSWERS) if report_of(course)):
        for written in dict.fromkeys((file, escaped(file))):
            page = page.replace(written, link.format(file=file))
    return page
