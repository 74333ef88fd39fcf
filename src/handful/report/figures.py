"""Drawings as SVG text, in the manner of the paper's Figures 1 and 2. Colours are those of Okabe and Ito.

Drawn by hand rather than by a plotting library: the bytes are the same everywhere, the text follows the page's font
and its light or dark colours, and a phone shows it at a readable size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

MINUS = "\N{MINUS SIGN}"
WIDTH = 480
BAR = 26
CHARACTER = 7.2  # average width of a character at 13 px


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the preference figure; shares in [0, 1] with the bounds of two boundaries where known."""

    label: str
    win: float
    tie: float
    loss: float
    note: str = ""
    win_bounds: tuple[float, float] | None = None
    good_bounds: tuple[float, float] | None = None
    """Of win + tie."""


def svg(height: float, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{"".join(body)}</svg>'
    )


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{mark}>{escape(words)}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" class="{kind}"/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def preference_bars(subject: str, bars: Sequence[Bar]) -> str:
    """Stacked bars: how often the subject wins, ties and loses against each baseline."""
    parts, y = (
        legend([(f"{subject} wins (left)", "win"), ("tie", "tie"), (f"{subject} loses (right)", "loss")], 4),
        42.0,
    )
    for bar in bars:
        parts.append(text(0, y, bar.label, kind="strong"))
        parts.append(text(WIDTH, y, bar.note, "end", "small"))
        parts += stacked(bar, y + 7)
        y += BAR + 48
    return svg(y - 12, f"How often {subject} wins, ties and loses", parts)


def stacked(bar: Bar, y: float) -> list[str]:
    parts, x = [], 0.0
    for kind, share in (("win", bar.win), ("tie", bar.tie), ("loss", bar.loss)):
        width = share * WIDTH
        parts.append(rect(x, y, width, BAR, kind))
        if width > 34:
            parts.append(text(x + width / 2, y + BAR / 2 + 5, f"{100 * share:.0f}%", "middle", f"on-{kind}"))
        x += width
    whiskers = ((bar.win_bounds, bar.win, 6), (bar.good_bounds, bar.win + bar.tie, 14))
    for bounds, at, below in whiskers:
        if bounds:
            parts += whisker(bounds[0] * WIDTH, bounds[1] * WIDTH, at * WIDTH, y + BAR + below)
    return parts


def whisker(low: float, high: float, at: float, y: float) -> list[str]:
    """An interval below the boundary that it belongs to."""
    return [
        line(low, y, high, y, "whisker"),
        line(low, y - 3, low, y + 3, "whisker"),
        line(high, y - 3, high, y + 3, "whisker"),
        f'<circle cx="{at:.1f}" cy="{y:.1f}" r="2.6" class="dot"/>',
    ]


def legend(entries: Sequence[tuple[str, str]], y: float) -> list[str]:
    parts, x = [], 0.0
    for words, kind in entries:
        parts += [rect(x, y, 12, 12, kind), text(x + 17, y + 11, words)]
        x += 17 + CHARACTER * len(words) + 14
    return parts


def funnel(steps: Sequence[tuple[str, int, int]]) -> str:
    """Bars of what is left after each rule.

    Args:
        steps: (name, left, taken); the first is what there was to begin with.
    """
    most = max((left for _, left, _ in steps), default=0) or 1
    parts, y = [], 14.0
    for name, left, taken in steps:
        parts.append(text(0, y, name))
        counted = f"{MINUS}{taken:,} → {left:,}" if taken else f"{left:,}"
        parts.append(text(WIDTH, y, counted, "end"))
        parts += [rect(0, y + 5, WIDTH, 8, "track"), rect(0, y + 5, WIDTH * left / most, 8, "win")]
        y += 34
    return svg(y - 12, "What each rule left", parts)


def curves(
    lines: Mapping[str, Sequence[tuple[float, float]]], x_name: str, y_name: str, marks: Sequence[str] = ()
) -> str:
    """Lines over a common scale; those named in `marks` show their points.

    Args:
        lines: name -> (x, y) points. The first three names take the three colours.
    """
    points = [point for series in lines.values() for point in series]
    left, top, bottom = 44.0, 30.0, 244.0
    x_max = max(x for x, _ in points) or 1.0
    ticks = nice_ticks(min(y for _, y in points), max(y for _, y in points))
    low, high = ticks[0], ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (WIDTH - left - 10) * x / x_max, bottom - (bottom - top) * (y - low) / (high - low)

    parts = legend([(name, kind) for name, kind in zip(lines, ("win", "loss", "dot"), strict=False)], 2)
    for tick in ticks:
        parts.append(line(left, place(0, tick)[1], WIDTH - 10, place(0, tick)[1], "grid"))
        parts.append(text(left - 6, place(0, tick)[1] + 4, f"{tick:g}", "end", "small"))
    for tick in (t for t in nice_ticks(0, x_max) if t <= x_max):
        parts.append(text(place(tick, low)[0], bottom + 18, f"{tick:g}", "middle", "small"))
    parts.append(text((left + WIDTH - 10) / 2, bottom + 36, x_name, "middle", "small"))
    for (name, series), kind in zip(lines.items(), ("win", "loss", "dot"), strict=False):
        placed = [place(x, y) for x, y in series]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" class="line line-{kind}"/>')
        if name in marks:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{kind}"/>' for x, y in placed]
    return svg(bottom + 44, f"{y_name} by {x_name}", parts)


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`."""
    if high <= low:
        high = low + 1
    rough = (high - low) / about
    magnitude = 10.0 ** floor(log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough)
    first = floor(low / step)
    count = 0
    ticks: list[float] = []
    while not ticks or ticks[-1] < high - 1e-9 * step:
        ticks.append(round((first + count) * step, 10))
        count += 1
    return ticks
