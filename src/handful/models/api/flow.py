"""How many requests one endpoint gets at a time, and how soon: as many as it bears.

Additive increase, multiplicative decrease, as TCP does: a server that says "too many" halves the number, each whole
round of answers adds one, up to what the recipe allows. Where it says how long to wait, nobody asks before that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

WAKE_SECONDS = 0.2
"""How long a waiting thread may take to see that the run has stopped."""


class Flow:
    """The gate of one endpoint, shared by the threads that ask it."""

    def __init__(self, most: int, per_minute: int = 0) -> None:
        """
        Args:
            most: requests at a time.
            per_minute: requests in a minute, evenly spaced; 0 sets no limit.
        """
        self.most = most
        self.limit = float(most)
        self.spacing = 60.0 / per_minute if per_minute else 0.0
        self.inside = 0
        self.round = 0
        """Raised by each decrease: of requests that were refused together, one counts."""
        self.earliest = 0.0
        self.free = threading.Condition()

    def enter(self, stopped: Callable[[], bool]) -> int | None:
        """Wait for a place; the round that the request is of, for `refused`. None where `stopped` meanwhile."""
        with self.free:
            while True:
                if stopped():
                    return None
                wait = self.earliest - time.monotonic()
                if wait <= 0 and self.inside < max(1, int(self.limit)):
                    break
                self.free.wait(min(wait, WAKE_SECONDS) if wait > 0 else WAKE_SECONDS)
            self.inside += 1
            if self.spacing:
                self.earliest = max(self.earliest, time.monotonic()) + self.spacing
            return self.round

    def leave(self) -> None:
        with self.free:
            self.inside -= 1
            self.free.notify()

    def answered(self) -> None:
        with self.free:
            self.limit = min(self.most, self.limit + 1 / self.limit)

    def refused(self, round: int, seconds: float | None) -> None:
        """The server said "too many", or that it is overloaded, and perhaps how long to wait."""
        with self.free:
            if round == self.round:
                self.limit = max(1.0, self.limit / 2)
                self.round += 1
            if seconds:
                self.earliest = max(self.earliest, time.monotonic() + seconds)
