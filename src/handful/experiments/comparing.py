"""A claim of the paper and a figure of ours: does the paper's value lie in our interval, and if not, how far off is it?

What ours cannot bear is not compared: too few prompts, no interval, a judge that cannot be trusted or that gives all
the same grade, another comparison than the paper's. That the paper's value lies in our interval shows no reproduction:
an interval of few prompts holds many values.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

from handful.core.types import Interval, Noun
from handful.experiments.beside import Ours
from handful.experiments.claims import Claim, Value
from handful.report.claims import MIN_PROMPTS
from handful.report.page import MINUS
from handful.stats.analytic import wilson
from handful.stats.power import z

Status = Literal["same", "inside", "near", "differs", "cannot_tell", "no_figure", "not_run"]
WORDS: dict[Status, str] = {
    "same": "the same",
    "inside": "in our interval",
    "near": "outside, but no further than chance in both",
    "differs": "differs",
    "cannot_tell": "cannot tell",
    "no_figure": "no figure of the paper's",
    "not_run": "not run",
}
UNCOUNTED = ("prompts", "dialogues")
"""Units of which a few show nothing; of others (epochs, settings) there are never many."""


class Comparison(Noun, frozen=True):
    status: Status
    why: str = ""

    def told(self) -> str:
        return f"{WORDS[self.status]}: {self.why}" if self.why else WORDS[self.status]


def compare(claim: Claim, ours: Ours | None) -> Comparison:
    """Set ours beside the paper's; what stands in the way of it comes first."""
    if ours is None:
        return Comparison("not_run")
    if claim.value is None:
        return Comparison("no_figure", "none that a second source confirms")
    value = ours.value
    if value.estimate is None:
        return Comparison("cannot_tell", value.note or "nothing could be read")
    if isinstance(claim.value, str):
        return in_words(claim.value, ours)
    if ours.standing == "counted" and value.low is None:
        return of_counts(claim, claim.value, value)
    if ours.doubt:
        return Comparison("cannot_tell", ours.doubt)
    if value.n < MIN_PROMPTS and (value.unit in UNCOUNTED or claim.unit in UNCOUNTED):
        return Comparison("cannot_tell", f"n = {value.n}, and {MIN_PROMPTS} are the fewest")
    if value.low is None or value.high is None:
        return Comparison("cannot_tell", value.note or "no interval")
    low, high = ends(claim.value)
    if value.low <= high and low <= value.high:
        return Comparison("inside")
    return Comparison("near" if by_chance(claim, value) else "differs", off(claim, value.estimate))


def in_words(word: str, ours: Ours) -> Comparison:
    """Where the paper has a word and no figure: a sign, or that something is followed."""
    value = ours.value
    if word not in ("positive", "negative"):
        return Comparison("no_figure", "it prints answers, and counts nothing")
    if ours.doubt:
        return Comparison("cannot_tell", ours.doubt)
    assert value.estimate is not None
    same = "same" if (value.estimate > 0) == (word == "positive") else "other"
    return Comparison("cannot_tell", f"the {same} sign over {value.n} {value.unit}, but {value.note}")


def of_counts(claim: Claim, paper: Value, value: Interval) -> Comparison:
    """What is counted is the same or not; lengths depend on the tokenizer, and perplexities on what is held out."""
    assert not isinstance(paper, str | None)
    assert value.estimate is not None
    low, high = ends(paper)
    if claim.measure in ("input", "output", "tokens"):
        return Comparison("cannot_tell", f"{value.estimate / low:.2f} times, by another tokenizer")
    if claim.of == "perplexity":
        return Comparison(
            "cannot_tell", "another model and another held-out set: only the direction compares"
        )
    same = low <= value.estimate <= high or abs(value.estimate - low) < 1e-9
    return Comparison("same") if same else Comparison("differs", off(claim, value.estimate))


def ends(value: float | tuple[float, float]) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)


def off(claim: Claim, estimate: float) -> str:
    """How far ours is from the nearer end of the paper's, with its sign and unit."""
    assert not isinstance(claim.value, str | None)
    low, high = ends(claim.value)
    distance = estimate - (low if estimate < low else high)
    form = "+,.0f" if claim.form == "count" else "+,.2f"
    size = f"{100 * distance:+.0f} points" if claim.form == "share" else format(distance, form)
    return size.replace("-", MINUS)


def by_chance(claim: Claim, value: Interval) -> bool:
    """Whether a share of the paper's `n` and ours may be one and the same: their difference's interval holds 0.

    The interval is Newcombe's (1998, method 10): the square of each side is the sum of both samples' squares. The
    paper's own bounds are Wilson's, from the n that it gives: it prints none.
    """
    if claim.form != "share" or claim.n is None or not isinstance(claim.value, float):
        return False
    assert value.estimate is not None
    assert value.low is not None
    assert value.high is not None
    low, high = wilson(claim.value, claim.n, z(0.975))
    if value.estimate < claim.value:
        reach = sqrt((value.high - value.estimate) ** 2 + (claim.value - low) ** 2)
    else:
        reach = sqrt((value.estimate - value.low) ** 2 + (high - claim.value) ** 2)
    return abs(value.estimate - claim.value) <= reach
