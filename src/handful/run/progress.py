"""How far long work has come: a bar on a terminal, a line now and then elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

LINE_EVERY_SECONDS = 15.0
SHOWN_AFTER_SECONDS = 2.0
SURE_AFTER = 5
"""Amounts of work after which a pace is one: the first may take as long as all that follow."""
SLOW_SECONDS = 60.0
"""After which two will do."""


class Advance(Protocol):
    def __call__(self, amount: float = 1, note: str = "") -> None: ...


@contextmanager
def progress(description: str, total: float | None, unit: str = "", done: int = 0) -> Iterator[Advance]:
    """A function to call with each amount of work done, and a note such as "loss 2.31".

    Args:
        description: what is being done, in a few words.
        total: how much there is to do, in `unit`s; None where nobody knows.
        done: how much of it an earlier run has done: it tells nothing of the pace.
    """
    if sys.stderr.isatty():
        yield from _bar(description, total, unit, done)
    else:
        yield from _lines(description, total, unit, done)


def say(line: str) -> None:
    """Something to know while work goes on; above the bar, where there is one."""
    print(f"  {line}", file=sys.stderr, flush=True)


def _bar(description: str, total: float | None, unit: str, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    pace = Pace()

    class Left(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            return super().render(task) if pace.known else Text("-:--:--", style="progress.remaining")

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        Left(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(description, total=total, completed=done, note="")

        def advance(amount: float = 1, note: str = "") -> None:
            pace.moved(amount)
            bars.update(task, advance=amount, note=note)

        yield advance


def _lines(description: str, total: float | None, unit: str, before: int) -> Iterator[Advance]:
    pace = Pace()
    last = pace.start - LINE_EVERY_SECONDS + SHOWN_AFTER_SECONDS

    def advance(amount: float = 1, note: str = "") -> None:
        nonlocal last
        now = pace.moved(amount)
        if now - last >= LINE_EVERY_SECONDS:
            last = now
            of = f" of {total:,.0f}" if total else ""
            left = f" {pace.left(total - before)}" if total else ""
            say(f"{description}: {before + pace.done:,.0f}{of} {unit}{left} {note}".rstrip())

    yield advance


class Pace:
    """How much was done since when, and whether that is enough to tell what the rest will take."""

    def __init__(self) -> None:
        self.start = self.now = time.monotonic()
        self.done, self.times = 0.0, 0

    def moved(self, amount: float) -> float:
        """Take in an amount of work; the time by the clock."""
        self.now = time.monotonic()
        self.done += amount
        self.times += amount > 0
        return self.now

    @property
    def known(self) -> bool:
        return self.times >= SURE_AFTER or (self.times > 1 and self.now - self.start >= SLOW_SECONDS)

    def left(self, total: float) -> str:
        return time_left(self.done, total, self.now - self.start) if self.known else ""


class Shares:
    """Progress of a whole whose parts tell how far they are: each adds up to its own size, whatever it has told.

    A part may begin again, or never tell of anything but its end.
    """

    def __init__(self, sizes: Mapping[str, float], advance: Callable[[float, str], None]) -> None:
        """`advance` is called with each amount, in the unit of `sizes`, and the name of the part."""
        self.sizes = sizes
        self.advance = advance
        self.counted = dict.fromkeys(sizes, 0.0)

    def moved(self, part: str, done: float) -> None:
        """`done` is counted from the part's beginning."""
        more = min(done, self.sizes[part]) - self.counted[part]
        if more > 0:
            self.counted[part] += more
            self.advance(more, part)

    def ended(self, part: str) -> None:
        self.moved(part, self.sizes[part])


def time_left(done: float, total: float, seconds: float) -> str:
    """How long the rest takes at the pace so far, as "(0:04:10 left)"."""
    if not 0 < done < total:
        return ""
    left = round(seconds * (total - done) / done)
    return f"({left // 3600}:{left // 60 % 60:02}:{left % 60:02} left)"
