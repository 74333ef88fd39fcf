"""How often the subject wins, ties and loses against each baseline (Section 4.1, Figures 1 and 2).

The paper's headline counts ties as success; strict wins, and ties as half, stand beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from typing import Literal

import msgspec

from handful.core.types import Interval, Noun
from handful.stats import analytic, significance
from handful.stats.bootstrap import Bootstrap, nothing
from handful.stats.readings import Annotator, Mode, Outcome, Pair, Reading, outcome

Kind = Literal["model", "person", "people", "panel"]
PEOPLE = "all people"
"""The name under which every person's verdicts are pooled."""


class Preference(Noun, frozen=True):
    """One judge on one pair. `unreadable` and `missing` are in no rate; `flipped` ones are ties."""

    judge: str
    kind: Kind
    subject: str
    baseline: str
    comparisons: int
    wins: int
    ties: int
    losses: int
    flipped: int
    unreadable: int
    missing: int
    win: Interval
    tie: Interval
    loss: Interval
    at_least_as_good: Interval
    """Wins and ties: the paper's headline."""
    ties_as_half: Interval
    net: Interval
    """Wins less losses, in [-1, 1]: clear of 0 where one side is shown to be better."""
    p_value: float | None
    """Exact sign test over prompts."""
    p_holm: float | None = None
    """The same, adjusted for the number of baselines of this judge."""
    p_permutation: float | None = None
    """Exact randomisation test of the net wins of each prompt: as the sign test, but a prompt with several verdicts
    counts by how far they lean."""
    analytic: dict[str, Interval] = msgspec.field(default_factory=dict)
    """The rates once more, by name, with intervals from a formula (analytic.py): a check on the bootstrap."""
    mode: Mode = ""
    """How the judge was asked. Rows of different modes are never pooled."""
    split: int = 0
    """Of a panel: comparisons without a majority, which are ties by rule."""


def preferences(
    annotators: Sequence[Annotator], pairs: Sequence[Pair], bootstrap: Bootstrap
) -> list[Preference]:
    """Each model, all people pooled, then each person, on each pair that they judged."""
    people = [a for a in annotators if a.kind == "person"]
    rows: list[tuple[str, Kind, Sequence[Annotator]]] = [
        (a.name, a.kind, [a]) for a in annotators if a.kind != "person"
    ]
    if people:
        rows.append((PEOPLE, "people", people))
    rows += [(a.name, "person", [a]) for a in people]
    found: list[Preference] = []
    for name, kind, group in rows:
        rows_here = [preference(name, kind, group, pair, bootstrap) for pair in pairs]
        found += adjust([row for row in rows_here if kind != "person" or row.comparisons > row.missing])
    return found


def preference(
    name: str, kind: Kind, group: Sequence[Annotator], pair: Pair, bootstrap: Bootstrap
) -> Preference:
    """One row of the table: the rates of `group` on `pair`. Each reading of each person counts once."""
    readings: list[tuple[str, Reading, Outcome | None]] = []
    missing = 0
    for seal in pair.seals:
        said = [a.readings[seal.comparison_id] for a in group if seal.comparison_id in a.readings]
        missing += not said or all(r.status == "missing" for r in said)
        readings += [
            (seal.prompt_id, r, outcome(r.choice, seal, pair.subject) if r.choice else None) for r in said
        ]
    rows = [(prompt, result) for prompt, _, result in readings if result]
    statuses = [r.status for _, r, _ in readings]
    found = rates(rows, bootstrap)
    return Preference(
        judge=name,
        kind=kind,
        subject=pair.subject,
        baseline=pair.baseline,
        comparisons=len(pair.seals),
        wins=sum(result == "win" for _, result in rows),
        ties=sum(result == "tie" for _, result in rows),
        losses=sum(result == "loss" for _, result in rows),
        flipped=statuses.count("flipped"),
        unreadable=statuses.count("unreadable"),
        missing=missing,
        mode=group[0].mode if group else "",
        split=statuses.count("split"),
        p_value=sign_test(rows),
        p_permutation=significance.permutation(significance.by_prompt((p, SIGN[r]) for p, r in rows)),
        analytic=analytic_rates(rows, bootstrap),
        win=found["win"],
        tie=found["tie"],
        loss=found["loss"],
        at_least_as_good=found["at_least_as_good"],
        ties_as_half=found["ties_as_half"],
        net=found["net"],
    )


SCORES: dict[str, Mapping[Outcome, float]] = {
    "win": {"win": 1, "tie": 0, "loss": 0},
    "tie": {"win": 0, "tie": 1, "loss": 0},
    "loss": {"win": 0, "tie": 0, "loss": 1},
    "at_least_as_good": {"win": 1, "tie": 1, "loss": 0},
    "ties_as_half": {"win": 1, "tie": 0.5, "loss": 0},
}


SIGN: Mapping[Outcome, int] = {"win": 1, "tie": 0, "loss": -1}


def rates(rows: Sequence[tuple[str, Outcome]], bootstrap: Bootstrap) -> dict[str, Interval]:
    """The rates of (prompt, outcome) rows, by name of the field that holds them."""
    if not rows:
        return {name: nothing(bootstrap.unit) for name in (*SCORES, "net")}
    prompts = [prompt for prompt, _ in rows]
    values = [[score[result] for score in SCORES.values()] for _, result in rows]
    found = dict(zip(SCORES, bootstrap.means(prompts, values), strict=True))
    signs = [float(SIGN[result]) for _, result in rows]
    return {**found, "net": bootstrap.mean(prompts, signs, bounds=(-1.0, 1.0))}


def analytic_rates(rows: Sequence[tuple[str, Outcome]], bootstrap: Bootstrap) -> dict[str, Interval]:
    """The same rates with Wilson's and Student's intervals, clustered by prompt."""
    prompts, level, unit = [prompt for prompt, _ in rows], bootstrap.level, bootstrap.unit
    found = {
        name: analytic.share(prompts, [score[result] for _, result in rows], level, unit)
        for name, score in SCORES.items()
    }
    net = analytic.mean(prompts, [SIGN[result] for _, result in rows], level, unit, (-1.0, 1.0))
    return {**found, "net": net}


def sign_test(rows: Iterable[tuple[str, Outcome]]) -> float | None:
    """Two-sided exact p that prompts fall to either side alike; None where no prompt falls to a side.

    A prompt with several verdicts counts once, for the side with more of them.
    """
    net: dict[str, int] = defaultdict(int)
    for prompt, result in rows:
        net[prompt] += (result == "win") - (result == "loss")
    wins, losses = sum(v > 0 for v in net.values()), sum(v < 0 for v in net.values())
    n = wins + losses
    if n == 0:
        return None
    tail = sum(comb(n, k) for k in range(min(wins, losses) + 1))
    return min(1.0, float(2 * tail / 2**n))


def adjust(found: Sequence[Preference]) -> list[Preference]:
    """The rows of one judge with p-values adjusted by Holm's method."""
    adjusted = significance.holm([row.p_value for row in found])
    return [msgspec.structs.replace(row, p_holm=p) for row, p in zip(found, adjusted, strict=True)]
