"""Robustness, which the paper names as a limit (Section 7) and does not measure: all of this is ours.

Worst of k: how bad the unluckiest of k samples of a prompt is, beside the mean and the best one. Variants: what is lost
where a prompt is asked in another way, paired by prompt. Not covered: why; and the worst of k falls as k grows, as the
least of several draws does, so that only equal k compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import msgspec

from handful.core.types import Interval, Noun, Task
from handful.stats import significance
from handful.stats.bootstrap import Bootstrap
from handful.stats.grades import Grader, Mark
from handful.stats.preference import PEOPLE, SIGN
from handful.stats.readings import Annotator, Pair, outcome

BOUNDS: Mapping[str, tuple[float, float]] = {"helpfulness": (1.0, 6.0), "preference": (-1.0, 1.0)}
"""Of a value; any other lies between 0 and 1."""
WORST = "worst"
"""In place of a kind: the worst of all variants of a prompt."""

Values = Mapping[str, Fraction]
"""Prompt -> its mean value."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What another test prompt is, asked in another way."""

    original: str
    kind: str


class WorstOfK(Noun, frozen=True):
    """One system's samples by one judge: grades from 1 to 6, or shares of prompts.

    Of quality and safety a sample counts 1 where it is not "fail" or "unsafe": `worst` is then the share of prompts of
    which every sample is acceptable, `best` of which any is. Of preference it counts 1 where it does not lose: 1 less
    `worst` is the share of prompts on which any sample loses.
    """

    judge: str
    kind: str
    mode: str
    task: Task
    system: str
    baseline: str
    """Of preference; else ""."""
    k: int
    left_out: int
    """Prompts with fewer than k readable samples."""
    worst: Interval
    mean: Interval
    best: Interval


class VariantDrop(Noun, frozen=True):
    """What one system loses, by one judge, where prompts are asked in another way; paired by the original prompt.

    Helpfulness from 1 to 6; of quality and safety the share that is not "fail" or "unsafe"; of preference wins less
    losses.
    """

    judge: str
    mode: str
    task: Task
    system: str
    baseline: str
    variant: str
    """The kind, or "worst": each original against the worst of its variants, which is below it by chance alone."""
    original: Interval
    changed: Interval
    drop: Interval
    """Original less variant: positive where the variant does worse."""
    p_value: float | None
    """Randomisation test; None of "worst", where a difference is no news."""
    p_holm: float | None = None
    """Over the kinds."""


class Robustness(Noun, frozen=True):
    worst_of_k: tuple[WorstOfK, ...] = ()
    variants: tuple[VariantDrop, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """Everything that one judge said of one system: (prompt, sample) -> its value, None where none could be read."""

    judge: str
    kind: str
    mode: str
    task: Task
    system: str
    baseline: str
    samples: Mapping[tuple[str, int], Fraction | None]


def robustness(voices: Iterable[Voice], variants: Mapping[str, Variant], bootstrap: Bootstrap) -> Robustness:
    """Every voice's worst of k, of originals, and what it loses by variants; people one by one are left out."""
    own = [voice for voice in voices if voice.kind != "person"]
    worst = [row for voice in own if (row := worst_of_k(voice, variants, bootstrap))]
    drops = [row for voice in own for row in variant_drops(voice, variants, bootstrap)]
    return Robustness(tuple(worst), tuple(drops))


def of_grader(grader: Grader, task: Task) -> list[Voice]:
    """One voice a system. Of several people on one sample, the mean."""
    return [
        Voice(grader.name, grader.kind, grader.mode, task, system, "", graded(grader.of(system), task))
        for system in grader.systems()
    ]


def graded(marks: Iterable[Mark], task: Task) -> dict[tuple[str, int], Fraction | None]:
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for mark in marks:
        own = found[mark.prompt_id, mark.sample]
        if mark.grade is not None:
            own.append(int(mark.grade) if task == "helpfulness" else mark.grade not in ("fail", "unsafe"))
    return {key: mean(values) if values else None for key, values in found.items()}


def of_annotators(annotators: Sequence[Annotator], pairs: Sequence[Pair]) -> list[Voice]:
    """One voice a judge or panel and pair, and one of all people together: wins less losses of each sample."""
    groups: list[tuple[str, str, list[Annotator]]] = [
        (a.name, a.kind, [a]) for a in annotators if a.kind != "person"
    ]
    if people := [a for a in annotators if a.kind == "person"]:
        groups.append((PEOPLE, "people", people))
    return [
        Voice(name, kind, group[0].mode, "preference", p.subject, p.baseline, net(group, p))
        for name, kind, group in groups
        for p in pairs
    ]


def net(group: Sequence[Annotator], pair: Pair) -> dict[tuple[str, int], Fraction | None]:
    found: dict[tuple[str, int], Fraction | None] = {}
    for seal in pair.seals:
        said = [a.readings[seal.comparison_id].choice for a in group if seal.comparison_id in a.readings]
        signs = [SIGN[outcome(choice, seal, pair.subject)] for choice in said if choice]
        found[seal.prompt_id, seal.sample] = mean(signs) if signs else None
    return found


def worst_of_k(voice: Voice, variants: Mapping[str, Variant], bootstrap: Bootstrap) -> WorstOfK | None:
    """None where no prompt has two samples. k is the largest number of samples that a prompt has."""
    asked: dict[str, list[Fraction | None]] = defaultdict(list)
    for (prompt, _), value in sorted(voice.samples.items()):
        if prompt not in variants:
            asked[prompt].append(value)
    k = max(map(len, asked.values()), default=0)
    if k < 2:
        return None
    read = {prompt: [v for v in own if v is not None] for prompt, own in asked.items()}
    full = {prompt: own for prompt, own in read.items() if len(own) == k}
    if voice.task == "preference":  # a sample loses where more of them say so than not
        full = {prompt: [Fraction(value >= 0) for value in own] for prompt, own in full.items()}
    bounds = BOUNDS["helpfulness"] if voice.task == "helpfulness" else (0.0, 1.0)
    rows = [[float(min(own)), float(mean(own)), float(max(own))] for own in full.values()]
    found = bootstrap.means(list(full), rows, bounds=bounds)
    worst, middle, best = found if full else found * 3
    return WorstOfK(
        judge=voice.judge,
        kind=voice.kind,
        mode=voice.mode,
        task=voice.task,
        system=voice.system,
        baseline=voice.baseline,
        k=k,
        left_out=len(asked) - len(full),
        worst=worst,
        mean=middle,
        best=best,
    )


def variant_drops(voice: Voice, variants: Mapping[str, Variant], bootstrap: Bootstrap) -> list[VariantDrop]:
    """A row a kind in the order of their names, then the worst of all where there are several."""
    values = prompt_values(voice)
    by_kind: dict[str, dict[str, list[Fraction]]] = defaultdict(lambda: defaultdict(list))
    for id, variant in variants.items():
        if id in values and variant.original in values:
            by_kind[variant.kind][variant.original].append(values[id])
    rows = [
        drop(voice, kind, values, {original: mean(own) for original, own in found.items()}, bootstrap)
        for kind, found in sorted(by_kind.items())
    ]
    adjusted = significance.holm([row.p_value for row in rows])
    rows = [msgspec.structs.replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
    if len(rows) < 2:
        return rows
    every: dict[str, list[Fraction]] = defaultdict(list)
    for found in by_kind.values():
        for original, own in found.items():
            every[original] += own
    least = {original: min(own) for original, own in every.items()}
    worst = drop(voice, WORST, values, least, bootstrap)
    return [*rows, msgspec.structs.replace(worst, p_value=None)]


def drop(voice: Voice, kind: str, values: Values, changed: Values, bootstrap: Bootstrap) -> VariantDrop:
    """`changed` has the variants' values by their originals."""
    low, high = BOUNDS.get(voice.task, (0.0, 1.0))
    prompts = list(changed)
    differences = [values[prompt] - changed[prompt] for prompt in prompts]
    return VariantDrop(
        judge=voice.judge,
        mode=voice.mode,
        task=voice.task,
        system=voice.system,
        baseline=voice.baseline,
        variant=kind,
        original=bootstrap.mean(prompts, [float(values[p]) for p in prompts], bounds=(low, high)),
        changed=bootstrap.mean(prompts, [float(changed[p]) for p in prompts], bounds=(low, high)),
        drop=bootstrap.mean(prompts, [float(d) for d in differences], bounds=(low - high, high - low)),
        p_value=significance.permutation(differences),
    )


def prompt_values(voice: Voice) -> dict[str, Fraction]:
    """Prompt -> the mean of its samples that could be read."""
    found: dict[str, list[Fraction]] = defaultdict(list)
    for (prompt, _), value in voice.samples.items():
        if value is not None:
            found[prompt].append(value)
    return {prompt: mean(own) for prompt, own in found.items()}


def mean(values: Sequence[Fraction | int]) -> Fraction:
    return Fraction(sum(values), len(values))
