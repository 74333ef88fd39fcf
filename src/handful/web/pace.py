"""At which pace a live reply appears: the same for every system, since speed gives a system away.

A reply is shown in steps of one size, one every TICK_SECONDS, after one waiting time. Both are set from the slowest
system as measured (`Meter`) and hold for a whole conversation. What is shown when follows from the clock and from the
pace alone, unless the reply is not there in time: then the pace waits, which is counted as a stall.

It knows no system, no ledger and no page; all times are of `time.monotonic`.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from handful.core.types import Finish

TICK_SECONDS = 0.2
FASTEST = 60.0
"""Characters a second: more than people read."""
SLOWEST = 10.0
"""Fewer would keep people waiting for good; a slower system stalls, and that is counted."""
SHORTEST_WAIT = 0.6
LONGEST_WAIT = 20.0
MARGIN = 1.25
"""What the slowest system is given beyond what it was measured to need."""
SPARE_SECONDS = 0.25
"""And for the waiting time besides, as a machine that serves many people is busier than one that measures."""
GIVE_UP_SECONDS = 180.0
"""A reply that is not there by then has failed: the person may try again, or end."""
LATE_SECONDS = 0.5
"""A reply that falls behind by less is no stall that a person would notice."""


@dataclass(frozen=True, slots=True)
class Pace:
    wait: float
    """Seconds from the message to the first characters."""
    size: int
    """Characters a tick."""

    def slower(self, other: Pace) -> Pace:
        return Pace(max(self.wait, other.wait), min(self.size, other.size))


BEST = Pace(SHORTEST_WAIT, round(FASTEST * TICK_SECONDS))


class Meter:
    """How long each system takes, and the pace that fits the slowest. It only ever gets slower."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.firsts: dict[str, deque[float]] = {}
        self.rates: dict[str, deque[float]] = {}
        self.set = BEST

    def note(self, arm: str, first: float, rate: float) -> None:
        """A reply of `arm`: seconds until its first character, and characters a second from there."""
        with self.lock:
            self.firsts.setdefault(arm, deque(maxlen=20)).append(first)
            self.rates.setdefault(arm, deque(maxlen=20)).append(rate)

    def pace(self) -> Pace:
        """The pace of a conversation that begins now."""
        with self.lock:
            first = max((high(own) for own in self.firsts.values()), default=0.0)
            wait = first * MARGIN + SPARE_SECONDS
            rate = min((-high([-one for one in own]) for own in self.rates.values()), default=FASTEST)
            self.set = self.set.slower(pace_of(wait, rate / MARGIN))
            return self.set


def pace_of(wait: float, rate: float) -> Pace:
    bounded = min(FASTEST, max(SLOWEST, rate))
    return Pace(min(LONGEST_WAIT, wait), max(1, math.floor(bounded * TICK_SECONDS)))


def high(values: deque[float] | list[float]) -> float:
    """The value that nine of ten do not exceed: one hang in twenty does not slow everybody down for good."""
    found = sorted(values)
    return found[min(len(found) - 1, math.ceil(0.9 * len(found)) - 1)]


def storable(text: str) -> str:
    """The text without what no database takes, and no page shows: NUL, and halves of characters."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


@dataclass(eq=False, slots=True)
class Reply:
    """A reply while it is made and shown. Made by one thread, shown by others."""

    pace: Pace
    clock: Callable[[], float] = time.monotonic
    number: int = 0
    """Which turn of its conversation it is."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: float = 0.0
    raw: str = ""
    finish: Finish | None = None
    """None while it is made."""
    left_out: int = 0
    """Exchanges, the oldest, that the system was not shown."""
    first_at: float | None = None
    ended_at: float | None = None
    cancel: Callable[[], None] = lambda: None
    """Stops the making; nobody waits for it any more."""
    ticks: int = 0
    """Ticks that have passed."""
    shown: int = 0
    """Characters that are shown."""
    behind: int = 0
    """Ticks at which there was too little to show."""

    def __post_init__(self) -> None:
        self.asked = self.clock()

    # --- the making

    def add(self, piece: str) -> None:
        with self.lock:
            self.raw += storable(piece)
            if self.first_at is None and self.raw.strip():
                self.first_at = self.clock()

    def end(self, finish: Finish) -> None:
        with self.lock:
            if self.finish is None:
                self.finish, self.ended_at = finish, self.clock()

    def lose(self) -> None:
        """It was made, and could not be kept."""
        with self.lock:
            self.finish = "error"

    @property
    def text(self) -> str:
        """What there is of it, without white space at its ends, as `generate` has answers."""
        return self.raw.strip()

    @property
    def ms(self) -> int:
        """From the message to the whole reply."""
        return round(1000 * ((self.ended_at or self.clock()) - self.asked))

    def measured(self) -> tuple[float, float] | None:
        """Seconds to the first character, characters a second from there; None where there were none."""
        if self.first_at is None or self.ended_at is None:
            return None
        seconds = self.ended_at - self.first_at
        return self.first_at - self.asked, len(self.text) / seconds if seconds > 0.05 else FASTEST * MARGIN

    # --- the showing

    def advance(self) -> tuple[str, bool]:
        """What is shown by now, and whether that is all. As long as it is not late, however often one asks."""
        with self.lock:
            if self.finish is None and self.clock() - self.asked > GIVE_UP_SECONDS:
                self.finish = "error"
                self.cancel()
            text, done = self.text, self.finish is not None
            due = math.floor((self.clock() - self.asked - self.pace.wait) / TICK_SECONDS) + 1
            while self.ticks < due and not (done and self.shown >= len(text)):
                self.ticks += 1
                there = len(text) - self.shown
                if there >= self.pace.size or done:
                    self.shown += min(there, self.pace.size)
                else:
                    self.behind += 1
            return text[: self.shown], done and due > 0 and self.shown >= len(text)

    @property
    def stalled(self) -> float:
        """Seconds that the reply was late, 0 where a person would not notice."""
        late = self.behind * TICK_SECONDS
        return late if late >= LATE_SECONDS else 0.0

    def next_tick(self) -> float:
        """Seconds until something may change: every reply's ticks lie alike behind its message."""
        passed = self.clock() - self.asked - self.pace.wait
        return TICK_SECONDS - passed % TICK_SECONDS
