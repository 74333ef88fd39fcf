"""What the stage has read, as plain values, and the annotators that it makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from handful.core.types import (
    Comparison,
    Dropped,
    Grade,
    Response,
    Seal,
    Signature,
    Task,
    Verdict,
)
from handful.stats.bootstrap import Bootstrap
from handful.stats.flatness import flat_tasks
from handful.stats.gate import Label
from handful.stats.grades import Grader, Mark
from handful.stats.losses import Grading
from handful.stats.people import Extras, SelfConsistency, of_grades, of_pairs
from handful.stats.preference import PEOPLE
from handful.stats.readings import Annotator, Mode, Pair, annotator, pairs_of
from handful.stats.robustness import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What was read: ids to records, and names of judges, people and systems to theirs."""

    comparisons: Mapping[str, Comparison]
    seals: Mapping[str, Seal]
    named: Sequence[tuple[str, str]] = ()
    """(subject, baseline) of each pair, in the study's order."""
    judges: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    """Judge -> how it was asked."""
    people: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    people_wanted: bool = False
    truncated: Mapping[str, list[str]] = field(default_factory=dict)
    """Judge -> ids of the comparisons and submissions that it saw cut."""
    fakes: frozenset[str] = frozenset()
    """Judges that follow a rule: trials of a study, never an opinion."""
    responses: Mapping[str, Sequence[Response]] = field(default_factory=dict)
    unpaired: Sequence[Dropped] = ()
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    """Submission id -> who wrote it."""
    grades: Mapping[str, Sequence[Grade]] = field(default_factory=dict)
    """Judge -> what it said of submissions."""
    people_grades: Mapping[str, Sequence[Grade]] = field(default_factory=dict)
    extras: Extras = field(default_factory=Extras)
    """What people said when asked again, the checks, and who they were."""
    gates: Mapping[str, tuple[Sequence[Verdict], Sequence[Label]]] = field(default_factory=dict)
    """Judge -> its verdicts on the gate's pairs, and the labels."""
    panels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    out_of_distribution: frozenset[str] = frozenset()
    """Ids of the prompts with the tag `ood`."""
    intents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """"malicious" and "benign" -> ids of the prompts with that tag `intent:…`."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    """Prompts that are others' asked in another way. Only the block `robustness` counts them."""
    live: Study | None = None
    """Conversations that people had live (Section 6), as a study of their own: never mixed with those that systems
    played."""

    def originals(self) -> Study:
        """The study without what was said of variants: what every figure but robustness is about."""
        if not self.variants:
            return self
        seals = {id: s for id, s in self.seals.items() if s.prompt_id not in self.variants}
        signed = {id: s for id, s in self.signatures.items() if s.prompt_id not in self.variants}
        extras = replace(
            self.extras,
            repeats=[v for v in self.extras.repeats if v.comparison_id in seals],
            repeated_grades=[g for g in self.extras.repeated_grades if g.submission_id in signed],
        )
        return replace(
            self,
            comparisons={id: c for id, c in self.comparisons.items() if id in seals},
            seals=seals,
            signatures=signed,
            judges={n: [v for v in own if v.comparison_id in seals] for n, own in self.judges.items()},
            people={n: [v for v in own if v.comparison_id in seals] for n, own in self.people.items()},
            grades={n: [g for g in own if g.submission_id in signed] for n, own in self.grades.items()},
            people_grades={
                n: [g for g in own if g.submission_id in signed] for n, own in self.people_grades.items()
            },
            truncated={n: [i for i in ids if i in seals or i in signed] for n, ids in self.truncated.items()},
            responses={
                n: [r for r in own if r.prompt_id not in self.variants] for n, own in self.responses.items()
            },
            unpaired=[d for d in self.unpaired if d.id not in self.variants],
            extras=extras,
            variants={},
        )

    def ids(self, task: Task | None = None) -> list[str]:
        """The comparisons of one task, or all."""
        return [id for id, seal in self.seals.items() if task in (None, seal.task) and id in self.comparisons]

    def pairs(self, task: Task) -> list[Pair]:
        """The pairs of systems with their comparisons of one task."""
        return pairs_of([self.seals[id] for id in self.ids(task)], self.named)

    def systems(self) -> list[str]:
        """In one order for every table: those compared in the order of the pairs, then the others."""
        pairs = pairs_of([self.seals[id] for id in self.ids()], self.named)
        compared = [name for pair in pairs for name in (pair.subject, pair.baseline)]
        signed = (signature.system for signature in self.signatures.values())
        return list(dict.fromkeys([*compared, *self.responses, *signed]))

    def annotators(self, task: Task | None = None) -> list[Annotator]:
        """Every model judge, then every person, with what each finally said."""
        ids = self.ids(task)
        found = [
            annotator(name, "model", verdicts, ids, self.modes.get(name, ""))
            for name, verdicts in self.judges.items()
        ]
        return found + [annotator(name, "person", verdicts, ids) for name, verdicts in self.people.items()]

    def everyone(self) -> list[Annotator]:
        """As `annotators`, and those people too who graded only."""
        found = self.annotators()
        names = {one.name for one in found}
        return found + [Annotator(name, "person", {}, {}) for name in self.people_grades if name not in names]

    def cut(self) -> dict[str, list[str]]:
        """Judge -> ids of the comparisons that it saw cut."""
        return {name: [id for id in ids if id in self.comparisons] for name, ids in self.truncated.items()}

    def gradings(self) -> dict[str, Grading]:
        """What became of the grades of every judge, which owes one of each submission, and of every person."""
        if not self.signatures:
            return {}
        found = {name: grading(self.signatures, said, self.signatures) for name, said in self.grades.items()}
        for name, said in self.people_grades.items():
            found[name] = grading(self.signatures, said, ())
        cut = {name: tuple(id for id in ids if id in self.signatures) for name, ids in self.truncated.items()}
        return {name: replace(one, truncated=cut.get(name, ())) for name, one in found.items()}

    def self_consistency(self, bootstrap: Bootstrap) -> list[SelfConsistency]:
        """People asked again, task by task in the order in which the study has them."""
        pairs = dict.fromkeys(self.seals[id].task for id in self.ids())
        found = []
        for task in pairs:
            prompts = {id: self.seals[id].prompt_id for id in self.ids(task)}
            found += of_pairs(task, self.people, self.extras.repeats, prompts, bootstrap)
        for task in dict.fromkeys(signature.task for signature in self.signatures.values()):
            prompts = {id: s.prompt_id for id, s in self.signatures.items() if s.task == task}
            found += of_grades(task, self.people_grades, self.extras.repeated_grades, prompts, bootstrap)
        return found

    def graders(self, task: Task) -> list[Grader]:
        """Every judge, then all people pooled and one by one, with their grades of one task's submissions."""
        signed = {id: s for id, s in self.signatures.items() if s.task == task}
        if not signed:
            return []
        found = [
            Grader(name, "model", self.modes.get(name, ""), owed(signed, said))
            for name, said in self.grades.items()
        ]
        own = {name: given(signed, said) for name, said in self.people_grades.items()}
        own = {name: marks for name, marks in own.items() if marks}
        pooled = [mark for marks in own.values() for mark in marks]
        found += [Grader(PEOPLE, "people", "", pooled)] if own else []
        found += [Grader(name, "person", "", marks) for name, marks in own.items()]
        # Submissions are shuffled: whose came first there is no order of systems.
        place = {name: number for number, name in enumerate(self.systems())}
        return [replace(g, marks=sorted(g.marks, key=lambda mark: place[mark.system])) for g in found]


def grading(signed: Mapping[str, Signature], said: Sequence[Grade], asked: Iterable[str]) -> Grading:
    """Of one judge: the last grade said of a submission counts.

    Args:
        asked: ids of the submissions that it owes a grade of, beside those that it graded.
    """
    grades = {grade.submission_id: grade.grade for grade in said if grade.submission_id in signed}
    missing = tuple(id for id in asked if id not in grades)
    return Grading(
        asked=len(grades) + len(missing),
        prompts=tuple(signed[id].prompt_id for id in grades),
        read=tuple(grade is not None for grade in grades.values()),
        unreadable=tuple(id for id, grade in grades.items() if grade is None),
        missing=missing,
        one_grade=tuple(flat_tasks(signed, grades)),
    )


def owed(signed: Mapping[str, Signature], said: Sequence[Grade]) -> list[Mark]:
    """A model's grades in the order of the study: it owes one for every submission. The last one said counts."""
    grades = {grade.submission_id: grade.grade for grade in said}
    return [mark(s, grades.get(id), id not in grades) for id, s in signed.items()]


def given(signed: Mapping[str, Signature], said: Sequence[Grade]) -> list[Mark]:
    """A person's grades: only what they saw."""
    grades = {grade.submission_id: grade.grade for grade in said if grade.submission_id in signed}
    return [mark(signed[id], grade, False) for id, grade in grades.items()]


def mark(signature: Signature, grade: str | None, missing: bool) -> Mark:
    return Mark(signature.prompt_id, signature.system, signature.sample, signature.turn, grade, missing)
