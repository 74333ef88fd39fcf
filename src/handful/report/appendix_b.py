"""Figure 9 (Appendix B): perplexity and quality over the epochs. In the paper both rise: low perplexity is no quality.

Perplexity is that of the dev examples' responses; quality is the mean grade of the answers to dev prompts, where
[choose] had a judge. The sign is named with its quantity: a positive correlation of perplexity with grades means that
the epochs with the worse perplexity answer better. Where the grades cannot bear that, the caption says why instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, sqrt
from typing import Any

from handful.core.types import Interval
from handful.recipe.judging import LocalJudge
from handful.report.facts import Facts
from handful.report.page import Figure, Text
from handful.report.scales import Panel, panels, ticks_of
from handful.report.words import number

FEWEST = 3
"""Epochs of which a correlation can be computed."""
FEWEST_TO_SAY = 4
"""Epochs of which anything is said of it: of three, chance alone goes beyond 0.95 one time in five."""
MIN_PROMPTS = 10
"""As in the statistics: fewer show nothing."""
SCALE = (1, 6)
"""Of grades."""


def figure_9(facts: Facts) -> Figure | Text:
    rows = list(epochs(facts))
    perplexity = [
        (float(row["epoch"]), bare(row["perplexity"])) for row in rows if row["perplexity"] is not None
    ]
    grades = [(float(row["epoch"]), row["grade"]) for row in rows if row["grade"] is not None]
    if not perplexity:
        return Text(["There is no dev loss, so nothing to set beside quality (Figure 9)."])
    shown = [Panel("Perplexity of the dev set", perplexity)]
    title = "Figure 9: perplexity and quality over epochs"
    if grades:
        shown.append(Panel(f"Mean grade of the answers to {number(prompts_of(rows), 'dev prompt')}", grades))
        title += f", graded by {facts.choice.get('judge') or 'a judge'}"
    chosen = facts.counts("choose").get("epoch")
    drawing = panels("Perplexity and quality by epoch", "epoch", shown, chosen)
    words = [ALONE]
    if grades:
        words = [of_grades(facts, rows, ticks_of(shown[-1])), of_correlation(facts, rows)]
    if chosen is not None:
        words.append(f"The grey band is epoch {chosen}, the one evaluated.")
    return Figure(title, drawing, rows, " ".join(words), "figure-9", "figure-9")


ALONE = "No judge graded the epochs, so perplexity stands alone (choose.by)."


def choice_notes(facts: Facts) -> Text | None:
    """What `choose` itself says against its choice; nothing where it took the last epoch, whatever the answers."""
    notes = [note.replace("`", "") for note in facts.choice.get("notes", ())]
    return Text(notes, "warning") if notes and facts.choice.get("by") != "last" else None


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


def prompts_of(rows: Sequence[Mapping[str, Any]]) -> int:
    return max((row["grade"].n for row in rows if row["grade"] is not None), default=0)


def of_grades(facts: Facts, rows: Sequence[Mapping[str, Any]], ticks: Sequence[float]) -> str:
    """What the lower panel shows, and where its scale begins and ends."""
    kind = "grades"
    if isinstance(facts.recipe.choose.judge, LocalJudge):
        kind = "expected grades (of 1 to 6 by their likelihoods; in the study the same judge gives one whole grade)"
    words = f"Below: mean {kind} over {number(prompts_of(rows), 'prompt')}"
    if any(row["grade"] is not None and row["grade"].low is not None for row in rows):
        words += "; bars are 95% intervals"
    low, high = max(ticks[0], SCALE[0]), min(ticks[-1], SCALE[1])
    if (low, high) != SCALE:
        words += f". The scale of grades is cut: of 1 to 6 it shows {low:g} to {high:g}"
    return f"{words}."


def of_correlation(facts: Facts, rows: Sequence[Mapping[str, Any]]) -> str:
    """The correlation, its sign in words; or why there is none."""
    both = [
        (row["perplexity"], row["grade"].estimate)
        for row in rows
        if row["perplexity"] is not None and row["grade"] is not None and row["grade"].estimate is not None
    ]
    if why := why_none(facts, len(both), prompts_of(rows)):
        return f"No correlation of perplexity with the grade is given: {why}."
    r = correlation(both)
    if r is None:
        return "Perplexity or the grade is the same for every epoch: there is no correlation."
    way = "higher" if r > 0 else "lower"
    return (
        f"Correlation of perplexity with the grade over {len(both)} epochs: {r:+.2f} (the {way} the "
        "perplexity, the better the answers were graded). "
        "Epochs of one training are not independent, so no interval is given."
    )


def why_none(facts: Facts, graded: int, prompts: int) -> str:
    """Why nothing is said of the correlation, as a clause; empty where the grades can bear it."""
    if graded < FEWEST_TO_SAY:
        return (
            f"over {number(graded, 'epoch')} it would say nothing (of three, chance alone goes beyond 0.95 one time in "
            "five)"
        )
    if prompts < MIN_PROMPTS:
        return f"the grades are of {number(prompts, 'prompt')}, and fewer than {MIN_PROMPTS} show nothing"
    control = facts.choice.get("control")
    if control is None or control.low is None or control.low <= 0:
        return "the judge cannot be seen to tell answers to their own prompts from answers to others"
    others = set(facts.choice.get("candidates", ())) - {facts.choice.get("epoch")}
    if others <= set(facts.choice.get("untold", others)):
        return "the grades tell the chosen epoch from no other"
    return ""


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's; None where one of the two does not vary."""
    n = len(pairs)
    x_mean, y_mean = sum(x for x, _ in pairs) / n, sum(y for _, y in pairs) / n
    xx = sum((x - x_mean) ** 2 for x, _ in pairs)
    yy = sum((y - y_mean) ** 2 for _, y in pairs)
    xy = sum((x - x_mean) * (y - y_mean) for x, y in pairs)
    return xy / sqrt(xx * yy) if xx > 0 and yy > 0 else None
