"""What stands of a text when several people reviewed it, each blind to the others.

One decision stands as it is. Two that agree stand together; where one edited and the other accepted, the edit stands.
Where one keeps and the other rejects, or both edited differently, a third decision settles it. A decision about a text
that has changed since counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from handful.annotate.reviews import Judgement, Review, Reviews, Text
from handful.select.reviews import AUTHORED, Decided, agreement, pair_of, verdict

State = Literal["open", "one", "agreed", "disputed", "settled"]
SETTLED = "settled:"
"""In front of a candidate's id in the ledger: the third decision is a chain of its own, whoever makes it."""


@dataclass(frozen=True, slots=True)
class Standing:
    candidate: str
    state: State
    reviews: Mapping[str, Review]
    """Person -> what they decided by themselves, in the order in which they did."""
    settled: Review | None = None
    decision: Judgement | None = None
    """What goes into the file; None where nothing is decided, or it is disputed."""
    text: Text | None = None
    """With "edit" and "write": the text that goes with it."""

    @property
    def kept(self) -> bool:
        return self.decision in ("accept", "edit", "write")

    def locked(self) -> bool:
        """Whether no decision may be changed any more: both are known, so a change would not be blind."""
        return len(self.reviews) > 1 or self.settled is not None

    def shown_to(self, person: str) -> bool:
        """Whether `person` may see what others decided."""
        return self.settled is not None or (len(self.reviews) > 1 and person in self.reviews)


def standing(reviews: Reviews, candidate: str, seen: str = "") -> Standing:
    """What stands of a candidate whose text has the hash `seen`; "" takes that of whoever wrote it."""
    own = reviews.of(candidate)
    written = next((r for r in own.values() if r.decision == "write"), None)
    seen = seen or (written.seen if written else "")
    own = {person: review for person, review in own.items() if review.seen == seen}
    third = max(reviews.of(SETTLED + candidate).values(), key=lambda r: r.id, default=None)
    if third and third.seen == seen and len(own) > 1:
        return Standing(candidate, "settled", own, third, *with_text(third, written))
    if not own:
        return Standing(candidate, "open", own)
    texts = {review.text for review in own.values() if review.decision == "edit"}
    verdicts = {verdict(review.decision) for review in own.values() if review.decision}
    if len(verdicts) > 1 or len(texts) > 1:
        return Standing(candidate, "disputed", own)
    state: State = "agreed" if len(own) > 1 else "one"
    leading = next((r for r in own.values() if r.decision == "edit"), written or next(iter(own.values())))
    return Standing(candidate, state, own, None, *with_text(leading, written))


def with_text(review: Review, written: Review | None) -> tuple[Judgement | None, Text | None]:
    """The decision and its text. What was written stays written, whoever accepted or edited it afterwards."""
    if written is None or review.decision == "reject":
        return review.decision, review.text if review.decision == "edit" else None
    assert written.text is not None
    if review.decision != "edit" or review.text is None:
        return "write", written.text
    own = written.text
    return "write", Text(review.text.turns, own.author, own.license, own.checked)


def decided(found: Standing) -> Decided | None:
    """The line of the file, or None where nothing is to be said: undecided, disputed, or written and rejected."""
    if found.decision is None or not found.reviews:
        return None
    written = any(review.decision == "write" for review in found.reviews.values())
    if written and found.decision == "reject":
        return None
    every = [*found.reviews.values(), *([found.settled] if found.settled else [])]
    standing_for = [review for review in every if stands_for(review, found)]
    text = found.text
    return Decided(
        id=found.candidate,
        decision=found.decision,
        by=tuple(dict.fromkeys(review.person for review in standing_for)),
        at=max(review.at for review in every),
        reason="; ".join(dict.fromkeys(review.reason for review in standing_for if review.reason)),
        tags=tuple(dict.fromkeys(tag for review in standing_for for tag in review.tags)),
        original="" if written else every[0].seen,
        turns=text.turns if text else (),
        blind={person: review.decision for person, review in found.reviews.items() if review.decision},
        source=AUTHORED if written else "",
        author=text.author if text else "",
        license=text.license if text else "",
        checked=text.checked if text else (),
    )


def stands_for(review: Review, found: Standing) -> bool:
    """Whether a review is behind what stands: it says the same of keeping the text, and edited it as it is now."""
    if review.decision is None or (verdict(review.decision) == "keep") != found.kept:
        return False
    return (
        review.decision != "edit"
        or review.text is None
        or review.text.turns == (found.text and found.text.turns)
    )


def agreed(found: Iterable[Standing]) -> dict[str, Any]:
    """How far reviewers agreed before they knew of each other."""
    blinds = ({p: r.decision for p, r in each.reviews.items() if r.decision} for each in found)
    return agreement(pair for blind in blinds if (pair := pair_of(blind)))
