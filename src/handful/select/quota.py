"""How many to draw of each source, and what is wrong with a quota that cannot be filled."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from handful.core.errors import DataError
from handful.recipe.curation import TABLE_1, Select


def settle(params: Select, available: Mapping[str, int], cleaned: Mapping[str, Any]) -> dict[str, int]:
    """Source -> how many to draw of it. A source without a quota is taken whole.

    Names of the default quota (Table 1) that are no source of the recipe are passed over; in a quota that a recipe
    states, they are mistakes.

    Args:
        available: source -> what `clean` left of it.
        cleaned: source -> its counts in the manifest of `clean`, for the message.

    Raises:
        DataError: a quota names no source, or asks for more than is left.
    """
    if params.quota != TABLE_1:
        for name in params.quota:
            if name not in available:
                raise DataError(unknown(name, list(available)))
    wanted = {name: params.quota.get(name, count) for name, count in available.items()}
    for name, count in wanted.items():
        if count > available[name]:
            raise DataError(too_few(name, count, available[name], cleaned.get(name, {})))
    return wanted


def unknown(name: str, sources: list[str]) -> str:
    near = get_close_matches(name, sources, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the sources are {', '.join(sorted(sources))}"
    return f"select.quota.{name}: the recipe has no source of that name; {hint}"


def too_few(name: str, asked: int, left: int, counts: Mapping[str, Any]) -> str:
    took = sorted(counts.get("dropped", {}).items(), key=lambda item: -item[1])
    listed = ", ".join(f"{rule} took {count:,}" for rule, count in took)
    because = f" ({listed})" if listed else ""
    return (
        f"select.quota.{name}: asked for {asked:,}, but the rules left {left:,}{because}; "
        "lower the quota, add sources or relax clean"
    )
