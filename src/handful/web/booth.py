"""Where people sit: a board, and what only the annotators' pages need to know of each person.

Which instructions somebody has read is an event in the ledger, so that another device does not show them again.
"""

from __future__ import annotations

import threading

from handful.annotate.board import Board
from handful.annotate.ledger import Ledger
from handful.core.types import Task
from handful.study.work import instructions
from handful.web.asking import ASKED

INSTRUCTED = "instructed"
"""The event of a person who has read the instructions of a task."""


class Booth:
    """A board with the pages' own memory. Thread-safe."""

    def __init__(self, board: Board, ledger: Ledger, consent: str, reasons: bool) -> None:
        self.board = board
        self.ledger = ledger
        self.consent = consent
        self.reasons = reasons
        self._lock = threading.Lock()
        self._begun: dict[str, set[str]] = {}

    def told(self, task: Task) -> str:
        """The instructions of a task, also of one that the study did not ask when it was made."""
        return self.board.study.instructions.get(task) or instructions(task)

    def has_begun(self, person: str, task: str) -> bool:
        """Whether the person has seen the instructions of the task."""
        if person not in self._begun:
            begun = {event.subject for event in self.ledger.events(person) if event.kind == INSTRUCTED}
            with self._lock:
                self._begun.setdefault(person, set()).update(begun)
        return task in self._begun[person]

    def begin(self, person: str, task: str) -> None:
        if task in ASKED and not self.has_begun(person, task):
            self.ledger.event(INSTRUCTED, person, subject=task)
            with self._lock:
                self._begun[person].add(task)
