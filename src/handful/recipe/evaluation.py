"""[annotate], [stats] and [report]: what people say, and what is made of it.

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from handful.recipe.values import check


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Section 4.1: people. The stage waits for them only where `people` is above 0."""

    people: int = 0
    """Verdicts wanted for every comparison, each from another person."""

    def __post_init__(self) -> None:
        check(self, "people", low=0)


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
