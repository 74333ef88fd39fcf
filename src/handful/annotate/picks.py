"""What people picked on the dev prompts, as rows of the ledger: which epochs' answers are best to one prompt.

A person's rows on one prompt are a chain in the order in which they were made. A row holds for what was shown then:
another training with the same dev prompts has other answers, so it adds to the chain and takes nothing from the first.
Which answers there are, and what follows from the picks, is for `choose`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from handful.annotate.database import Conflict

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger

TABLE = "picks"


class Said(msgspec.Struct, frozen=True):
    """What the column `choice` holds."""

    best: tuple[int, ...]
    reason: str = ""


class Picked(msgspec.Struct, frozen=True):
    """One row. `said` is None where it takes back the row before it."""

    id: int
    at: str
    person: str
    prompt_id: str
    shown: str
    """sha256 of what the person had before them, in its order."""
    said: Said | None


class Picks:
    """The rows of a ledger, read once and kept up with: only the process that serves a choice adds any."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._chains: dict[tuple[str, str], list[Picked]] = {}
        for row in ledger.rows(TABLE):
            self._keep(picked(row))

    def standing(self, person: str, prompt_id: str, shown: str) -> Picked | None:
        """The person's pick for what was shown, or None where there is none, or it was taken back."""
        rows = [row for row in self._chain(person, prompt_id) if row.shown == shown]
        return rows[-1] if rows and rows[-1].said else None

    def head(self, person: str, prompt_id: str) -> int:
        """The id of the chain's last row, whatever it was said of; 0 where there is none."""
        rows = self._chain(person, prompt_id)
        return rows[-1].id if rows else 0

    def every(self) -> Iterator[Picked]:
        """All rows, those that were taken back and those that took them back included, oldest first."""
        with self._lock:
            rows = [row for chain in self._chains.values() for row in chain]
        yield from sorted(rows, key=lambda row: row.id)

    def add(self, person: str, prompt_id: str, shown: str, said: Said | None, after: int) -> bool:
        """Add a row behind the row `after` (0: as the first); on the disk when this returns.

        Returns:
            False, and nothing added, where another row came first: a form that was sent twice, or a second tab.
        """
        choice = msgspec.json.encode(said).decode() if said else None
        values = {"person": person, "prompt_id": prompt_id, "shown": shown, "choice": choice}
        if after != self.head(person, prompt_id):
            return False
        try:
            id = self._ledger.add(TABLE, values | {"supersedes": after or None})
        except Conflict:
            return False
        self._keep(Picked(id, "", person, prompt_id, shown, said))
        return True

    def _chain(self, person: str, prompt_id: str) -> list[Picked]:
        with self._lock:
            return list(self._chains.get((person, prompt_id), ()))

    def _keep(self, row: Picked) -> None:
        with self._lock:
            self._chains.setdefault((row.person, row.prompt_id), []).append(row)


def picked(row: Any) -> Picked:
    said = msgspec.json.decode(row.choice, type=Said) if row.choice is not None else None
    return Picked(row.id, row.at, row.person, row.prompt_id, row.shown, said)
