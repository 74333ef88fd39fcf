"""A comparison of a benchmark that has several: the same job done by us and by a peer, in one process, in turns."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS = 5
AT_LEAST = 30e6
"""Bytes in a round: a smaller input is read several times over, since a few milliseconds cannot be measured well."""
DATA = Path(os.environ.get("HANDFUL_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
"""Real files, where there are any."""

Found = set[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Section:
    claim: str
    size: int
    """Bytes of input, unpacked."""
    ours: Callable[[], Found]
    peer: Callable[[], Found]
    peer_is: str
    unpack: Callable[[], object] | None = None
    """What both sides do alike, with the same library: it bounds the ratio."""


def measure(section: Section, report: Callable[[str], None]) -> dict[str, Any]:
    """Rates of both sides; they must have found the same."""
    sides: dict[str, Callable[[], Any]] = {"ours": section.ours, "peer": section.peer}
    if section.unpack:
        sides["unpacking"] = section.unpack
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    times = max(1, int(AT_LEAST / section.size))
    for number in range(ROUNDS):
        found = {}
        for side, run in sides.items():
            start = time.process_time()
            for _ in range(times):
                found[side] = run()
            seconds[side].append((time.process_time() - start) / times)
            rate = section.size / 1e6 / seconds[side][-1]
            report(f"round {number + 1}: {side} {rate:.0f} MB/s, {len(found[side])} found")
        differing = found["ours"] ^ found["peer"]
        assert not differing, f"{len(differing)} found by one side only: {sorted(differing)[:2]}"
    ours, peer, *unpacking = (statistics.median(seconds[side]) for side in sides)
    result = {
        "claim": f"{section.claim}, {section.size / 1e6:.0f} MB, one process",
        "ours": round(section.size / 1e6 / ours, 1),
        "peer": round(section.size / 1e6 / peer, 1),
        "ratio": round(peer / ours, 2),
        "unit": f"MB/s of processor time (peer: {section.peer_is})",
    }
    for shared in unpacking:
        result["unpacking_alone"] = round(section.size / 1e6 / shared, 1)
        result["ratio_if_all_but_unpacking_were_free"] = round(peer / shared, 2)
    return result
