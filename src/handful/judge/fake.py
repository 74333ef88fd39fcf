"""A judge with a known preference: to test a study, and the statistics, before paying for a real one."""

from __future__ import annotations

from typing import Literal

from handful.core.types import Choice, Comparison

Preference = Literal["longer", "shorter", "left", "right", "tie"]


def fake_choice(prefers: Preference, shown: Comparison) -> Choice:
    """What such a judge says of a comparison as it is shown. "left" and "right" are pure position bias."""
    if prefers in ("left", "right", "tie"):
        return prefers
    left, right = len(shown.left), len(shown.right)
    if left == right:
        return "tie"
    return "left" if (left > right) == (prefers == "longer") else "right"
