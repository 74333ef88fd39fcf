"""[annotate], [stats] and [report]: what people say, and what is made of it.

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from handful.core.types import Task
from handful.recipe.values import InputPath, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Section 4.1: people. The stage waits for them only where `people` is above 0."""

    people: int = 0
    """Verdicts wanted on everything that is asked, each from another person."""
    tasks: tuple[Task, ...] = ()
    """What people are asked, of what [study] asks; empty means all of it."""
    shared: int = 50
    """Items that every person is given, first of all in one order, so that agreement can be measured (Section 4.2 has
    50); no more than there are."""
    repeats: int = 0
    """Items that each person is asked again at the end, with sides swapped: do they agree with themselves (ours)."""
    checks: tuple[InputPath, ...] = ()
    """Pairs with a known answer, spread among each person's items: whether they read (ours). The columns of a gate."""
    practice: tuple[InputPath, ...] = ()
    """Pairs to practise on before the first item, in the same form; empty means three of ours."""
    consent: tuple[InputPath, ...] = ()
    """Markdown files that people agree to before they start; empty means a plain text of ours."""
    reasons: bool = True
    """Whether a person may say why."""
    lease_minutes: int = field(default=30, metadata={"key": False})
    """How long an item that was opened and not answered is kept for that person before another may have it."""
    talk: tuple[str, ...] = ()
    """Systems that people talk with live, turn by turn (Section 6), each on the same prompts; the replies of all come
    at one pace."""
    talk_prompts: int = 10
    """With `talk`: how many conversations with each system (Section 6 has 10): prompts tagged "dialogue" first, then
    the first of the test set."""
    talk_turns: int = 10
    """With `talk`: replies after which a conversation ends by itself (ours)."""
    database_env: str = field(default="HANDFUL_DATABASE", metadata={"key": False})
    """The environment variable that may hold a database's address, such as "postgresql://user:password@host/name";
    where it is not set, answers go into people.sqlite in the work folder."""
    seed: int = 0
    """Of everybody's order and sides."""

    def __post_init__(self) -> None:
        check(self, "people", low=0)
        check(self, "shared", low=0)
        check(self, "repeats", low=0)
        check(self, "lease_minutes", low=1)
        check(self, "talk_prompts", low=1)
        check(self, "talk_turns", low=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Sections 4.1 and 4.2. Intervals are ours: percentile bootstrap, resampling prompts."""

    level: float = 0.95
    """Of the intervals."""
    draws: int = 10_000
    """Bootstrap samples."""
    seed: int = 0
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        check(self, "level", 0.5, 0.999)
        check(self, "draws", low=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsOfPanels(Stats):
    """What the stage is given: [stats], and `panels` of [judge], which no judge needs to know."""

    panels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the page shows."""

    samples: int = 8
    """Prompts whose responses stand side by side."""

    def __post_init__(self) -> None:
        check(self, "samples", low=0)
