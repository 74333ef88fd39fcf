"""Figure 9 (Appendix B): perplexity and quality over the epochs. In the paper both rise: low perplexity is no quality.

Perplexity is that of the dev examples' responses; quality is the mean grade of the answers to dev prompts, where
[choose] had a judge. The sign is named with its quantity: a positive correlation of perplexity with grades means that
the epochs with the worse perplexity answer better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, sqrt
from typing import Any

from handful.core.types import Interval
from handful.report.facts import Facts
from handful.report.page import Figure, Text
from handful.report.scales import Panel, panels

FEWEST = 3


def figure_9(facts: Facts) -> Figure | Text:
    rows = list(epochs(facts))
    perplexity = [
        (float(row["epoch"]), bare(row["perplexity"])) for row in rows if row["perplexity"] is not None
    ]
    grades = [(float(row["epoch"]), row["grade"]) for row in rows if row["grade"] is not None]
    if not perplexity:
        return Text(["There is no dev loss, so nothing to set beside quality (Figure 9)."])
    shown = [Panel("Perplexity of the dev set", perplexity)]
    if grades:
        shown.append(Panel("Mean grade of the answers to dev prompts", grades))
    chosen = facts.counts("choose").get("epoch")
    drawing = panels("Perplexity and quality by epoch", "epoch", shown, chosen)
    return Figure(
        "Figure 9: perplexity and quality over epochs",
        drawing,
        rows,
        caption(rows, chosen),
        "figure-9",
        "figure-9",
    )


def epochs(facts: Facts) -> Sequence[Mapping[str, Any]]:
    """A row an epoch: perplexity and, where a judge graded, the mean grade with its interval."""
    graded = {row["epoch"]: row.get("grade") for row in facts.choice.get("epochs", ())}
    return [
        {
            "epoch": row["epoch"],
            "step": row["step"],
            "perplexity": None if row.get("dev_loss") is None else exp(row["dev_loss"]),
            "grade": graded.get(row["epoch"]),
        }
        for row in facts.epochs
    ]


def bare(value: float) -> Interval:
    return Interval(value, None, None, 1, unit="dev sets", note="one measurement of one dev set")


def caption(rows: Sequence[Mapping[str, Any]], chosen: int | None) -> str:
    both = [
        (row["perplexity"], row["grade"].estimate)
        for row in rows
        if row["perplexity"] is not None and row["grade"] is not None and row["grade"].estimate is not None
    ]
    marked = f" The dashed line is epoch {chosen}, the one evaluated." if chosen is not None else ""
    if not both:
        return f"No judge graded the epochs, so perplexity stands alone (choose.by).{marked}"
    r = correlation(both) if len(both) >= FEWEST else None
    if r is None:
        return f"Too few epochs for a correlation.{marked}"
    way = "higher" if r > 0 else "lower"
    return (
        f"Correlation of perplexity with the grade over {len(both)} epochs: {r:+.2f} (the {way} the "
        "perplexity, the better the answers were graded). "
        f"Epochs of one training are not independent, so no interval is given.{marked}"
    )


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's; None where one of the two does not vary."""
    n = len(pairs)
    x_mean, y_mean = sum(x for x, _ in pairs) / n, sum(y for _, y in pairs) / n
    xx = sum((x - x_mean) ** 2 for x, _ in pairs)
    yy = sum((y - y_mean) ** 2 for _, y in pairs)
    xy = sum((x - x_mean) * (y - y_mean) for x, y in pairs)
    return xy / sqrt(xx * yy) if xx > 0 and yy > 0 else None
