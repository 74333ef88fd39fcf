"""Shards as plain tasks of an existing Ray cluster: no actors, no object store, no data frames.

Every node must have the same handful installed and see the same folders under the same names (a shared file system);
this process runs on one of the nodes. A task whose worker or node is lost is given to the cluster again. What was
finished lies on disk, and is not asked of Ray.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from handful.core.errors import HandfulError
from handful.core.optional import need
from handful.run.engine import ATTEMPTS, PART, Engine, Function, Job, Names, attempt, to_nobody

LOOK_SECONDS = 5.0
"""Without any task's end, before looking whether the cluster is still there."""
GONE_SECONDS = 60.0
"""That its head may be away, as while it starts again."""
NO_CPU_SECONDS = 600.0
"""That it may have no CPU at all, as while it asks for machines."""
ANSWER_SECONDS = 5.0
JOIN_SECONDS = 30.0
"""Ray itself would try for minutes."""
SEEN_SECONDS = 60.0
"""For a folder made by another machine to be seen on this one: file systems of networks remember what was not there."""
NO_NODE = "this machine is no longer one of its nodes"
STOP = "stop"
"""A file among the drafts: tasks that have not begun need not, since another has failed."""
PROBE = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')"

_joined = False


def run_on_ray(job: Job, engine: Engine) -> Names:
    """Yield the name of each shard as it ends.

    Raises:
        HandfulError: as a shard raised it, when the shards that run have ended; or a shard's task was lost ATTEMPTS
            times; or there is no cluster, or no more; or its nodes do not see the same folders.
        MissingExtra: Ray is not installed.
    """
    ray = join(engine.address)
    # Ray's own retries are off: after a want of memory it would go on for ever.
    task = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(run_there)
    watch = Watch(ray)
    waiting = [*job.shards][::-1]
    running: dict[Any, str] = {}
    lost: Counter[str] = Counter()
    failure: Exception | None = None
    try:
        while waiting or running:
            while waiting and len(running) < engine.processes:
                name = waiting.pop()
                order = (job.function, job.shards[name], job.folder / name, job.drafts)
                running[task.remote(*order, os.getcwd())] = name
            ended, _ = ray.wait([*running], timeout=LOOK_SECONDS)
            if not ended:
                watch.look()
            for reference in ended:
                name = running.pop(reference)
                try:
                    error = ray.get(reference)
                except ray.exceptions.LocalRayletDiedError:
                    raise watch.lost(NO_NODE) from None
                except ray.exceptions.RayTaskError as error:
                    failure = failure or not_begun(error)
                except ray.exceptions.RayError as error:
                    lost[name] += 1
                    waiting.append(name)
                    if lost[name] == ATTEMPTS:
                        failure = failure or too_often(job, name, error)
                else:
                    failure = failure or error
                    if not error:
                        wait_to_see(job.folder / name)
                        yield name
            if failure:
                waiting.clear()
                (job.drafts / STOP).touch()
    except (
        KeyboardInterrupt,
        GeneratorExit,
    ):  # not where the cluster is lost: it would not answer this either
        for reference in running:
            with suppress(ray.exceptions.RayError):
                ray.cancel(reference, force=True)
        raise
    if failure:
        raise failure from None


def run_there(function: Function, shard: Any, target: Path, drafts: Path, folder: str) -> Exception | None:
    """The task, in a worker of any node: runs a shard and returns what it raised.

    Args:
        folder: in which the driver works; relative paths are those of it.
    """
    try:
        os.chdir(folder)
        os.stat(drafts)
    except OSError as error:
        return HandfulError(
            f"{error.filename}: is not there on the node {socket.gethostname()}; on a cluster every node must see the "
            "same folders under the same names, as on a shared file system"
        )
    if (drafts / STOP).exists():
        return HandfulError(f"{target}: not begun, since another shard has failed")
    return attempt(function, shard, target, drafts, to_nobody)


def too_often(job: Job, name: str, error: Exception) -> HandfulError:
    return HandfulError(
        f"{job.folder / name}: the cluster lost its task {ATTEMPTS} times, at last with {type(error).__name__} "
        f"({first_line(error)}). What is done is kept"
    )


def not_begun(error: Exception) -> Exception:
    """The error for a task that a node could not even begin, or that was interrupted there."""
    lacking = re.search(r"No module named \S+", str(error))
    if not lacking:
        return error
    return HandfulError(
        f"a node of the cluster cannot run the task: {lacking[0]}; install the same handful, with the same extras, on "
        "every node"
    )


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def wait_to_see(target: Path) -> None:
    """Return when this machine sees what another has finished."""
    until = time.monotonic() + SEEN_SECONDS
    while not (target / PART).exists():
        if time.monotonic() > until:
            raise HandfulError(
                f"{target}: a node has made it, but this machine does not see it; on a cluster every node must see "
                "the same folders under the same names, as on a shared file system"
            )
        time.sleep(0.2)
        os.listdir(target.parent)  # makes a file system of a network ask again


class Watch:
    """Since when the cluster cannot do anything for this process."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        context = ray.get_runtime_context()
        self.address: str = context.gcs_address
        self.node: str = context.get_node_id()
        self.since: float | None = None

    def look(self) -> None:
        """Raises HandfulError where it has been so for too long."""
        fault, patience = self.fault()
        now = time.monotonic()
        self.since = (self.since or now) if fault else None
        if self.since is not None and now - self.since >= patience:
            raise self.lost(f"{fault} (for {patience:.0f} seconds)" if patience else fault)

    def lost(self, fault: str) -> HandfulError:
        return HandfulError(
            f"{self.address}: the Ray cluster is lost: {fault}. What is done is kept, and the same command goes on "
            "from there"
        )

    def fault(self) -> tuple[str, float]:
        """What is wrong, or "", and how many seconds it may last."""
        if not answers(self.address):
            return "its head does not answer", GONE_SECONDS
        nodes = {node["NodeID"]: node for node in self.ray.nodes() if node["Alive"]}
        if self.node not in nodes:
            return NO_NODE, 0
        if sum(node["Resources"].get("CPU", 0) for node in nodes.values()) < 1:
            return "it has no CPU for a task", NO_CPU_SECONDS
        return "", 0


def answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def join(address: str) -> Any:
    """Ray, connected. Where it was connected before, that connection is taken.

    Raises:
        HandfulError: there is no cluster at `address`.
    """
    global _joined
    need("ray", "running on a cluster")
    import ray

    if ray.is_initialized():
        return ray
    try_address(address)
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise HandfulError(f"--address {address}: {first_line(error)}") from error
    _joined = True
    _quiet(ray)
    return ray


def _quiet(ray: Any) -> None:
    """Ray tells of every lost worker and node on standard output, by the page, and has no switch for that."""
    worker = ray._private.worker
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *args, **more: None


def try_address(address: str) -> None:
    """Connect in another process, which can be stopped: Ray tries for minutes, and then ends its own process."""
    wanted = "give the HOST:PORT that `ray start --head` has told, and run this on a node of the cluster"
    host, _, port = address.rpartition(":")
    if address != "auto":
        if "/" in address or not host or not port.isdecimal():
            raise HandfulError(f"--address {address}: not an address of a Ray cluster; {wanted}")
        if not answers(address):
            raise HandfulError(f"--address {address}: nobody answers there; {wanted}")
    try:
        probe = subprocess.run(
            [sys.executable, "-P", "-c", PROBE, address], capture_output=True, text=True, timeout=JOIN_SECONDS
        )
    except subprocess.TimeoutExpired:
        said = f"no Ray cluster answers within {JOIN_SECONDS:.0f} seconds"
    else:
        if probe.returncode == 0:
            return
        said = (probe.stderr.strip().splitlines() or ["Ray cannot connect"])[-1]
    raise HandfulError(f"--address {address}: {said}; {wanted}")


def leave() -> None:
    """Disconnect, if it was `join` that connected."""
    global _joined
    if _joined:
        import ray

        ray.shutdown()
        _joined = False
