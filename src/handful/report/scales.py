"""Drawings of grades, in the manner of the paper's Figures 3, 5, 6, 7 and 9. `figures` has the parts they are made of.

Every value stands in words beside its mark, so that no drawing needs its colours to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

from handful.core.types import Interval
from handful.report.figures import BAR, WIDTH, legend, line, nice_ticks, rect, svg, text, whisker

EN = "\N{EN DASH}"
LEFT, RIGHT = 44.0, WIDTH - 10.0
PANEL, GAP, BAND = 120.0, 46.0, 16.0
"""Of Figure 9: how high a panel is, what lies between two, and how wide the mark of the chosen epoch is."""


@dataclass(frozen=True, slots=True)
class Shares:
    """One row of stacked shares, best first; `counts` in the same order."""

    label: str
    shares: Sequence[float]
    counts: Sequence[int]
    note: str = ""
    bounds: Sequence[tuple[float, float] | None] = ()
    """Of each boundary between two classes, as far as they are known."""


def stacked_shares(title: str, classes: Sequence[str], rows: Sequence[Shares]) -> str:
    """Figures 3 and 7: what share of responses, or of turns, got each grade, as one bar a system.

    Args:
        classes: two or three names, best first.
    """
    kinds = ("win", "tie", "loss") if len(classes) == 3 else ("win", "loss")
    places = ("left", "middle", "right") if len(classes) == 3 else ("left", "right")
    named = [f"{name} ({place})" for name, place in zip(classes, places, strict=True)]
    parts, y = legend(list(zip(named, kinds, strict=True)), 4), 42.0
    for row in rows:
        parts += [text(0, y, row.label, kind="strong"), text(WIDTH, y, row.note, "end", "small")]
        x = 0.0
        for kind, share, count in zip(kinds, row.shares, row.counts, strict=True):
            width = share * WIDTH
            parts.append(rect(x, y + 7, width, BAR, kind))
            words = f"{100 * share:.0f}% ({count})" if width > 74 else f"{100 * share:.0f}%"
            if width > 34:
                parts.append(text(x + width / 2, y + 12 + BAR / 2, words, "middle", f"on-{kind}"))
            x += width
        at = 0.0
        for place, bounds in enumerate(row.bounds):
            at += row.shares[place]
            if bounds:
                parts += whisker(bounds[0] * WIDTH, bounds[1] * WIDTH, at * WIDTH, y + BAR + 13 + 8 * place)
        y += BAR + 32 + 8 * len(row.bounds)
    return svg(y - 12, title, parts)


def means(title: str, rows: Sequence[tuple[str, Interval]], low: float = 1, high: float = 6) -> str:
    """Figure 5: a mean grade an arm, with its interval, on the whole scale."""
    left, right = 6.0, WIDTH - 128.0

    def place(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    parts: list[str] = []
    bottom = 16.0 + 38 * len(rows)
    for tick in range(int(low), int(high) + 1):
        parts.append(line(place(tick), 6, place(tick), bottom, "grid"))
        parts.append(text(place(tick), bottom + 16, str(tick), "middle", "small"))
    y = 20.0
    for label, value in rows:
        parts.append(text(0, y, label, kind="strong over"))
        if value.estimate is not None:
            if value.low is not None and value.high is not None:
                parts += whisker(place(value.low), place(value.high), place(value.estimate), y + 11)
            parts.append(f'<circle cx="{place(value.estimate):.1f}" cy="{y + 11:.1f}" r="4.2" class="win"/>')
        parts.append(text(WIDTH, y + 15, stated(value), "end", "small"))
        y += 38
    return svg(bottom + 24, title, parts)


def stated(value: Interval) -> str:
    """As 3.83 with its bounds in brackets."""
    if value.estimate is None:
        return EN
    if value.low is None or value.high is None:
        return f"{value.estimate:.2f} (no interval)"
    return f"{value.estimate:.2f} ({value.low:.2f}{EN}{value.high:.2f})"


def over_quantity(title: str, points: Sequence[tuple[float, Interval]], x_name: str) -> str:
    """Figure 6: a mean grade over how much was trained on, each step to the right a doubling."""
    known = [(x, value) for x, value in points if value.estimate is not None]
    left, right, top, bottom = 44.0, WIDTH - 30.0, 16.0, 210.0
    ends = [b for _, v in known for b in (v.low, v.high, v.estimate) if b is not None]
    ticks = nice_ticks(min(ends), max(ends))
    first, last = log2(min(x for x, _ in known)), log2(max(x for x, _ in known))

    def place(x: float, y: float) -> tuple[float, float]:
        along = (log2(x) - first) / (last - first) if last > first else 0.5
        return left + 18 + (right - left - 36) * along, bottom - (bottom - top) * (y - ticks[0]) / (
            ticks[-1] - ticks[0]
        )

    parts = [line(left, place(1, tick)[1], right, place(1, tick)[1], "grid") for tick in ticks]
    parts += [text(left - 6, place(1, tick)[1] + 4, f"{tick:g}", "end", "small") for tick in ticks]
    for x, value in known:
        estimate = value.estimate or 0.0
        across, y = place(x, estimate)
        if value.low is not None and value.high is not None:
            ends_at = [place(x, bound)[1] for bound in (value.low, value.high)]
            parts.append(line(across, ends_at[0], across, ends_at[1], "whisker"))
            parts += [line(across - 3, end, across + 3, end, "whisker") for end in ends_at]
        parts.append(f'<circle cx="{across:.1f}" cy="{y:.1f}" r="4.2" class="win"/>')
        parts.append(text(across + 7, y - 6, f"{estimate:.2f}", "start", "small"))
        parts.append(text(across, bottom + 18, f"{x:,.0f}", "middle", "small"))
    parts.append(text((left + right) / 2, bottom + 36, x_name, "middle", "small"))
    return svg(bottom + 44, title, parts)


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity over the epochs, with bounds where it has some."""

    name: str
    points: Sequence[tuple[float, Interval]]


def panels(title: str, x_name: str, shown: Sequence[Panel], chosen: float | None = None) -> str:
    """Figure 9: quantities on scales of their own, one above the other, over the same epochs.

    Two scales in one frame would let any two lines be made to cross. A band marks the epoch `chosen`: a line would
    hide the interval that stands there.
    """
    xs = [x for panel in shown for x, _ in panel.points]
    most = max(xs) or 1.0
    parts: list[str] = []
    top = 26.0

    def across(x: float) -> float:
        return LEFT + 8 + (RIGHT - LEFT - 16) * x / most

    for number, panel in enumerate(shown):
        if chosen is not None:
            parts.append(rect(across(chosen) - BAND / 2, top, BAND, PANEL, "tie"))
        parts += one_panel(panel, "win" if number == 0 else "loss", top, across)
        top += PANEL + GAP
    bottom = top - GAP
    for x in (int(x) for x in sorted(set(xs)) if len(set(xs)) <= 16 or x % 2 == 0):
        parts.append(text(across(x), bottom + 18, f"{x}", "middle", "small"))
    parts.append(text((LEFT + RIGHT) / 2, bottom + 36, x_name, "middle", "small"))
    return svg(bottom + 44, title, parts)


def ticks_of(panel: Panel) -> list[float]:
    """The scale of a panel, which is cut to what it shows."""
    ends = [b for _, v in panel.points for b in (v.estimate, v.low, v.high) if b is not None]
    return nice_ticks(min(ends), max(ends), 4)


def one_panel(panel: Panel, kind: str, top: float, across: Callable[[float], float]) -> list[str]:
    """A panel's grid, line, points and whiskers; `across` places an epoch."""
    ticks = ticks_of(panel)

    def up(y: float) -> float:
        return float(top + PANEL - PANEL * (y - ticks[0]) / (ticks[-1] - ticks[0]))

    parts = [text(0, top - 10, panel.name, kind="strong")]
    parts += [line(LEFT, up(tick), RIGHT, up(tick), "grid") for tick in ticks]
    parts += [text(LEFT - 6, up(tick) + 4, f"{tick:g}", "end", "small") for tick in ticks]
    placed = [(across(x), up(v.estimate), v) for x, v in panel.points if v.estimate is not None]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in placed)
    parts.append(f'<polyline points="{path}" class="line line-{kind}"/>')
    for x, y, value in placed:
        if value.low is not None and value.high is not None:
            parts.append(line(x, up(value.low), x, up(value.high), "whisker"))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{kind}"/>')
    return parts
