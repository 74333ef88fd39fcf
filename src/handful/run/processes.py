"""Shards in processes of this machine. Each is a fresh interpreter: nothing is inherited but the working folder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from handful.core.errors import HandfulError
from handful.run.engine import ATTEMPTS, Engine, Function, run_shard

LOOK_AROUND_SECONDS = 0.5


def run_in_processes(
    function: Function, shards: Mapping[str, Any], folder: Path, engine: Engine
) -> Iterator[str]:
    """Yield the name of each shard as it ends. A worker that is killed takes its pool along, and is replaced.

    Raises:
        HandfulError: workers were lost again and again.
    """
    left = dict(shards)
    for _ in range(ATTEMPTS):
        try:
            for name in _one_pool(function, left, folder, min(engine.processes, len(left))):
                del left[name]
                yield name
            return
        except BrokenProcessPool:
            continue
    raise HandfulError(
        f"worker processes were killed {ATTEMPTS} times, perhaps for want of memory; try fewer with --workers 1. "
        f"{len(shards) - len(left)} of {len(shards)} shards are done and are kept"
    )


def _one_pool(function: Function, shards: Mapping[str, Any], folder: Path, processes: int) -> Iterator[str]:
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_end_with_parent, initargs=(os.getpid(),)
    )
    try:
        running: dict[Future[None], str] = {
            pool.submit(run_shard, function, shard, folder / name): name for name, shard in shards.items()
        }
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            broken = None
            for future in ended:
                name = running.pop(future)
                try:
                    future.result()
                except BrokenProcessPool as error:
                    broken = error
                    continue
                yield name
            if broken:
                raise broken
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent(parent: int) -> None:
    """Watch the process that started this one, and end with it: its kill must not leave workers behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_AROUND_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
