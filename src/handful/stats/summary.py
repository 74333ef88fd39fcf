"""The whole of stats.json, from what was read. Touches no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handful.core.types import Choice, Comparison, Dropped, Noun, Response, Seal, Verdict
from handful.recipe.evaluation import Stats
from handful.run.progress import Advance
from handful.stats.agreement import Agreement, agreements, alpha, exact, tie_discounted
from handful.stats.bootstrap import Bootstrap
from handful.stats.lengths import LengthBias, SystemLength, length_bias, system_length
from handful.stats.losses import Losses, losses
from handful.stats.preference import Preference, preferences
from handful.stats.readings import Annotator, Pair, annotator, pairs_of
from handful.stats.trust import Trust, examine


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What was read: ids to records, and names of judges, people and systems to theirs."""

    comparisons: Mapping[str, Comparison]
    seals: Mapping[str, Seal]
    named: Sequence[tuple[str, str]] = ()
    """(subject, baseline) of each pair, in the study's order."""
    judges: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    people: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    people_wanted: bool = False
    truncated: Mapping[str, list[str]] = field(default_factory=dict)
    """Judge -> ids of the comparisons that it saw cut."""
    responses: Mapping[str, Sequence[Response]] = field(default_factory=dict)
    unpaired: Sequence[Dropped] = ()


class PairSize(Noun, frozen=True):
    subject: str
    baseline: str
    comparisons: int
    prompts: int


class Alpha(Noun, frozen=True):
    """Krippendorff's alpha over all people; None where nobody overlaps."""

    tie_distance: float | None
    nominal: float | None


class Summary(Noun, frozen=True):
    level: float
    draws: int
    pairs: tuple[PairSize, ...]
    preference: tuple[Preference, ...]
    agreement: tuple[Agreement, ...]
    alpha_of_people: Alpha
    trust: tuple[Trust, ...]
    systems: tuple[SystemLength, ...]
    length_bias: tuple[LengthBias, ...]
    losses: Losses


def summarize(study: Study, params: Stats, advance: Advance = lambda amount=1, note="": None) -> Summary:
    bootstrap = Bootstrap(params.level, params.draws, params.seed)
    ids = list(study.comparisons)
    annotators = [annotator(name, "model", verdicts, ids) for name, verdicts in study.judges.items()]
    annotators += [annotator(name, "person", verdicts, ids) for name, verdicts in study.people.items()]
    prompts = {id: comparison.prompt_id for id, comparison in study.comparisons.items()}
    pairs = pairs_of(study.seals.values(), study.named)
    preference = preferences(annotators, pairs, bootstrap)
    advance(1, "preference")
    agreement = agreements(annotators, prompts, bootstrap)
    advance(1, "agreement")
    truncated = {name: len(found) for name, found in study.truncated.items()}
    return Summary(
        level=params.level,
        draws=params.draws,
        pairs=tuple(
            PairSize(p.subject, p.baseline, len(p.seals), len({s.prompt_id for s in p.seals})) for p in pairs
        ),
        preference=tuple(preference),
        agreement=tuple(agreement),
        alpha_of_people=alpha_of_people(annotators, ids),
        trust=tuple(examine(annotators, prompts, truncated, agreement, bootstrap)),
        systems=tuple(
            system_length(name, study.responses[name], bootstrap) for name in subjects_first(study, pairs)
        ),
        length_bias=tuple(length_bias(a, study.comparisons, bootstrap) for a in annotators),
        losses=losses(annotators, dict(study.truncated), study.unpaired, ids, study.people_wanted),
    )


def subjects_first(study: Study, pairs: Sequence[Pair]) -> list[str]:
    """The systems that answered: those compared in the order of the pairs, then the others."""
    compared = [name for pair in pairs for name in (pair.subject, pair.baseline)]
    return [name for name in dict.fromkeys([*compared, *study.responses]) if name in study.responses]


def alpha_of_people(annotators: Sequence[Annotator], ids: Sequence[str]) -> Alpha:
    people = [a for a in annotators if a.kind == "person"]
    items: list[list[Choice]] = []
    for id in ids:
        said = [a.readings[id].choice for a in people if id in a.readings]
        items.append([choice for choice in said if choice])
    return Alpha(alpha(items, tie_discounted), alpha(items, exact))
