"""Which figures of ours stand beside a claim of the paper: a function for each kind of claim (`RULES`).

Of several runs each gives a figure. What ablations alone have is found by `matching_arms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from handful.core.types import Interval
from handful.experiments.beside import Beside as Beside
from handful.experiments.beside import Ours as Ours
from handful.experiments.claims import Claim, Group
from handful.experiments.evidence import Run
from handful.experiments.matching_arms import arms, quantities
from handful.experiments.standing import (
    counted,
    mean_judge,
    of_judge,
    people_and_model,
    same_grade,
)
from handful.report.appendix_b import FEWEST, bare, correlation, epochs
from handful.report.claims import MIN_PROMPTS
from handful.stats.analytic import wilson
from handful.stats.power import z

Row = Mapping[str, Any]
WHOLE = "counted, not sampled: there is no interval"
TRAINED = 1000
"""The paper's training examples, beside which forms are new or not; half as many are the fewest (ours)."""


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


def said(beside: Beside, run: Run, row: Row, value: Interval, *systems: str) -> Iterator[Ours]:
    """A figure of stats.json by whoever said it; none of a system that is a rule."""
    if run.fakes.isdisjoint(systems):
        yield Ours(run.name, value, *of_judge(run, row, graded=False, failed=beside.failed), systems)


def graded(beside: Beside, run: Run, row: Row, value: Interval, system: str, table: str) -> Iterator[Ours]:
    """The same of single answers, whose judge must tell answers apart.

    Args:
        table: of stats.json, that the row stands in.
    """
    if system in run.fakes:
        return
    judge, standing, doubt = of_judge(run, row, graded=True, failed=beside.failed)
    if standing != "people":
        own = [
            other for other in run.facts.rows(table)
            if other["judge"] == row["judge"] and other.get("task") == row.get("task")
            and other.get("split", "all") == "all"
        ]  # fmt: skip
        doubt = doubt or same_grade(judge, own)
    yield Ours(run.name, value, judge, standing, doubt, (system,))


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
                yield from said(beside, run, row, row[claim.measure], row["subject"], row["baseline"])


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
                    yield from graded(beside, run, row, value, row["system"], "grades.shares")


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
            share, n = sum(tagged) / len(tagged), len(tagged)
            value = Interval(share, *wilson(share, n, z(0.975)), n)
            yield Ours(run.name, value, "", "counted", other_forms(run))


def other_forms(run: Run) -> str:
    """What makes our share of new forms another than the paper's, as a clause; or nothing."""
    sizes = [row["examples"] for row in run.facts.table if row["split"] == "train"]
    doubts = []
    if sizes and sum(sizes) < TRAINED / 2:
        doubts.append(f"beside {sum(sizes):,} training examples, not {TRAINED:,}, more forms are new")
    if run.params.get("dataset", {}).get("out_of_distribution"):
        doubts.append("told by our measure (dataset.out_of_distribution), in the paper by reading")
    return "; ".join(doubts)


def level(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    for run in [*beside.studied(), *beside.evaluations()]:
        if any(row["graded"] for row in run.facts.rows("grades.helpfulness")):
            yield counts(run, run.facts.stats["level"], 1, "settings")


def perplexity(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 9: the dev set's perplexity, and the grades by which `choose` chose."""
    for run in beside.evidence.runs:
        rows = [row for row in epochs(run.facts) if row["epoch"] > 0 and row["perplexity"] is not None]
        marked = [row for row in rows if row["grade"] is not None and row["grade"].estimate is not None]
        if claim.of == "perplexity" and rows:
            row = rows[0] if claim.measure == "first" else rows[-1]
            judge, standing, doubt = counted()
            yield Ours(run.name, bare(row["perplexity"]), judge, standing, doubt)
        elif claim.of == "grade" and marked:
            row = marked[0] if claim.measure == "first" else marked[-1]
            yield Ours(run.name, row["grade"], *mean_judge(run, beside.failed))
        elif claim.of == "correlation" and len(marked) >= FEWEST:
            r = correlation([(row["perplexity"], row["grade"].estimate) for row in marked])
            note = "epochs of one training are not independent: no interval"
            judge, standing, doubt = mean_judge(run, beside.failed)
            if (n := min(row["grade"].n for row in marked)) < MIN_PROMPTS:
                doubt = doubt or f"the grades are of {n} prompts, and {MIN_PROMPTS} are the fewest"
            value = Interval(r, None, None, len(marked), "epochs", note)
            yield Ours(run.name, value, judge, standing, doubt)


def structure(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Appendix E: quality of the arms of an ablation that has both; each training by itself."""
    for run in beside.evaluations():
        has = {paper for paper in ("without_structure", "with_structure") for arm in run.arms.values()
               if beside.known(paper, arm)}  # fmt: skip
        for row in run.facts.rows("grades.shares") if len(has) == 2 else ():
            fits = row["task"] == "quality" and row["split"] == "all" and row["kind"] != "person"
            if fits and answered(row) and beside.known(claim.of, run.arms.get(row["system"], "")):
                yield from graded(beside, run, row, row["meets"], row["system"], "grades.shares")


def conversing(beside: Beside) -> list[Run]:
    """Runs in which dialogues can be LIMA's: of ablations those that have an arm with dialogues."""
    with_dialogues = [
        run for run in beside.evaluations()
        if any(beside.known("lima_dialogue", arm) for arm in run.arms.values())
    ]  # fmt: skip
    return [*beside.studied(), *with_dialogues]


def turns(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """Figure 7."""
    for run in conversing(beside):
        for row in run.facts.rows("grades.turns"):
            if row["kind"] != "person" and answered(row) and beside.named(claim.of, run, row["system"]):
                value = row["shares"][claim.measure]
                yield from graded(beside, run, row, value, row["system"], "grades.turns")


def dialogues(group: Group, claim: Claim, beside: Beside) -> Iterator[Ours]:
    """How many fail early, and whole dialogues with 30 more examples against those without."""
    for run in conversing(beside):
        for row in run.facts.rows("grades.turns") if claim.measure == "failed" else ():
            if row["kind"] != "person" and answered(row) and beside.named(claim.of, run, row["system"]):
                yield from graded(beside, run, row, row["failed_within_3"], row["system"], "grades.turns")
        for row in run.facts.rows("dialogues") if claim.measure != "failed" else ():
            sides = (row["subject"], row["baseline"])
            for mirrored, (one, two) in enumerate((sides, sides[::-1])):
                fits = beside.named("lima_dialogue", run, one) and beside.named("lima", run, two)
                if fits and answered(row) and row["kind"] != "person":
                    measure: Literal["win", "tie", "loss"] = claim.measure  # type: ignore[assignment]
                    if mirrored and measure == "win":
                        measure = "loss"
                    yield from said(beside, run, row, row[measure], one, two)


RULES: Mapping[str, Callable[[Group, Claim, Beside], Iterator[Ours]]] = {
    rule.__name__: rule
    for rule in (composition, preference, agreement, quality, forms, safety, level, perplexity, arms,
                 quantities, structure, turns, dialogues)
}  # fmt: skip
