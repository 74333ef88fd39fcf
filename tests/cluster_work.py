"""A real read of a dump in many shards that take their time, to be run on a cluster and disturbed there."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from handful.recipe.sources import StackExchange
from handful.recipe.values import InputPath
from handful.run.engine import Engine, using
from handful.sources.stackexchange import read
from handful.sources.stackexchange.shards import Range, scan_range
from handful.sources.work import work

SIGNS = "signs"
SHARD_SECONDS = 0.4
RULES = {"min_answer_score": 10, "min_chars": 1200}


def scan_slowly(shard: Range, out: Path) -> dict[str, Any]:
    """`scan_range`, with a sign of each attempt: START.PROCESS.UNIQUE, and enough time for something to go wrong."""
    (Path(SIGNS) / f"{shard.start:09}.{os.getpid()}.{uuid.uuid4().hex}").touch()
    time.sleep(SHARD_SECONDS)
    return scan_range(shard, out)


def drive(engine: Engine, dump: str, out: str, range_bytes: int, slowly: bool) -> None:
    """Read the dump into `out`; every path is relative to the working folder. Large sites are cut small."""
    Path(out).mkdir(exist_ok=True)
    read.BUCKET_BYTES, read.RANGE_BYTES = 8 * range_bytes, range_bytes
    if slowly:
        read.scan_range = scan_slowly  # type: ignore[attr-defined]
    source = StackExchange(kind="stackexchange", paths=(InputPath(dump),))
    with using(engine):
        work({"stem": {"source": source, "rules": RULES}}, {}, Path(out))
