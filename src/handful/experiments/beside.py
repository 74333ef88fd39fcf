"""A figure of ours, and where rules look for it: in which runs and ablations, and by which names.

LIMA is the study's subject, or the system that `--as lima=NAME` names. A baseline, a group of people, a source or an
arm is known by its name (claims.toml has those that count; `--as` adds to them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handful.core.types import Interval, Noun
from handful.experiments.evidence import Evidence, Run
from handful.experiments.standing import Failed, Standing, failures


class Ours(Noun, frozen=True):
    """A figure of ours that stands beside a claim."""

    run: str
    value: Interval
    judge: str
    """Who said it, in a few words; "" for what is counted."""
    standing: Standing
    doubt: str = ""
    """Why it cannot bear a claim: its judge (report/claims.py), or that it is of something else; empty where it can."""
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

    @property
    def failed(self) -> Failed:
        """Models that failed their tests in any of the runs."""
        return failures([*self.evidence.runs, *self.evaluations()])

    def studied(self) -> Sequence[Run]:
        return [run for run in self.evidence.runs if run.facts.stats]

    def evaluations(self) -> list[Run]:
        """Of ablations, as far as they have statistics."""
        found = [one.evaluation for one in self.evidence.ablations]
        return [run for run in found if run and run.facts.stats]

    def named(self, paper: str, run: Run, system: str) -> bool:
        """Whether a system of a run, or of an ablation's evaluation, is LIMA, or what else the paper calls so."""
        arm = run.arms.get(system, system)
        if paper != "lima":
            return self.known(paper, arm)
        return arm == self.lima(run) or (bool(run.arms) and arm == run.arms.get(self.lima(run)))
