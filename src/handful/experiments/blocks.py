"""The figures and tables of an ablation's page: what came out, what was trained, what these data could have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handful.core import jsonl
from handful.core.types import Interval, Response
from handful.experiments.ablate import Course
from handful.experiments.arms import Ablation
from handful.experiments.confounds import ArmFacts
from handful.experiments.outcome import ALIKE, PAPER, ArmDifference, ArmGrade, Trend, alike
from handful.report.grading import quantity_of
from handful.report.page import Block, Cell, Column, Figure, Table, Text
from handful.report.preferences import slug
from handful.report.scales import means, over_quantity


def told_alike(shown: Sequence[tuple[str, Interval]]) -> str:
    """Whose intervals come of values that are all alike; nothing where they come of a spread."""
    names = ", ".join(name for name, value in shown if alike(value))
    return f"{ALIKE.capitalize()} ({names})." if names else ""


def said(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def told_varied(ablation: Ablation) -> str:
    if len(ablation.seeds) == 1:
        return ""
    what = " and ".join(ablation.vary)
    return f"Each seed was laid over {what}; all else in an arm is equal from seed to seed."


def by_judge(
    grades: Sequence[ArmGrade], differences: Sequence[ArmDifference], trends: Sequence[Trend]
) -> list[Block]:
    """Figures 5 and 6 and their tables, by one judge."""
    judge = grades[0].judge
    blocks: list[Block] = [*figure_5(judge, grades), *figure_6(judge, grades, trends), grades_table(grades)]
    return [*blocks, differences_table(differences)] if differences else blocks


def figure_5(judge: str, grades: Sequence[ArmGrade]) -> list[Block]:
    shown = [(row.arm, row.mean) for row in grades]
    if all(value.estimate is None for _, value in shown):
        return []
    title = f"Figure 5: mean helpfulness, 1 to 6, by {judge}"
    data = [
        {
            "judge": judge,
            "arm": row.arm,
            "mean": row.mean,
            "seeds": row.seeds,
            "over_seeds": row.over_seeds,
            "graded": row.graded,
        }
        for row in grades
    ]
    caption = said("Bars are 95% intervals over prompts, with the seeds pooled.", told_alike(shown))
    return [Figure(title, means(title, shown), data, caption, f"figure-5-{slug(judge)}", "figure-5")]


def figure_6(judge: str, grades: Sequence[ArmGrade], trends: Sequence[Trend]) -> list[Block]:
    points = sorted(
        (quantity, row.mean)
        for row in grades
        if (quantity := quantity_of(row.arm)) is not None and row.mean.estimate is not None
    )
    if len({quantity for quantity, _ in points}) < 2:
        return []
    title = f"Figure 6: mean helpfulness by quantity, by {judge}"
    drawing = over_quantity(title, points, "training examples, on a scale of doublings")
    data = [{"judge": judge, "quantity": quantity, "mean": value} for quantity, value in points]
    shown = [(row.arm, row.mean) for row in grades if quantity_of(row.arm) is not None]
    caption = said("Quantities are read from the arms' names. The scale of grades is cut.", told_alike(shown))
    lines = [told_trend(trend) for trend in trends if trend.judge == judge]
    figure = Figure(title, drawing, data, caption, f"figure-6-{slug(judge)}", "figure-6")
    return [figure, *([Text(lines)] if lines else [])]


def told_trend(trend: Trend) -> str:
    value = trend.per_doubling
    if value.estimate is None or value.low is None or value.high is None:
        return f"By {trend.judge}, what a doubling does has no interval ({value.note})."
    bounds = f"{value.low:+.2f} to {value.high:+.2f}, {value.n} prompts, {trend.arms} arms"
    size = f"{value.estimate:+.2f} ({bounds}{f'; {ALIKE}' if alike(value) else ''})"
    flat = (
        ""
        if value.low > 0 or value.high < 0
        else ": no trend is shown, which does not show that there is none"
    )
    return f"A doubling of the examples changes the mean grade by {trend.judge} by {size}{flat}."


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
        note=said(
            "Mean: interval over prompts, of these trainings. Over seeds: over trainings, of these prompts.",
            told_alike([(row.arm, row.mean) for row in grades]),
        ),
    )


def differences_table(rows: Sequence[ArmDifference]) -> Table:
    return Table(
        f"Each arm less {rows[0].first}, by {rows[0].judge}",
        [
            Column("Arm"),
            Column("Difference", "grade"),
            Column("Prompts", "count"),
            Column("Over seeds", "grade"),
            Column("Randomisation test, p", "p"),
            Column("Holm, p", "p"),
        ],
        [[r.arm, r.difference, r.difference.n, r.over_seeds, r.p_value, r.p_holm] for r in rows],
        note=said(
            "Difference: interval over prompts, of these trainings. Over seeds: Welch's, of the trainings' means.",
            told_alike([(row.arm, row.difference) for row in rows]),
        ),
    )


def sight_table(rows: Sequence[ArmDifference]) -> Table:
    """Could this have seen what the paper saw?"""
    return Table(
        "What these data could have seen",
        [
            Column("Judge"),
            Column("Arm"),
            Column("Prompts", "count"),
            Column("Smallest visible", "number"),
            *(Column(f"Chance to see {name}", "share") for name in PAPER),
            Column("Trainings an arm", "count"),
        ],
        [
            [
                row.judge,
                f"{row.arm} less {row.first}",
                row.difference.n,
                row.visible,
                *(row.chances.get(name) for name in PAPER),
                row.over_seeds.n or 1,
            ]
            for row in rows
        ],
        note=(
            "Smallest visible: the true difference that as many prompts, as scattered as these, show 4 times in 5. "
            "0.34 and 0.50 are the paper's differences by diversity and by quality (Section 5), from another model and "
            "judge. Normal approximation, of these very trainings: the spread between trainings comes on top. A dash: "
            "fewer than ten prompts, or all alike."
        ),
    )


def training_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    counts = ("examples", "left_out", "cut", "tokens", "response_tokens", "steps", "epoch")
    losses = ("train_loss", "dev_loss")
    limit = ", ".join(f"{most:,}" for most in sorted({row["max_tokens"] for row in rows}))
    return Table(
        "Trainings",
        [
            Column("Arm"),
            Column("Seed"),
            *(Column(TRAINING[name], "count") for name in counts),
            *(Column(TRAINING[name], "number") for name in losses),
        ],
        [[row["arm"], str(row["seed"]), *(row[name] for name in (*counts, *losses))] for row in rows],
        note=(
            f"Examples: trained on. Left out: the prompt alone fills train.max_tokens ({limit}), or the model's "
            "context where that is shorter. Lost their tail: longer, and cut there. Tokens are of all epochs. Training "
            "loss: the mean over the steps of that epoch, each taken before its update and with dropout, so it may lie "
            "above the dev loss; it does not compare arms of different examples. A dev loss compares trainings only "
            "where the dev set is the same; a dash: no dev set."
        ),
    )


TRAINING = {
    "examples": "Examples",
    "left_out": "Left out",
    "cut": "Lost their tail",
    "tokens": "Tokens",
    "response_tokens": "Response tokens",
    "steps": "Steps",
    "epoch": "Epoch",
    "train_loss": "Training loss",
    "dev_loss": "Dev loss",
}
"""What a training's row has, and its column."""


def told_left_out(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each training that did without some of its arm's examples."""
    return [
        f"{row['arm']}, seed {row['seed']}: {row['left_out']:,} of {row['examples'] + row['left_out']:,} examples left "
        f"out, since the prompt alone fills train.max_tokens ({row['max_tokens']:,})."
        for row in rows
        if row["left_out"]
    ]


def data_table(facts: Sequence[ArmFacts]) -> Table:
    return Table(
        "What the arms were trained on, with the first seed",
        [
            Column("Arm"),
            Column("Examples", "count"),
            Column("Of sources"),
            Column("Communities", "count"),
            Column("Prompt words, mean", "number"),
            Column("Median", "number"),
            Column("Response words, mean", "number"),
            Column("Median", "number"),
            Column("Also in the first arm", "count"),
        ],
        [
            [
                fact.arm,
                fact.examples,
                ", ".join(f"{name} {count:,}" for name, count in fact.sources.items()),
                fact.communities,
                fact.prompt_words,
                fact.prompt_words_median,
                fact.response_words,
                fact.response_words_median,
                fact.shared_with_first,
            ]
            for fact in facts
        ],
    )


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
