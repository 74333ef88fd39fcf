"""Shards in processes of this machine. Each is a fresh interpreter that shares nothing with this one but the disk.

A worker lives as long as its line to this process does. The line ends with either of them, whatever ended it: a worker
that is killed is noticed at once, and replaced; and none outlives its driver. Workers are process groups of their own,
so that Ctrl-C reaches this process alone, which then ends them with all that they have started.

Starting one takes longer than many a shard, most of it for imports. So workers are kept for the next shards, in a pool
that lasts as long as a block of `engine.using`. One that has nothing to do for IDLE_SECONDS ends by itself, so that
none takes memory from a training of days.

Not `concurrent.futures`: its workers run the caller's script again, and all are lost with the first that is killed.
Not forks of this process: what it has running besides (threads of libraries, a GPU) would be in them, half alive.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Literal

from handful.core.errors import HandfulError
from handful.run.engine import ATTEMPTS, Function, Job, Names, attempt

BOOT = "import sys; sys.path[:] = {path!r}; from handful.run.processes import serve; serve({handle}, {idle})"
SAID_EVERY_SECONDS = 0.1
IDLE_SECONDS = 10.0
"""Starting again takes a fraction of one: little beside what kept this process so long."""
ONE_CORE = {"OMP_NUM_THREADS": "1"}
"""numpy would start a thread for each core; the workers take the cores already. A value that is set stands."""

Order = tuple[Function, Any, Path, Path]
"""What `attempt` is called with."""
Outcome = tuple[Literal["moved", "ended", "raised", "lost"], Any]
"""With how much is done, nothing, an exception, nothing."""


class Pool:
    """Workers, and those that wait for more to do. All end with the `with` block."""

    def __init__(self) -> None:
        self.idle: list[Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        while self.idle:
            self.idle.pop().end()

    def worker(self) -> Worker:
        """One that has nothing to do: kept, if there is any that lives and sees what a new one would see."""
        while self.idle:
            worker = self.idle.pop()
            if worker.surroundings == surroundings() and not worker.line.poll():
                return worker
            worker.end()
        return Worker()

    def run(self, job: Job, processes: int) -> Names:
        """Yield the name of each shard as it ends. A shard whose worker is killed is begun again by another.

        Raises:
            HandfulError: as a shard raised it, when the shards that run have ended; or a shard's worker was lost
                ATTEMPTS times.
        """
        waiting = [*job.shards][::-1]
        lost: Counter[str] = Counter()
        failure: Exception | None = None
        busy: dict[Connection[Any, Any], Worker] = {}
        try:
            while waiting or busy:
                while waiting and len(busy) < processes:
                    worker = self.worker()
                    busy[worker.line] = worker
                    worker.take(job, waiting.pop())
                for line in wait([*busy]):
                    assert isinstance(line, Connection)
                    worker = busy[line]
                    name = worker.shard
                    outcome, value = worker.hear()
                    if outcome == "moved":
                        job.moved(name, value)
                        continue
                    if outcome == "raised":
                        failure = failure or value
                    elif outcome == "lost":
                        how = busy.pop(line).end()
                        lost[name] += 1
                        if lost[name] == ATTEMPTS:
                            failure = failure or too_often(job, name, how)
                        waiting.append(name)
                    if failure:
                        waiting.clear()
                    if line in busy and waiting:
                        worker.take(job, waiting.pop())
                    elif line in busy and failure:
                        busy.pop(line).end()
                    elif line in busy:
                        self.idle.append(busy.pop(line))
                    if outcome == "ended":
                        yield name
        finally:
            for worker in busy.values():
                worker.end()
        if failure:
            raise failure from None


def surroundings() -> tuple[object, ...]:
    """What a process takes over from this one as it starts: where modules are found, variables, the working folder."""
    folder = os.stat(".")
    return [*sys.path], {**os.environ}, folder.st_dev, folder.st_ino


def too_often(job: Job, name: str, how: str) -> HandfulError:
    return HandfulError(
        f"{job.folder / name}: the process that worked on it {how}, {ATTEMPTS} times, perhaps for want of memory; try "
        "fewer at a time, as with --workers 1. What is done is kept"
    )


class Worker:
    """A process, and the line to it."""

    def __init__(self) -> None:
        self.shard = ""
        self.surroundings = surroundings()
        self.line, there = Pipe()
        with there:
            boot = BOOT.format(path=sys.path, handle=there.fileno(), idle=IDLE_SECONDS)
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", boot],
                stdin=subprocess.DEVNULL,
                env={**ONE_CORE, **os.environ},
                pass_fds=(there.fileno(),),
                process_group=0,
            )

    def take(self, job: Job, name: str) -> None:
        self.shard = name
        order: Order = (job.function, job.shards[name], job.folder / name, job.drafts)
        with suppress(OSError):  # it is gone, as its line is about to tell
            self.line.send(order)

    def hear(self) -> Outcome:
        try:
            outcome: Outcome = self.line.recv()
        except (EOFError, OSError):
            return "lost", None
        return outcome

    def end(self) -> str:
        """Kill it with all that it has started, unless it is dead. Returns how it ended, in words."""
        self.line.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        return f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


def serve(handle: int, idle: float) -> None:
    """The life of a worker: orders in, outcomes out, until the line ends or no order comes for `idle` seconds."""
    line = Connection(handle)
    orders: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(line, orders), daemon=True).start()
    with suppress(OSError, Empty):  # the line has ended while an outcome was on its way
        while True:
            line.send(_carry_out(orders.get(timeout=idle), line))


def _listen(line: Connection[Any, Any], orders: SimpleQueue[bytes]) -> None:
    try:
        while True:
            orders.put(line.recv_bytes())
    except (EOFError, OSError):
        os.killpg(0, signal.SIGKILL)


def _carry_out(order: bytes, line: Connection[Any, Any]) -> Outcome:
    said = time.monotonic()

    def moved(done: float) -> None:
        nonlocal said
        if time.monotonic() - said > SAID_EVERY_SECONDS:
            said = time.monotonic()
            line.send(("moved", done))

    try:
        function, shard, target, drafts = pickle.loads(order)
    except Exception as error:  # the function's module cannot be imported: it is the caller's script, perhaps
        return "raised", error
    failure = attempt(function, shard, target, drafts, moved)
    return ("raised", failure) if failure else ("ended", None)
