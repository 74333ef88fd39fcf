"""Shards as plain tasks of an existing Ray cluster: no actors, no object store, no data frames.

Every node must have handful installed and see the same folders (a shared file system). A task whose node or worker is
lost runs again elsewhere; what was finished lies on disk and is not asked of Ray.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handful.core.errors import HandfulError
from handful.core.optional import need
from handful.run.engine import ATTEMPTS, Engine, Function, run_shard


def run_on_ray(function: Function, shards: Mapping[str, Any], folder: Path, engine: Engine) -> Iterator[str]:
    """Yield the name of each shard as it ends.

    Raises:
        HandfulError: as a shard raised it; or its workers were lost ATTEMPTS times.
        MissingExtra: Ray is not installed.
    """
    need("ray", "running on a cluster")
    import ray

    if not ray.is_initialized():
        ray.init(address=engine.address, logging_level=logging.ERROR, log_to_driver=False)
    task = ray.remote(num_cpus=1, max_retries=ATTEMPTS, scheduling_strategy="SPREAD")(run_shard)
    running = {task.remote(function, shard, folder / name): name for name, shard in shards.items()}
    while running:
        ended, _ = ray.wait(list(running), num_returns=1)
        for reference in ended:
            name = running.pop(reference)
            try:
                ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                raise cause if isinstance(cause, HandfulError) else error from None
            yield name
