"""From people's picks to an epoch: the largest share of the votes, and how far the votes can tell it from the others.

A pick is one vote, shared evenly among the epochs it names. A prompt's votes are the mean over the people who read it,
and an epoch's share the mean over prompts: each prompt counts the same, however many read it. Intervals are those of
`intervals` (ours: the paper chose by hand and gives none).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from handful.choose.best import FEW_PROMPTS, first_highest, said_of_few
from handful.choose.intervals import LEVEL, interval, resampled_means, tells
from handful.choose.offer import Offer
from handful.choose.picks import Pick
from handful.choose.records import Agreement
from handful.core.types import Interval


@dataclass(frozen=True, slots=True)
class Tally:
    """What the votes say."""

    epoch: int
    shares: Mapping[int, Interval]
    """Epoch -> its share of the votes; they sum to 1."""
    untold: Sequence[int]
    """The candidates that the votes do not tell from it."""
    again: float
    """Share of resamples of the prompts in which the same epoch has most."""
    people: int
    picks: int
    agreement: Agreement | None
    notes: Sequence[str]


def tally(picks: Sequence[Pick], offers: Sequence[Offer], candidates: Sequence[int]) -> Tally | None:
    """The candidate with the largest share; of equals the earliest. None where nobody has picked anything.

    Prompts to which all candidates say the same count for all alike, as soon as there is any pick.
    """
    if not picks:
        return None
    by_prompt = grouped(picks)
    alike = [offer.prompt_id for offer in offers if len(offer.replies) == 1]
    lines = [mean_votes(by_prompt[id], candidates) for id in by_prompt]
    lines += [[1 / len(candidates)] * len(candidates) for id in alike if id not in by_prompt]
    values = np.array(lines, dtype=np.float64)
    means = values.mean(axis=0)
    place = int(first_highest(means[None])[0])
    drawn = resampled_means(values)
    again = float((first_highest(drawn) == place).mean())
    untold = [
        epoch
        for k, epoch in enumerate(candidates)
        if k != place and not tells(values[:, place] - values[:, k], drawn[:, place] - drawn[:, k], 1)
    ]
    return Tally(
        epoch=candidates[place],
        shares={e: interval(values[:, k], drawn[:, k], 0, 1) for k, e in enumerate(candidates)},
        untold=untold,
        again=round(again, 4),
        people=len({pick.person for pick in picks}),
        picks=len(picks),
        agreement=agreement(by_prompt, offers),
        notes=notes(candidates[place], untold, again, len(values), len(offers), len(alike)),
    )


def grouped(picks: Sequence[Pick]) -> dict[str, list[Pick]]:
    found: dict[str, list[Pick]] = {}
    for pick in picks:
        found.setdefault(pick.prompt_id, []).append(pick)
    return found


def mean_votes(picks: Sequence[Pick], candidates: Sequence[int]) -> list[float]:
    return [fmean(1 / len(p.best) if epoch in p.best else 0.0 for p in picks) for epoch in candidates]


def agreement(by_prompt: Mapping[str, Sequence[Pick]], offers: Sequence[Offer]) -> Agreement | None:
    """How far people mark the same answers; None where no prompt was read by two.

    Two lists of a and b of k answers overlap by |both| / max(a, b), and drawn blindly by min(a, b) / k on average.
    Counted in answers, not epochs: what reads the same is one.
    """
    known = {offer.prompt_id: offer for offer in offers}
    overlaps, chances, pairs = [], [], 0
    for id, picks in by_prompt.items():
        marked = [answers_of(pick, known[id]) for pick in picks]
        both = list(combinations(marked, 2))
        if both:
            overlaps.append(fmean(len(a & b) / max(len(a), len(b)) for a, b in both))
            chances.append(fmean(min(len(a), len(b)) / len(known[id].replies) for a, b in both))
            pairs += len(both)
    if not overlaps:
        return None
    values: NDArray[np.float64] = np.array(overlaps, dtype=np.float64)
    overlap = interval(values, resampled_means(values[:, None])[:, 0], 0, 1)
    return Agreement(overlap, round(fmean(chances), 4), pairs)


def answers_of(pick: Pick, offer: Offer) -> frozenset[int]:
    """Which of the offer's answers a pick marks, by their place."""
    best = set(pick.best)
    return frozenset(place for place, reply in enumerate(offer.replies) if set(reply.epochs) <= best)


def notes(epoch: int, untold: Sequence[int], again: float, n: int, offered: int, alike: int) -> list[str]:
    """In words, what the intervals mean for the choice."""
    found = []
    if untold:
        s = "" if len(untold) == 1 else "s"
        found.append(
            f"The votes do not tell epoch {epoch} from epoch{s} {', '.join(map(str, untold))}: the {LEVEL:.0%} "
            f"interval{s} of the difference include{'s' if len(untold) == 1 else ''} 0. Of resamples of these {n} "
            f"prompts, {again:.0%} give the same epoch most votes."
        )
    if n < offered:
        found.append(f"{offered - n} of {offered} prompts nobody has read yet; they count for nothing.")
    if alike:
        found.append(
            f"To {alike} of {offered} prompts all candidates answer the same; those count for all alike, unread."
        )
    if n < FEW_PROMPTS:
        found.append(
            f"Only {n} prompt{'' if n == 1 else 's'}: {said_of_few(n)} The paper read answers to 50."
        )
    return found
