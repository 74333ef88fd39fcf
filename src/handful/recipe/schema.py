"""A recipe as a whole: its tables, one frozen dataclass a stage. Every default has its only home in one of these files:

sources.py     [sources.NAME], a class for each kind of source      Section 2
curation.py    [clean], [select], [dataset]                         Section 2
training.py    [train]                                              Section 3
systems.py     [generate] with its systems                         Section 4
judging.py     [study], [judge] with its judges, [choose]          Sections 3 and 4
evaluation.py  [annotate], [stats], [report]                       Section 4

A default is the paper's value where the paper states one ("Section" and "Appendix" are those of Zhou et al.
2023, LIMA); where it does not, the field says "ours". What tables are made of is in values.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handful.recipe.curation import Clean, Dataset, Select
from handful.recipe.evaluation import Annotate, Report, Stats
from handful.recipe.judging import Choose, Judge, Study
from handful.recipe.sources import Source
from handful.recipe.systems import Generate
from handful.recipe.training import Train
from handful.recipe.values import InputPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """`[[fetch]]`: a file for `handful fetch --recipe` to bring. No stage reads this, and no key depends on it."""

    url: str
    """http or https; "#sha256=HEX" (or sha1, md5) behind it is the file's checksum."""
    sha256: str = ""
    """Another way to give the checksum."""
    to: InputPath = InputPath("dumps")
    """The folder to put it in, under the name at the end of the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole run. A recipe without [train] ends at `dataset`, unless none of its systems needs training."""

    name: str
    """Of the run, in its report."""
    sources: dict[str, Source]
    clean: Clean = field(default_factory=Clean)
    select: Select = field(default_factory=Select)
    dataset: Dataset = field(default_factory=Dataset)
    train: Train | None = None
    choose: Choose = field(default_factory=Choose)
    generate: Generate = field(default_factory=Generate)
    study: Study = field(default_factory=Study)
    judge: Judge = field(default_factory=Judge)
    annotate: Annotate = field(default_factory=Annotate)
    stats: Stats = field(default_factory=Stats)
    report: Report = field(default_factory=Report)
    fetch: tuple[Fetch, ...] = ()
    """What to bring here first, by a command of its own: `run` never goes to the network for data."""
