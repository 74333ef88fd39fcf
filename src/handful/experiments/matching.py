"""Which figures of ours stand beside a claim of the paper: a function for each kind of claim (`RULES`).

LIMA is the study's subject, or the system that `--as lima=NAME` names. A baseline, a group of people, a source or an
arm is known by its name (claims.toml has those that count; `--as` adds to them). Of several runs each gives a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import msgspec

from handful.core.types import Interval, Noun
from handful.experiments.claims import Claim, Group
from handful.experiments.evidence import Ablated, Evidence, Run
from handful.experiments.standing import Standing, counted, mean_judge, of_judge, people_and_model
from handful.report.appendix_b import FEWEST, bare, correlation, epochs
from handful.report.grading import quantity_of

Row = Mapping[str, Any]
WHOLE = "counted, not sampled: there is no interval"


class Ours(Noun, frozen=True):
    """A figure of ours that stands beside a claim."""

    run: str
    value: Interval
    judge: str
    """Who said it, in a few words; "" for what is counted."""
    standing: Standing
    doubt: str = ""
    """Why the judge cannot bear a claim (report/claims.py); empty where it can."""
    systems: tuple[str, ...] = ()
    """Whose answers it is of, in the recipe's names."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What rules look in, and by which names."""

    evidence: Evidence
    names: Mapping[str, tuple[str, ...]]
    subject: str = ""
    """A system that stands for LIMA in place of the study's subject."""

    def known(self, paper: str, own: str) -> bool:
        """Whether a name of a recipe counts as what the paper calls so."""
        return own.casefold() in self.names.get(paper, ())

    def lima(self, run: Run) -> str:
        return self.subject or run.subject

    def studied(self) -> Sequence[Run]:
        return [run for run in self.evidence.runs if run.facts.stats]

    def named(self, paper: str, run: Run, system: str) -> bool:
        """Whether a system of a run, or of an ablation's evaluation, is LIMA, or what else the paper calls so."""
        arm = run.arms.get(system, system)
        if paper != "lima":
            return self.known(paper, arm)
        return arm == self.lima(run) or (bool(run.arms) and arm == run.arms.get(self.lima(run)))


def find(group: Group, claim: Claim, beside: Beside) -> list[Ours]:
    """Ours beside one claim, in the order of the runs; people before models within a run.

    Nothing where it was not run; a figure without a value where nothing of it could be read.
    """
    order = {"people": 0, "counted": 0, "validated": 1, "unproven": 2, "no": 3}
    found = list(RULES[group.rule](group, claim, beside))
    runs = list(dict.fromkeys(one.run for one in found))
    return sorted(found, key=lambda one: (runs.index(one.run), order[one.standing]))


def composition(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Table 1: how many, and how long in the tokens of the run's own model."""
    split, _, source = claim.of.partition("/")
    for run in beside.evidence.runs:
        table = [row for row in run.facts.table if row["split"] == split]
        rows = [row for row in table if not source or beside.known(source, row["source"])]
        measured = run.facts.counts("train")
        by_source = measured.get("tokens_by_source", {})
        for row in rows if claim.measure in ("input", "output") and split == "train" else ():
            tokens = by_source.get(row["source"])
            if tokens:
                yield counts(run, tokens[f"mean_{claim.measure}"], tokens["examples"])
        if claim.measure == "examples" and rows:
            total = sum(row["examples"] for row in rows)
            yield counts(run, total, total)
        if claim.measure == "tokens" and "tokens" in measured:
            yield counts(run, measured["tokens"], measured["examples"])


def counts(run: Run, value: float, n: int, unit: str = "examples") -> Ours:
    judge, standing, doubt = counted()
    return Ours(run.name, Interval(value, None, None, n, unit, WHOLE), judge, standing, doubt)


def said(run: Run, row: Row, value: Interval, *systems: str, graded: bool = False) -> Ours:
    """A figure of stats.json by whoever said it."""
    judge, standing, doubt = of_judge(run.facts, row, graded)
    return Ours(run.name, value, judge, standing, doubt, systems)


def answered(row: Row) -> bool:
    """Whether a judge was asked at all: what it said may still be unreadable, and is then without a value."""
    return bool(row.get("graded") or row.get("unreadable") or ("win" in row and row["win"].n))


def preference(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figures 1 and 2: the subject against a baseline; people's verdicts pooled, each model by itself."""
    kinds = {"people": ("people",), "models": ("model", "panel")}[group.who]
    for run in beside.studied():
        for row in run.facts.rows("preference"):
            fits = row["kind"] in kinds and row["subject"] == beside.lima(run)
            if fits and answered(row) and beside.known(claim.of, row["baseline"]):
                yield said(run, row, row[claim.measure], row["subject"], row["baseline"])


def agreement(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Section 4's table: two groups of people, or a group and the model judges of one mode."""
    first, second = claim.of.split("/")
    for run in beside.studied():
        for row in run.facts.rows("groups"):
            pairs = ((row["first"], row["second"]), (row["second"], row["first"]))
            if any(in_group(beside, first, a) and in_group(beside, second, b) for a, b in pairs):
                judge, standing = people_and_model(row)
                yield Ours(run.name, row["tie_discounted"], judge, standing)


def in_group(beside: Beside, paper: str, own: str) -> bool:
    return own.startswith("models") if paper == "model" else beside.known(paper, own)


def shares(task: str, claim: Claim, beside: Beside) -> Iterator[Ours]:
    for run in beside.studied():
        for row in run.facts.rows("grades.shares"):
            asked = row["task"] == task and row["kind"] != "person" and row["system"] == beside.lima(run)
            if asked and answered(row) and row["split"] == claim.of:
                value = row["meets"] if claim.measure == "meets" else row["shares"][claim.measure]
                if value is not None:
                    yield said(run, row, value, row["system"], graded=True)


def quality(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 3, over all test prompts and over those with the tag `ood`."""
    return shares("quality", claim, beside)


def safety(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Section 4.3: sensitive prompts, and those whose intent is malicious."""
    return shares("safety", claim, beside)


def forms(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Test prompts with the tag `ood`; a set where none has it was not looked at."""
    for run in beside.evidence.runs:
        variants = run.facts.variants()
        tagged = ["ood" in prompt.tags for prompt in run.facts.test if prompt.id not in variants]
        if any(tagged):
            yield counts(run, sum(tagged) / len(tagged), len(tagged), "prompts")


def level(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    for run in beside.studied():
        if any(row["graded"] for row in run.facts.rows("grades.helpfulness")):
            yield counts(run, run.facts.stats["level"], 1, "settings")


def perplexity(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 9: the dev set's perplexity, and the grades by which `choose` chose."""
    for run in beside.evidence.runs:
        rows = [row for row in epochs(run.facts) if row["epoch"] > 0 and row["perplexity"] is not None]
        graded = [row for row in rows if row["grade"] is not None and row["grade"].estimate is not None]
        if claim.of == "perplexity" and rows:
            row = rows[0] if claim.measure == "first" else rows[-1]
            judge, standing, doubt = counted()
            yield Ours(run.name, bare(row["perplexity"]), judge, standing, doubt)
        elif claim.of == "grade" and graded:
            row = graded[0] if claim.measure == "first" else graded[-1]
            yield Ours(run.name, row["grade"], *mean_judge(run))
        elif claim.of == "correlation" and len(graded) >= FEWEST:
            r = correlation([(row["perplexity"], row["grade"].estimate) for row in graded])
            note = "epochs of one training are not independent: no interval"
            yield Ours(run.name, Interval(r, None, None, len(graded), "epochs", note), *mean_judge(run))


def arms(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 5: an ablation's arms, by name, and their differences."""
    one, _, two = claim.of.partition("/")
    for ablation in beside.evidence.ablations:
        if two:
            yield from arm_differences(ablation, one, two, beside)
        elif any(
            beside.known(paper, arm)
            for paper in ("wikihow", "unfiltered")
            for arm in ablation.content["arms"]
        ):
            yield from arm_means(ablation, lambda arm: beside.known(one, arm))


def arm_means(ablation: Ablated, wanted: Callable[[str], bool]) -> Iterator[Ours]:
    for row in ablation.content.get("grades", ()):
        if wanted(row["arm"]):
            yield of_arms(ablation, row, row["mean"], row["arm"])


def arm_differences(ablation: Ablated, one: str, two: str, beside: Beside) -> Iterator[Ours]:
    """The first arm less the second; an ablation gives each arm less its first."""
    for row in ablation.content.get("differences", ()):
        if beside.known(one, row["arm"]) and beside.known(two, row["first"]):
            yield of_arms(ablation, row, row["difference"], row["arm"], row["first"])
        elif beside.known(one, row["first"]) and beside.known(two, row["arm"]):
            yield of_arms(ablation, row, turned(row["difference"]), row["first"], row["arm"])


def turned(value: Interval) -> Interval:
    """The same difference, said the other way round."""
    return msgspec.structs.replace(
        value, estimate=minus(value.estimate), low=minus(value.high), high=minus(value.low)
    )


def minus(value: float | None) -> float | None:
    return None if value is None else -value


def of_arms(ablation: Ablated, row: Row, value: Interval, *names: str) -> Ours:
    if ablation.evaluation is None:
        doubt = "the folders of its evaluation are gone, so nothing is known of its judge"
        return Ours(f"ablation {ablation.name}", value, str(row["judge"]), "unproven", doubt, names)
    judge, standing, doubt = of_judge(ablation.evaluation.facts, row, graded=True)
    return Ours(ablation.evaluation.name, value, judge, standing, doubt, names)


def quantities(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 6: arms whose names end in how many examples they have ("se-2k")."""
    for ablation in beside.evidence.ablations:
        sizes = {arm: size for arm in ablation.content["arms"] if (size := quantity_of(arm)) is not None}
        if claim.of != "span":
            yield from arm_means(ablation, lambda arm, sizes=sizes: sizes.get(arm) == float(claim.of))  # type: ignore[misc]
            continue
        for row in ablation.content.get("differences", ()) if len(sizes) > 1 else ():
            ends = (min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__))
            if (row["first"], row["arm"]) == ends:
                yield of_arms(ablation, row, row["difference"], row["arm"], row["first"])


def structure(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Appendix E: quality of the arms of an ablation that has both; each training by itself."""
    for run in evaluations(beside):
        has = {paper for paper in ("without_structure", "with_structure") for arm in run.arms.values()
               if beside.known(paper, arm)}  # fmt: skip
        for row in run.facts.rows("grades.shares") if len(has) == 2 else ():
            fits = row["task"] == "quality" and row["split"] == "all" and row["kind"] != "person"
            if fits and answered(row) and beside.known(claim.of, run.arms.get(row["system"], "")):
                yield said(run, row, row["meets"], row["system"], graded=True)


def evaluations(beside: Beside) -> list[Run]:
    return [
        one.evaluation for one in beside.evidence.ablations if one.evaluation and one.evaluation.facts.stats
    ]


def conversing(beside: Beside) -> list[Run]:
    """Runs in which dialogues can be LIMA's: of ablations those that have an arm with dialogues."""
    with_dialogues = [
        run for run in evaluations(beside)
        if any(beside.known("lima_dialogue", arm) for arm in run.arms.values())
    ]  # fmt: skip
    return [*beside.studied(), *with_dialogues]


def turns(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 7."""
    for run in conversing(beside):
        for row in run.facts.rows("grades.turns"):
            if row["kind"] != "person" and answered(row) and beside.named(claim.of, run, row["system"]):
                yield said(run, row, row["shares"][claim.measure], row["system"], graded=True)


def dialogues(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """How many fail early, and whole dialogues with 30 more examples against those without."""
    for run in conversing(beside):
        for row in run.facts.rows("grades.turns") if claim.measure == "failed" else ():
            if row["kind"] != "person" and answered(row) and beside.named(claim.of, run, row["system"]):
                yield said(run, row, row["failed_within_3"], row["system"], graded=True)
        for row in run.facts.rows("dialogues") if claim.measure != "failed" else ():
            sides = (row["subject"], row["baseline"])
            for mirrored, (one, two) in enumerate((sides, sides[::-1])):
                fits = beside.named("lima_dialogue", run, one) and beside.named("lima", run, two)
                if fits and answered(row) and row["kind"] != "person":
                    measure: Literal["win", "tie", "loss"] = claim.measure  # type: ignore[assignment]
                    if mirrored and measure == "win":
                        measure = "loss"
                    yield said(run, row, row[measure], one, two)


RULES: Mapping[str, Callable[[Group, Claim, Beside], Iterator[Ours]]] = {
    rule.__name__: rule
    for rule in (composition, preference, agreement, quality, forms, safety, level, perplexity, arms,
                 quantities, structure, turns, dialogues)
}  # fmt: skip


def unmatched(beside: Beside) -> list[tuple[str, str, str]]:
    """(run, subject, baseline) of pairs that were compared and that stand beside no claim: no name told which."""
    papers = ("alpaca", "davinci003", "bard", "claude", "gpt4")
    found = {
        (run.name, row["subject"], row["baseline"])
        for run in beside.studied()
        for row in run.facts.rows("preference")
        if row["subject"] == beside.lima(run)
        and not any(beside.known(paper, own) for paper, own in product(papers, [row["baseline"]]))
    }
    return sorted(found)
