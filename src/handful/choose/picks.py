"""The file of picks: what people found best, as `handful serve choice` hands it out and the stage reads it.

A pick names epochs, since the file is for the researcher; whoever picked saw letters in an order of their own.
It holds for the very answers that were shown, which it names by their hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from handful.choose.offer import Offer
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Noun

PICKS = "picks.jsonl"


class Pick(Noun, frozen=True):
    """A line of `picks.jsonl`: one person's word on one dev prompt."""

    person: str
    """A pseudonym."""
    prompt_id: str
    answers: str
    """Of the offer: sha256 of the prompt, the candidates' answers and their epochs."""
    best: tuple[int, ...]
    """The epochs whose answers are the best; all of them where the person found no difference."""
    reason: str = ""


def read_picks(paths: Sequence[Path], offers: Sequence[Offer]) -> list[Pick]:
    """The picks of several files, in the order of the prompts and of the people's names.

    Raises:
        DataError: a line cannot be read, is of other answers, or two lines are one person's on one prompt.
    """
    known = {offer.prompt_id: offer for offer in offers}
    found: dict[tuple[str, str], Pick] = {}
    for path in paths:
        for pick in jsonl.read(path, Pick):
            check(pick, known, path)
            key = (pick.prompt_id, pick.person)
            if found.setdefault(key, pick) != pick:
                raise DataError(
                    f"{path}: {pick.person} picks twice for {pick.prompt_id}, and not the same; keep one file or line"
                )
    if not found:
        raise DataError(f"{listed(paths)}: hold no picks; let people read first: handful serve choice")
    return in_order(found.values(), offers)


def check(pick: Pick, known: Mapping[str, Offer], path: Path) -> None:
    offer = known.get(pick.prompt_id)
    if offer is None:
        raise DataError(
            f"{path}: picks for {pick.prompt_id}, which is no dev prompt with answers of every candidate"
        )
    if offer.answers != pick.answers:
        raise DataError(
            f"{path}: what {pick.person} picked for {pick.prompt_id} is of other answers than this training's: it was "
            "trained anew, or has other candidates (choose.first, choose.last); people must read again"
        )
    groups = [set(reply.epochs) for reply in offer.replies]
    best = set(pick.best)
    if (
        not best
        or len(best) != len(pick.best)
        or any(g & best and not g <= best for g in groups)
        or best - set(offer.epochs)
    ):
        raise DataError(
            f"{path}: {pick.person}, {pick.prompt_id}: best is {list(pick.best)}, which are not answers that were "
            f"offered; the epochs are {listed(offer.epochs)}"
        )


def in_order(picks: Iterable[Pick], offers: Sequence[Offer]) -> list[Pick]:
    place = {offer.prompt_id: number for number, offer in enumerate(offers)}
    return sorted(picks, key=lambda pick: (place[pick.prompt_id], pick.person))


def listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
