"""How far long work has come: a bar on a terminal, a line now and then elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

LINE_EVERY_SECONDS = 15.0
SHOWN_AFTER_SECONDS = 2.0


class Advance(Protocol):
    def __call__(self, amount: float = 1, note: str = "") -> None: ...


@contextmanager
def progress(description: str, total: float | None, unit: str = "") -> Iterator[Advance]:
    """A function to call with each amount of work done, and a note such as "loss 2.31".

    Args:
        description: what is being done, in a few words.
        total: how much there is to do, in `unit`s; None where nobody knows.
    """
    if sys.stderr.isatty():
        yield from _bar(description, total, unit)
    else:
        yield from _lines(description, total, unit)


def _bar(description: str, total: float | None, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(description, total=total, note="")

        def advance(amount: float = 1, note: str = "") -> None:
            bars.update(task, advance=amount, note=note)

        yield advance


def _lines(description: str, total: float | None, unit: str) -> Iterator[Advance]:
    done, start = 0.0, time.monotonic()
    last = start - LINE_EVERY_SECONDS + SHOWN_AFTER_SECONDS

    def advance(amount: float = 1, note: str = "") -> None:
        nonlocal done, last
        done += amount
        now = time.monotonic()
        if now - last >= LINE_EVERY_SECONDS:
            last = now
            of = f" of {total:,.0f}" if total else ""
            left = f" {time_left(done, total, now - start)}" if total else ""
            print(
                f"  {description}: {done:,.0f}{of} {unit}{left} {note}".rstrip(), file=sys.stderr, flush=True
            )

    yield advance


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
