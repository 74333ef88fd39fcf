"""All that `handful stats FILE` says of a file of verdicts. Touches no file."""

from __future__ import annotations

import numpy as np

from handful.core.types import Noun
from handful.votes.agree import Agreement, groups_agree
from handful.votes.annotators import Annotator, annotators
from handful.votes.between import annotators_agree
from handful.votes.files import of_files
from handful.votes.ranking import Ranking, rankings
from handful.votes.rates import Rates, rates
from handful.votes.readings import Repeated, Repeats, readings
from handful.votes.resample import Resampler
from handful.votes.systems import System, system_rates
from handful.votes.table import Votes
from handful.votes.words import counted

SCHEMA = 1
LIMIT = 200
"""Annotators that are looked at one by one, and in pairs: those with the most verdicts."""


class Counts(Noun, frozen=True):
    verdicts: int
    prompts: int
    items: int
    """Prompt, pair of systems and turn, that somebody's verdict can be read on."""
    systems: int
    annotators: int
    groups: tuple[str, ...]
    turns: tuple[str, ...]
    unreadable: int
    same_system: int
    """Verdicts with one system on both sides: in no figure."""
    repeated: Repeated
    skipped: dict[str, int]
    """Why a row is no verdict -> rows; empty unless bad rows were left out."""
    skipped_examples: dict[str, str]
    """The same reasons -> the first such row, as "votes.csv:7"."""


class Tally(Noun, frozen=True):
    schema: int
    level: float
    draws: int
    """Resamples behind each interval; in tables of more than some 50 rows fewer, but at least 1,000."""
    seed: int
    counts: Counts
    systems: tuple[System, ...]
    """Each system against all others; empty of two systems, whose pair says it all."""
    pairs: tuple[Rates, ...]
    rankings: tuple[Ranking, ...]
    groups: tuple[Agreement, ...]
    """Groups with themselves and with each other; without groups, all annotators with each other."""
    annotator_pairs: tuple[Agreement, ...]
    annotators: tuple[Annotator, ...]
    annotators_left_out: int
    """With the fewest verdicts: not in `annotators`."""
    annotators_not_paired: int
    """With the fewest verdicts: not in `annotator_pairs`."""
    notes: tuple[str, ...]


def tally(
    votes: Votes, resampler: Resampler | None = None, repeats: Repeats = "tie", limit: int = LIMIT
) -> Tally:
    """Every figure of `votes`, with intervals clustered by prompt."""
    resampler = resampler or Resampler()
    found = readings(votes, repeats)
    agreed, unpaired = annotators_agree(votes, found, resampler, limit)
    listed, unlisted = annotators(votes, found, resampler, limit)
    counts = Counts(
        verdicts=len(votes),
        prompts=len(votes.prompts),
        items=int(np.count_nonzero(np.diff(found.item, prepend=-1))),
        systems=len(votes.systems),
        annotators=len(listed) + unlisted,
        groups=tuple(sorted(votes.groups)),
        turns=tuple(votes.turns),
        unreadable=found.unreadable,
        same_system=found.same_system,
        repeated=found.repeated,
        skipped=dict(sorted(votes.skipped.items(), key=lambda item: (-item[1], item[0]))),
        skipped_examples=dict(sorted(votes.examples.items())),
    )
    return Tally(
        schema=SCHEMA,
        level=resampler.level,
        draws=resampler.draws,
        seed=resampler.seed,
        counts=counts,
        systems=tuple(system_rates(votes, found, resampler)),
        pairs=tuple(rates(votes, found, resampler)),
        rankings=tuple(rankings(votes, found, resampler)),
        groups=tuple(groups_agree(votes, found, resampler)),
        annotator_pairs=tuple(agreed),
        annotators=tuple(listed),
        annotators_left_out=unlisted,
        annotators_not_paired=unpaired,
        notes=(*notes(counts, unlisted, unpaired), *of_files(votes)),
    )


def notes(counts: Counts, unlisted: int, unpaired: int) -> list[str]:
    """What a reader must know before believing a figure."""
    found = []
    if counts.prompts == 1:
        found.append("There is one prompt only: nothing can be said of others, so no figure has an interval.")
    elif counts.prompts < 30:
        found.append(f"There are {counts.prompts} prompts only: intervals over prompts are wide, and rough.")
    if counts.annotators == 1:
        found.append("There is one annotator only: whether another would say the same is not known.")
    again = counts.repeated
    if again.items:
        found.append(
            f"An annotator judged the same item more than once {counted(again.items, 'time')} "
            f"({again.differ:,} of them not alike): {again.done}."
        )
    if counts.same_system:
        one = counts.same_system == 1
        found.append(
            f"{counted(counts.same_system, 'verdict')} {'has' if one else 'have'} one system on both sides: "
            f"{'it is' if one else 'they are'} in no figure."
        )
    if counts.unreadable:
        they = "it is" if counts.unreadable == 1 else "they are"
        found.append(f"{counted(counts.unreadable, 'verdict')} could not be read: {they} in no figure.")
    if counts.skipped:
        rows = sum(counts.skipped.values())
        said = "is no verdict and was" if rows == 1 else "are no verdicts and were"
        found.append(f"{counted(rows, 'row')} {said} left out.")
    for left_out, what in ((unlisted, "one by one"), (unpaired, "in pairs")):
        if left_out:
            one = left_out == 1
            found.append(
                f"{counted(left_out, 'annotator')} with the fewest verdicts {'is' if one else 'are'} not looked at "
                f"{what}; {'it counts' if one else 'they count'} in all the rest."
            )
    return found
