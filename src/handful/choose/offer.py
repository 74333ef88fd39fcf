"""What people are shown who choose between epochs: to each dev prompt the candidates' answers, without the epochs.

Answers that read the same are one: a person could tell them apart by nothing. The order is drawn for each person and
prompt, so that neither an epoch nor a place has a side of its own. Knows no web page and no ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handful.choose.records import Given
from handful.core.rng import rng_for
from handful.core.types import Turn


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, and which epochs gave it."""

    epochs: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A dev prompt with the candidates' different answers, the earliest epoch's first."""

    prompt_id: str
    turns: tuple[Turn, ...]
    replies: tuple[Reply, ...]
    answers: str
    """sha256 of the prompt, the answers and their epochs: picks hold for these and no others."""

    @property
    def epochs(self) -> tuple[int, ...]:
        return tuple(sorted(epoch for reply in self.replies for epoch in reply.epochs))


def offers(given: Given, open_to: Sequence[int]) -> list[Offer]:
    """An offer for each dev prompt that every candidate answered, in the prompts' order.

    A prompt to which all candidates say the same is among them: it counts for all alike, and is shown to nobody.
    """
    texts: dict[str, dict[int, str]] = {}
    for sample in given.samples:
        if sample.epoch in open_to:
            texts.setdefault(sample.prompt_id, {})[sample.epoch] = sample.text
    return [
        offer(id, given.prompts[id].prompt().turns, texts[id])
        for id in given.prompts
        if len(texts.get(id, {})) == len(open_to)
    ]


def offer(prompt_id: str, turns: tuple[Turn, ...], texts: Mapping[int, str]) -> Offer:
    merged: dict[str, list[int]] = {}
    for epoch in sorted(texts):
        merged.setdefault(texts[epoch].strip(), []).append(epoch)
    replies = tuple(Reply(tuple(epochs), text) for text, epochs in merged.items())
    said = [[turn.role, turn.text] for turn in turns]
    return Offer(prompt_id, turns, replies, digest([prompt_id, said, parts(replies)]))


def arranged(offer: Offer, person: str) -> tuple[Reply, ...]:
    """The answers in the order in which this person has them, as A, B, C."""
    drawn = list(offer.replies)
    rng_for(0, "choose", person, offer.answers).shuffle(drawn)
    return tuple(drawn)


def order(found: Sequence[Offer], person: str) -> list[Offer]:
    """The prompts in the person's order; those with one answer alone are left out, since they ask nothing."""
    drawn = [each for each in found if len(each.replies) > 1]
    rng_for(0, "choose", person).shuffle(drawn)
    return drawn


def shown(offer: Offer, person: str) -> str:
    """sha256 of what this person has before them, in its order."""
    return digest([offer.answers, parts(arranged(offer, person))])


def seen(offer: Offer, person: str) -> str:
    """sha256 of the texts that this person reads, in their order: it says nothing that the page does not show."""
    said = [[turn.role, turn.text] for turn in offer.turns]
    return digest([said, [reply.text for reply in arranged(offer, person)]])


def parts(replies: Sequence[Reply]) -> list[object]:
    return [[list(reply.epochs), reply.text] for reply in replies]


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()
