"""The gate: what a judge says of pairs that people have judged. Whether a judge is right, not only steady.

It speaks of pairs like those of the gate. A judge that passes on easy pairs may fail on a study's hard ones; where
people judged the study itself, their agreement with the judge there counts for more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from handful.core.types import Choice, Interval, Noun, Verdict
from handful.stats.agreement import CHOICES, Row, agreement, exact
from handful.stats.bootstrap import Bootstrap, Floats
from handful.stats.readings import Annotator, Mode, annotator
from handful.stats.reliability import majority

SIDES = ("left", "right")
MIN_PAIRS = 10
"""Below this many readings a gate neither passes nor fails anybody."""
MAX_USELESS = 0.6
"""Ours: the right side this often is hardly better than chance."""
PLACE = {choice: number for number, choice in enumerate(CHOICES)}


class Label(Noun, frozen=True):
    """What one person said of one pair of the gate, as `judge` writes it into gate_labels.jsonl."""

    id: str
    prompt: str
    choice: Choice
    group: str = ""
    annotator: str = ""
    given: str = ""
    """The pair's id where it came from."""


class Gate(Noun, frozen=True):
    """One judge on the labelled pairs. `flipped` readings are ties by rule; unreadable ones are in no rate."""

    judge: str
    mode: str
    pairs: int
    read: int
    unreadable: int
    missing: int
    accuracy: Interval
    """Share of its readings that are what most people said."""
    accuracy_all: Interval
    """The same with unreadable ones counted as wrong, as LLMBar does; missing ones are in neither."""
    accuracy_tie_discounted: Interval
    accuracy_each_order: Interval
    """The same, of single verdicts, before both orders are made one reading."""
    right_side: Interval
    """Of single verdicts that chose a side where most people did: how often it is theirs. Half is chance, whichever
    side or however many ties the labels have."""
    accuracy_when_steady: Interval
    """As `accuracy`, of pairs with one verdict in both orders."""
    flipped: Interval
    """Share of pairs on which the two orders differ."""
    kappa: Interval
    """Cohen's, against what most people said."""
    chance: float | None
    """Accuracy of guessing, each choice as often as this judge made it."""
    always: float | None
    """Accuracy of the best single choice, whatever is shown: of "tie", say, where most labels are."""
    people: Interval | None
    """Exact agreement of two people with each other, where labels have annotators: what to measure the judge by."""
    by_group: dict[str, Interval]
    """Group of pairs -> accuracy, where labels have groups."""
    passed: bool
    """Whether, on MIN_PAIRS pairs or more, its accuracy is beyond doubt above both `chance` and `always`."""
    failed: bool = False
    """Whether, on as many, `right_side` lies beyond doubt below MAX_USELESS: hardly better than chance."""


def gate(
    name: str, mode: Mode, verdicts: Iterable[Verdict], labels: Sequence[Label], bootstrap: Bootstrap
) -> Gate:
    """One judge's verdicts against the labels."""
    truth = truths(labels)
    prompts = {label.id: label.prompt or label.id for label in labels}
    groups = {label.id: label.group for label in labels if label.group}
    judge = annotator(name, "model", verdicts, list(truth), mode)
    rows: list[Row] = [(prompts[id], r.choice, truth[id]) for id, r in judge.readings.items() if r.choice]
    found = agreement(name, "gate", rows, bootstrap)
    statuses = Counter(reading.status for reading in judge.readings.values())
    chance, always = constants(rows)
    low = found.exact.low
    single = single_verdicts(judge, truth, prompts, bootstrap)
    sided = single["right_side"]
    return Gate(
        judge=name,
        mode=mode,
        pairs=len(truth),
        read=len(rows),
        unreadable=statuses["unreadable"],
        missing=statuses["missing"],
        accuracy=found.exact,
        accuracy_all=accuracy_all(judge, truth, prompts, bootstrap),
        accuracy_tie_discounted=found.tie_discounted,
        **single,
        kappa=kappa_interval(rows, bootstrap),
        chance=chance,
        always=always,
        people=people_agreement(labels, prompts, bootstrap),
        by_group={
            group: accuracy_in(group, judge, truth, groups, prompts, bootstrap) for group in groups.values()
        },
        passed=len(rows) >= MIN_PAIRS and low is not None and low > max(chance or 0.0, always or 0.0),
        failed=sided.n >= MIN_PAIRS and sided.high is not None and sided.high < MAX_USELESS,
    )


def accuracy_all(
    judge: Annotator, truth: Mapping[str, Choice], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> Interval:
    rows = [
        (prompts[id], float(reading.choice == truth[id]))
        for id, reading in judge.readings.items()
        if reading.status != "missing"
    ]
    return bootstrap.mean([prompt for prompt, _ in rows], [value for _, value in rows])


def accuracy_in(
    group: str,
    judge: Annotator,
    truth: Mapping[str, Choice],
    groups: Mapping[str, str],
    prompts: Mapping[str, str],
    bootstrap: Bootstrap,
) -> Interval:
    rows = [
        (prompts[id], exact(reading.choice, truth[id]))
        for id, reading in judge.readings.items()
        if reading.choice and groups.get(id) == group
    ]
    return bootstrap.mean([p for p, _ in rows], [v for _, v in rows])


def truths(labels: Iterable[Label]) -> dict[str, Choice]:
    """Pair -> what most people said of it; a draw among them is a tie."""
    said: dict[str, list[Choice]] = {}
    for label in labels:
        said.setdefault(label.id, []).append(label.choice)
    return {id: majority(choices) for id, choices in said.items()}


def single_verdicts(
    judge: Annotator, truth: Mapping[str, Choice], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> dict[str, Interval]:
    each = [
        (prompts[id], exact(choice, truth[id]))
        for id, orders in judge.verdicts.items()
        for choice in orders.values()
        if choice
    ]
    sided = [
        (prompts[id], exact(choice, truth[id]))
        for id, orders in judge.verdicts.items()
        for choice in orders.values()
        if choice in SIDES and truth[id] in SIDES
    ]
    both = [
        (prompts[id], a, b, truth[id])
        for id, orders in judge.verdicts.items()
        if (a := orders.get("forward")) and (b := orders.get("swapped"))
    ]
    steady = [(prompt, exact(a, label)) for prompt, a, b, label in both if a == b]

    def mean(rows: Sequence[tuple[str, float]]) -> Interval:
        return bootstrap.mean([p for p, _ in rows], [v for _, v in rows])

    return {
        "accuracy_each_order": mean(each),
        "right_side": mean(sided),
        "accuracy_when_steady": mean(steady),
        "flipped": mean([(prompt, float(a != b)) for prompt, a, b, _ in both]),
    }


def constants(rows: Sequence[Row]) -> tuple[float | None, float | None]:
    """(accuracy of guessing as often as the judge chose, accuracy of the best constant answer)."""
    if not rows:
        return None, None
    said, right = Counter(a for _, a, _ in rows), Counter(b for _, _, b in rows)
    n = len(rows)
    return sum(said[c] * right[c] for c in CHOICES) / n**2, max(right.values()) / n


def kappa_interval(rows: Sequence[Row], bootstrap: Bootstrap) -> Interval:
    """Cohen's kappa of exact agreement; its interval resamples prompts."""
    cells = np.zeros((len(rows), 9))
    for number, (_, a, b) in enumerate(rows):
        cells[number, 3 * PLACE[a] + PLACE[b]] = 1
    return bootstrap.of([p for p, _, _ in rows], cells, kappas)


def kappas(cells: Floats) -> Floats:
    """Kappa of each table of nine counts (d, 9), as `agreement.kappa`; nan where chance alone agrees fully."""
    tables = cells.reshape(-1, 3, 3) / cells.sum(axis=1)[:, None, None]
    observed = np.trace(tables, axis1=1, axis2=2)
    expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(expected > 1 - 1e-12, np.nan, (observed - expected) / (1 - expected))
    return found


def people_agreement(
    labels: Iterable[Label], prompts: Mapping[str, str], bootstrap: Bootstrap
) -> Interval | None:
    """How often two people say the same of a pair; None where no pair has two labels."""
    said: dict[str, list[Choice]] = {}
    for label in labels:
        said.setdefault(label.id, []).append(label.choice)
    rows: list[Row] = [(prompts[id], a, b) for id, found in said.items() for a, b in combinations(found, 2)]
    if not rows:
        return None
    values = [exact(a, b) for _, a, b in rows]
    return bootstrap.mean([prompt for prompt, _, _ in rows], values)
