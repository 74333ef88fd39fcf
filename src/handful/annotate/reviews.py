"""What reviewers decided at the curation desk, as rows of the ledger: a chain of rows for each person and candidate.

A later row supersedes the one before it, and a row without a decision takes it back. What follows from the decisions
of several people is for `desk`; this module only keeps them, in memory as they stand and on the disk as they came.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from handful.annotate.database import Conflict
from handful.core.types import Noun, Turn

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger

TABLE = "reviews"
Judgement = Literal["accept", "reject", "edit", "write"]


class Text(Noun, frozen=True, omit_defaults=True):
    """What the column `turns` holds: a dialogue as it was edited or written, and what goes with it."""

    turns: tuple[Turn, ...]
    author: str = ""
    license: str = ""
    checked: tuple[str, ...] = ()


class Review(msgspec.Struct, frozen=True):
    """One row. `decision` is None where it takes back the row before it."""

    id: int
    at: str
    person: str
    candidate: str
    seen: str
    """sha256 of the text that the reviewer had before them."""
    decision: Judgement | None
    reason: str
    tags: tuple[str, ...]
    text: Text | None


class Reviews:
    """The rows of a ledger, read once and kept up with: only the process that serves the desk adds any."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.RLock()
        self._heads: dict[str, dict[str, Review]] = {}
        self._by_nonce: dict[str, Review] = {}
        self.count = 0
        """Rows so far: whoever keeps what follows from them knows by it whether it still holds."""
        for row in ledger.rows(TABLE):
            self._keep(row)

    def of(self, candidate: str) -> dict[str, Review]:
        """Person -> the decision that stands, in the order in which people first spoke."""
        with self._lock:
            return {p: r for p, r in self._heads.get(candidate, {}).items() if r.decision is not None}

    def candidates(self) -> list[str]:
        """All that anybody ever decided, in that order."""
        with self._lock:
            return list(self._heads)

    def sent(self, nonce: str) -> Review | None:
        """What was stored with this nonce before."""
        with self._lock:
            return self._by_nonce.get(nonce) if nonce else None

    def last_of(self, person: str) -> Review | None:
        """The person's latest decision that stands."""
        with self._lock:
            own = (heads[person] for heads in self._heads.values() if person in heads)
            return max((r for r in own if r.decision is not None), key=lambda r: r.id, default=None)

    def record(
        self,
        person: str,
        candidate: str,
        seen: str,
        decision: Judgement | None,
        *,
        reason: str = "",
        tags: tuple[str, ...] = (),
        text: Text | None = None,
        nonce: str = "",
    ) -> Review:
        """Add a row behind the person's last one of this candidate; on the disk when this returns.

        What was sent before with the same `nonce` is stored once: the row of the first time is returned.

        Raises:
            DataError: it cannot be stored.
        """
        with self._lock:
            if nonce and nonce in self._by_nonce:
                return self._by_nonce[nonce]
            head = self._heads.get(candidate, {}).get(person)
            values: Mapping[str, Any] = {
                "person": person,
                "candidate": candidate,
                "seen": seen,
                "decision": decision,
                "reason": reason,
                "tags": msgspec.json.encode(tags).decode(),
                "turns": msgspec.json.encode(text).decode() if text else "",
                "nonce": nonce or None,
                "supersedes": head.id if head else None,
            }
            try:
                id = self._ledger.add(TABLE, dict(values))
            except (
                Conflict
            ):  # a second desk on the same ledger: take up what it wrote, and let the caller look again
                self._catch_up()
                return self._heads[candidate][person]
            return next(
                kept for row in self._ledger.rows(TABLE, after=id - 1) if (kept := self._keep(row)).id == id
            )

    def _catch_up(self) -> None:
        for row in self._ledger.rows(TABLE):
            self._keep(row)

    def _keep(self, row: Any) -> Review:
        review = review_of(row)
        self._heads.setdefault(review.candidate, {})[review.person] = review
        if row.nonce:
            self._by_nonce[row.nonce] = review
        self.count = max(self.count, review.id)
        return review


def review_of(row: Any) -> Review:
    return Review(
        id=row.id,
        at=row.at,
        person=row.person,
        candidate=row.candidate,
        seen=row.seen,
        decision=row.decision,
        reason=row.reason,
        tags=msgspec.json.decode(row.tags, type=tuple[str, ...]),
        text=msgspec.json.decode(row.turns, type=Text) if row.turns else None,
    )
