"""How many prompts does a study need? Normal approximations, for planning; standard library only.

A study that cannot see the difference it looks for costs as much as one that can. These figures suppose one reading a
prompt; several samples of a prompt add little where they agree.
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

LEVEL = 0.95
POWER = 0.8
TIES = 0.23
"""Share of ties: the mean of the paper's Figure 1."""
DEVIATION = 1.2
"""Of the difference of two systems' mean grades on one prompt, from 1 to 6 (ours: the paper gives none)."""


def z(probability: float) -> float:
    return NormalDist().inv_cdf(probability)


def half_width(share: float, prompts: int, level: float = LEVEL) -> float:
    """Half the width of the interval of a share: 0.056 for 43% of 300 prompts."""
    return z((1 + level) / 2) * sqrt(share * (1 - share) / prompts)


def prompts_for_half_width(half: float, share: float = 0.5, level: float = LEVEL) -> int:
    """Prompts for an interval of a share that reaches `half` to either side."""
    return ceil(share * (1 - share) * (z((1 + level) / 2) / half) ** 2)


def prompts_for_preference(net: float, ties: float = TIES, power: float = POWER, level: float = LEVEL) -> int:
    """Prompts for a sign test to see that wins less losses is `net` (Connor 1987, as for McNemar's test).

    Args:
        net: share of wins less share of losses, not 0; 0.1 is 43.5% against 33.5% beside 23% ties.
        ties: their share: they say nothing of who is better.

    Raises:
        ValueError: `net` is 0, or more than all that are no ties.
    """
    decided = 1 - ties
    if not 0 < abs(net) <= decided:
        raise ValueError(
            f"net: expected more than 0 and at most {decided:g} beside {ties:.0%} ties, found {net:g}"
        )
    return ceil(((z((1 + level) / 2) * sqrt(decided) + z(power) * sqrt(decided - net * net)) / abs(net)) ** 2)


def smallest_preference(
    prompts: int, ties: float = TIES, power: float = POWER, level: float = LEVEL
) -> float | None:
    """The smallest net preference that so many prompts show; None where even one without a loss would not."""
    low, high = 0.0, 1 - ties
    if prompts_for_preference(high, ties, power, level) > prompts:
        return None
    for _ in range(50):
        middle = (low + high) / 2
        if middle > 1e-9 and prompts_for_preference(middle, ties, power, level) <= prompts:
            high = middle
        else:
            low = middle
    return high


def prompts_for_grades(
    difference: float, deviation: float = DEVIATION, power: float = POWER, level: float = LEVEL
) -> int:
    """Prompts for a paired test to see a difference of two mean grades.

    Args:
        deviation: the standard deviation, over prompts, of the difference on one prompt.
    """
    return max(2, ceil(((z((1 + level) / 2) + z(power)) * deviation / difference) ** 2))


def smallest_grade_difference(
    prompts: int, deviation: float = DEVIATION, power: float = POWER, level: float = LEVEL
) -> float:
    return (z((1 + level) / 2) + z(power)) * deviation / sqrt(prompts)


def forecast(
    prompts: int, tasks: tuple[str, ...] = ("preference",), level: float = LEVEL
) -> dict[str, float | None]:
    """What a study of so many prompts can show: what `plan` prints, by name."""
    found: dict[str, float | None] = {
        "prompts": prompts,
        "half_width_at_43_percent": half_width(0.43, prompts, level),
    }
    if "preference" in tasks:
        found["smallest_preference"] = smallest_preference(prompts, level=level)
    if "helpfulness" in tasks:
        found["smallest_grade_difference"] = smallest_grade_difference(prompts, level=level)
    return found


def in_words(prompts: int, tasks: tuple[str, ...] = ("preference",), level: float = LEVEL) -> list[str]:
    """The same as lines."""
    found = forecast(prompts, tasks, level)
    compared = "preference" in tasks or "dialogues" in tasks
    rate = "a win rate near 43%" if compared else "a share near 43%"
    lines = [
        f"{prompts:,} prompts show {rate} to ±{100 * half_width(0.43, prompts, level):.1f} points "
        f"({level:.0%} interval)"
    ]
    if "smallest_preference" in found:
        seen = found["smallest_preference"]
        lines.append(
            f"a difference of {100 * seen:.0f} points between wins and losses is seen 4 times in 5 "
            f"(beside {TIES:.0%} ties)"
            if seen
            else "too few for a test to show any preference"
        )
    if seen := found.get("smallest_grade_difference"):
        lines.append(f"a difference of {seen:.2f} of a mean grade from 1 to 6 is seen 4 times in 5")
    return lines
