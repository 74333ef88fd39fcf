"""Several judges as one: their majority, and how many judges they are worth.

Three judges that err together are one judge asked three times. The effective number says how many independent ones
would agree as much as these do. It is a lower bound: what they rightly agree on counts as dependence too, since nothing
here knows which verdicts are right.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from handful.core.errors import DataError
from handful.core.types import Choice, Interval, Noun
from handful.stats.bootstrap import Bootstrap, Floats
from handful.stats.readings import Annotator, Reading
from handful.stats.reliability import majority

SIDE: dict[Choice, float] = {"left": 1.0, "tie": 0.0, "right": -1.0}


class Panel(Noun, frozen=True):
    panel: str
    judges: tuple[str, ...]
    mode: str
    comparisons: int
    """Those that all of its judges could be read on."""
    unanimous: Interval
    """Share of these on which all said the same."""
    split: int
    """Comparisons without a majority: ties by rule."""
    correlation: Interval
    """Mean correlation of two judges' verdicts (left 1, tie 0, right -1)."""
    effective_judges: Interval
    """k / (1 + (k - 1) r), r being that correlation, at least 0 (Kish's design effect)."""


def members(name: str, wanted: Sequence[str], judges: Sequence[Annotator]) -> list[Annotator]:
    """The judges of a panel.

    Raises:
        DataError: no such judge, one named twice, fewer than two, or judges of both modes.
    """
    by_name = {judge.name: judge for judge in judges if judge.kind == "model"}
    where = f"judge.panels.{name}"
    for judge in wanted:
        if judge not in by_name:
            close = difflib.get_close_matches(judge, by_name, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise DataError(
                f"{where}: no judge is called {judge!r}; {hint}there are {', '.join(by_name) or 'none'}"
            )
    if len(set(wanted)) != len(wanted) or len(wanted) < 2:
        raise DataError(f"{where}: needs two judges or more, each once; found {', '.join(wanted) or 'none'}")
    if name in by_name:
        raise DataError(f"{where}: a judge has that name already; call the panel something else")
    found = [by_name[judge] for judge in wanted]
    if len({judge.mode for judge in found}) > 1:
        modes = ", ".join(f"{judge.name} {judge.mode}" for judge in found)
        raise DataError(
            f'{where}: mixes judges of the modes "lima" and "robust" ({modes}); name one panel a mode'
        )
    return found


def seat(name: str, judges: Sequence[Annotator]) -> Annotator:
    """The panel as one annotator, whose reading is what most of its judges chose.

    Where no choice has more votes than every other, the reading is a tie by rule ("split"); where fewer than half of
    the judges can be read, there is none.
    """
    ids = list(dict.fromkeys(id for judge in judges for id in judge.readings))
    readings = {
        id: joint([judge.readings.get(id, Reading(None, "missing")) for judge in judges]) for id in ids
    }
    return Annotator(name, "panel", {}, readings, judges[0].mode)


def joint(readings: Sequence[Reading]) -> Reading:
    choices = [reading.choice for reading in readings if reading.choice]
    if 2 * len(choices) < len(readings) or not choices:
        missing = all(reading.status == "missing" for reading in readings)
        return Reading(None, "missing" if missing else "unreadable")
    chosen = majority(choices)
    return Reading(chosen, "split" if chosen == "tie" and is_split(choices) else "read")


def is_split(choices: Sequence[Choice]) -> bool:
    """Whether a tie is what no majority chose."""
    return any(choices.count(side) >= choices.count("tie") for side in ("left", "right"))


def panel(name: str, judges: Sequence[Annotator], prompts: Mapping[str, str], bootstrap: Bootstrap) -> Panel:
    """What a panel is worth."""
    ids = [id for id in prompts if all(id in j.readings and j.readings[id].choice for j in judges)]
    clusters = [prompts[id] for id in ids]
    said = np.array(
        [[SIDE[choice] for j in judges if (choice := j.readings[id].choice)] for id in ids], dtype=np.float64
    ).reshape(len(ids), len(judges))
    sums = moments(said)
    k = len(judges)
    seated = seat(name, judges)
    return Panel(
        panel=name,
        judges=tuple(judge.name for judge in judges),
        mode=judges[0].mode,
        comparisons=len(ids),
        unanimous=bootstrap.mean(clusters, (np.ptp(said, axis=1) == 0).astype(float)),
        split=sum(reading.status == "split" for reading in seated.readings.values()),
        correlation=bootstrap.of(clusters, sums, lambda s: mean_correlation(s, k)),
        effective_judges=bootstrap.of(
            clusters,
            sums,
            lambda s: k / (1 + (k - 1) * np.maximum(mean_correlation(s, k), 0.0)),
        ),
    )


def moments(said: Floats) -> Floats:
    """Rows (m, k) -> (m, 1 + k + k + k (k - 1) / 2): 1, the values, their squares, their products in pairs."""
    pairs = [said[:, i] * said[:, j] for i, j in combinations(range(said.shape[1]), 2)]
    return np.column_stack([np.ones(len(said)), said, said**2, *pairs])


def mean_correlation(sums: Floats, k: int) -> Floats:
    """The mean over pairs of Pearson's correlation, of sums of `moments`; nan where a judge never varies."""
    means = sums / sums[:, :1]
    first, second, products = means[:, 1 : k + 1], means[:, k + 1 : 2 * k + 1], means[:, 2 * k + 1 :]
    variance = second - first**2
    found = []
    for place, (i, j) in enumerate(combinations(range(k), 2)):
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.sqrt(variance[:, i] * variance[:, j])
            covariance = products[:, place] - first[:, i] * first[:, j]
            found.append(np.where(scale > 1e-12, covariance / scale, np.nan))
    mean: Floats = np.mean(found, axis=0)
    return mean
