"""An ablation's result as a page, as Markdown, as numbers: what was trained, how it was graded, what could be seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Interval, Response
from handful.experiments.ablate import Course, Trained
from handful.experiments.arms import Ablation
from handful.experiments.outcome import ArmDifference, ArmGrade, arm_differences, arm_grades, graders
from handful.report import numbers
from handful.report.grading import quantity_of
from handful.report.markdown import markdown
from handful.report.page import Block, Cell, Column, Figure, Section, Table, Text, html
from handful.report.scales import means, over_quantity
from handful.run.store import read_manifest
from handful.stats.bootstrap import Bootstrap
from handful.stats.work import read as read_study


def write(ablation: Ablation, course: Course, work: Path) -> Path:
    """Leave WORK/ablation-NAME/ with the page in its forms; returns the page's path."""
    grades, differences = graded(course) if course.judged else ([], [])
    rows = [training_row(one) for one in course.trained]
    made = sections(ablation, course, rows, grades, differences)
    out = work / f"ablation-{ablation.name}"
    (out / "figures").mkdir(parents=True, exist_ok=True)
    title, subtitle = ablation.question, told_size(ablation)
    plain = {
        "name": ablation.name,
        "question": ablation.question,
        "arms": list(ablation.arms),
        "seeds": list(ablation.seeds),
        "vary": list(ablation.vary),
        "trainings": rows,
        "grades": msgspec.to_builtins(grades),
        "differences": msgspec.to_builtins(differences),
        "evaluation": {label: folder.name for label, folder in course.evaluation.items()},
    }
    files = {
        "ablation.html": html(title, subtitle, made),
        "ablation.md": markdown(title, subtitle, made, browse=False),
        "ablation.json": json.dumps(plain, indent=1, ensure_ascii=False) + "\n",
        **{f"figures/{name}.csv": content for name, content in numbers.tables(made).items()},
        **{f"figures/{figure.name}.svg": figure.file for figure in numbers.figures(made) if figure.name},
    }
    for name, content in files.items():
        write_whole(out / name, content)
    return out / "ablation.html"


def told_size(ablation: Ablation) -> str:
    arms, seeds = len(ablation.arms), len(ablation.seeds)
    return f"{arms} arms, {seeds} {'training' if seeds == 1 else 'trainings'} each"


def graded(course: Course) -> tuple[list[ArmGrade], list[ArmDifference]]:
    study, arms, bootstrap = (
        read_study(dict(sorted(course.evaluation.items())), {}),
        course.arms(),
        Bootstrap(),
    )
    single = {grader.name: grader for grader in study.graders("helpfulness")}
    grades: list[ArmGrade] = []
    differences: list[ArmDifference] = []
    for pooled in graders(study, arms):
        grades += arm_grades(pooled, single[pooled.name], arms, bootstrap)
        differences += arm_differences(pooled, arms, bootstrap)
    return grades, differences


def training_row(one: Trained) -> dict[str, Any]:
    counts = read_manifest(one.train).counts
    epochs = list(jsonl.read(one.train / "epochs.jsonl", dict))
    losses = [row.get("dev_loss") for row in epochs if row["epoch"] == one.epoch]
    return {
        "arm": one.arm,
        "seed": one.seed,
        "examples": counts["examples"],
        "tokens": counts["tokens"],
        "response_tokens": counts["response_tokens"],
        "steps": counts["steps"],
        "epoch": one.epoch,
        "dev_loss": losses[0] if losses else None,
    }


def sections(
    ablation: Ablation,
    course: Course,
    rows: Sequence[Mapping[str, Any]],
    grades: Sequence[ArmGrade],
    differences: Sequence[ArmDifference],
) -> list[Section]:
    result: list[Block] = []
    for judge in dict.fromkeys(row.judge for row in grades):
        result += by_judge(
            [row for row in grades if row.judge == judge], [row for row in differences if row.judge == judge]
        )
    if not result:
        result = [Text(["Nothing was graded: the evaluation names no judge of helpfulness."], "warning")]
    about = Text([line for line in (ablation.paper, told_varied(ablation)) if line])
    return [
        Section("result", "What came out", [about, *result]),
        Section("trained", "What was trained", [training_table(rows), unequal(rows)]),
        Section("answers", "What was answered", [answers_table(course)]),
        Section(
            "limits", "What this can and cannot show", [limits(ablation, grades, differences), where(course)]
        ),
    ]


def told_varied(ablation: Ablation) -> str:
    what = " and ".join(ablation.vary)
    return f"Each seed was laid over {what}; all else in an arm is equal from seed to seed."


def by_judge(grades: Sequence[ArmGrade], differences: Sequence[ArmDifference]) -> list[Block]:
    judge = grades[0].judge
    blocks: list[Block] = []
    shown = [(row.arm, row.mean) for row in grades]
    data = [{"judge": judge, "arm": row.arm, "mean": row.mean, "graded": row.graded} for row in grades]
    if any(value.estimate is not None for _, value in shown):
        title = f"Figure 5: mean helpfulness, 1 to 6, by {judge}"
        caption = "Bars are 95% intervals over prompts, with the seeds pooled."
        blocks.append(Figure(title, means(title, shown), data, caption, f"figure-5-{judge}", "figure-5"))
    points = sorted(
        (quantity, row.mean)
        for row in grades
        if (quantity := quantity_of(row.arm)) is not None and row.mean.estimate is not None
    )
    if len({quantity for quantity, _ in points}) > 1:
        title = f"Figure 6: mean helpfulness by quantity, by {judge}"
        drawing = over_quantity(title, points, "training examples (each step doubles)")
        data = [{"judge": judge, "quantity": quantity, "mean": value} for quantity, value in points]
        blocks.append(Figure(title, drawing, data, "Quantities are read from the arms' names.",
                             f"figure-6-{judge}", "figure-6"))  # fmt: skip
    return [*blocks, grades_table(grades), *([differences_table(differences)] if differences else [])]


def grades_table(grades: Sequence[ArmGrade]) -> Table:
    names = list(grades[0].counts)
    columns = [Column("Arm"), Column("Mean", "grade"), Column("Over seeds", "grade"), Column("By seed")]
    columns += [Column(name, "count") for name in (*names, "Unreadable", "Missing")]
    return Table(
        f"Grades by {grades[0].judge}",
        columns,
        [
            [
                row.arm,
                row.mean,
                row.over_seeds,
                ", ".join(f"{value:.2f}" for value in row.by_seed),
                *(row.counts[name] for name in names),
                row.unreadable,
                row.missing,
            ]
            for row in grades
        ],
        note="Mean: interval over prompts, of these trainings. Over seeds: over trainings, of these prompts.",
    )


def differences_table(rows: Sequence[ArmDifference]) -> Table:
    return Table(
        f"Each arm less {rows[0].first}, by {rows[0].judge}",
        [
            Column("Arm"),
            Column("Difference", "grade"),
            Column("Prompts", "count"),
            Column("Randomisation test, p", "p"),
            Column("Holm, p", "p"),
            Column("Smallest visible", "number"),
        ],
        [[r.arm, r.difference, r.difference.n, r.p_value, r.p_holm, r.visible] for r in rows],
        note="Smallest visible: the true difference that as many prompts, as scattered as these, show 4 times in 5.",
    )


def training_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = ("examples", "tokens", "response_tokens", "steps", "epoch")
    return Table(
        "Trainings",
        [
            Column("Arm"),
            Column("Seed"),
            *(Column(n.replace("_", " ").capitalize(), "count") for n in names),
            Column("Dev loss", "number"),
        ],
        [[row["arm"], str(row["seed"]), *(row[n] for n in names), row["dev_loss"]] for row in rows],
        note="A dev loss compares trainings only where the dev set is the same.",
    )


def unequal(rows: Sequence[Mapping[str, Any]]) -> Text:
    """Arms of as many examples may differ in what a model saw: the paper's own confound."""
    tokens = [row["response_tokens"] for row in rows]
    most, least = max(tokens), max(min(tokens), 1)
    words = f"Arms differ in response tokens by up to {most / least:.1f} times"
    return Text([f"{words}: what looks like an effect of the arm may be one of length." if most > 1.2 * least
                 else f"{words}."])  # fmt: skip


def answers_table(course: Course) -> Table:
    rows: list[list[Cell]] = []
    for label, folder in course.evaluation.items():
        if label.startswith("generate/"):
            said = list(jsonl.read(folder / "responses.jsonl", Response))
            words = sum(len(one.text.split()) for one in said) / max(len(said), 1)
            ended = sum(one.finish in ("eot", "eos") for one in said) / max(len(said), 1)
            rows.append([label.removeprefix("generate/"), len(said), round(words), ended])
    columns = [
        Column("System"),
        Column("Responses", "count"),
        Column("Mean words", "count"),
        Column("Ended", "share"),
    ]
    return Table(
        "Answers to the test prompts", columns, rows, note="Ended: by the model itself, not by the limit."
    )


def limits(ablation: Ablation, grades: Sequence[ArmGrade], differences: Sequence[ArmDifference]) -> Text:
    lines = []
    for row in differences:
        lines.append(finding(row))
    if len(ablation.seeds) == 1:
        lines.append("One training an arm: whether another seed would change the order is not known.")
    if any(row.over_seeds.n < 3 for row in grades) and len(ablation.seeds) > 1:
        lines.append("Two trainings an arm say little of the spread between trainings.")
    flat = {row.judge for row in grades if max(row.counts.values()) > 0.9 * max(row.graded, 1)}
    lines += [
        f"{judge} gives one grade more than nine times in ten: it can hardly tell arms apart."
        for judge in flat
    ]
    lines.append("A judge's grades are worth what its own validity is: the evaluation's report has it.")
    return Text(lines, "list")


def where(course: Course) -> Text:
    """Where the answers themselves can be read."""
    report = course.evaluation.get("report")
    return Text([f"Every answer with its grades: ../{report.name}/browse.html."] if report else [])


def finding(row: ArmDifference) -> str:
    """One sentence a difference, no stronger than its interval."""
    value: Interval = row.difference
    if value.estimate is None or value.low is None or value.high is None:
        return f"{row.arm} and {row.first} by {row.judge}: no interval, so nothing is concluded."
    size = f"{value.estimate:+.2f} ({value.low:+.2f} to {value.high:+.2f}, {value.n} prompts)"
    if value.low > 0 or value.high < 0:
        better = "better" if value.low > 0 else "worse"
        return f"{row.arm} is graded {better} than {row.first} by {row.judge}: {size}."
    seen = f"; a true difference below {row.visible:.2f} would mostly stay unseen here" if row.visible else ""
    return f"{row.arm} and {row.first} are not told apart by {row.judge}: {size}{seen}."
