"""Starts the processes of a training on this machine, watches them, and ends all with the first that is lost.

Each is a fresh interpreter with a line to this one. On it come the order and, at the end, what came out; it ends with
either side, so no process outlives this one, whatever ended it. They are process groups of their own, so that Ctrl-C
reaches this process alone. They meet in a file: no port is asked for that another could take.

On several machines torchrun starts the processes; then this file only reads what torchrun tells them.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from handful.core.errors import DataError, HandfulError
from handful.recipe.training import Train
from handful.run import torchrun
from handful.run.engine import cores, current

BOOT = "import sys; sys.path[:] = {path!r}; from handful.train.launch import serve; serve({handle})"
GRACE_SECONDS = 1.0
"""For the others' last words, after the first has failed: the cause may come second."""
Outcome = tuple[Literal["done", "raised", "lost"], Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What a process needs to take part."""

    params: Train
    dataset: Path
    out: Path
    rank: int
    size: int
    store: str


def processes(params: Train) -> int:
    """How many are to train: as many as the user asked for, else one a GPU, else one.

    Raises:
        DataError: more than there are GPUs.
    """
    asked = current().training
    if params.device == "cpu":  # no need to wait for torch, then
        return asked or 1
    import torch

    from handful.models.load import pick_device

    if pick_device(params.device) == "cpu":
        return asked or 1
    found = torch.cuda.device_count()
    if asked > found:
        raise DataError(f"--processes {asked}: each takes a GPU of its own, and this machine has {found}")
    return asked or found


def run_many(params: Train, dataset: Path, out: Path, size: int) -> dict[str, Any]:
    """Train by `size` processes of this machine. Returns the counts for the manifest.

    Raises:
        HandfulError: as one of them raised it; or one was lost. All have ended then.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = f"file://{folder}/store"
        members = [
            Member(Order(params, dataset.absolute(), out.absolute(), rank, size, store))
            for rank in range(size)
        ]
        try:
            outcomes = last_words(members)
        finally:
            for member in members:
                member.end()
    failures = [blame(outcome, member, size) for outcome, member in zip(outcomes, members, strict=True)]
    for kind in (HandfulError, Lost, Exception):
        for failure in failures:
            if isinstance(failure, kind):
                raise HandfulError(str(failure)) if isinstance(failure, Lost) else failure
    assert outcomes[0] is not None
    counts: dict[str, Any] = outcomes[0][1]
    return counts


class Lost(Exception):
    """A process ended without a word."""


class Member:
    """One of the processes, and the line to it."""

    def __init__(self, order: Order) -> None:
        self.rank = order.rank
        self.line, there = Pipe()
        with there:
            boot = BOOT.format(path=sys.path, handle=there.fileno())
            threads = str(max(1, cores() // order.size))
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", boot],
                stdin=subprocess.DEVNULL,
                env={"OMP_NUM_THREADS": threads, **loopback(), **os.environ},
                pass_fds=(there.fileno(),),
                process_group=0,
            )
        with suppress(OSError):  # it is gone, as its line is about to tell
            self.line.send_bytes(pickle.dumps(order))

    def hear(self) -> Outcome:
        try:
            outcome: Outcome = self.line.recv()
        except (EOFError, OSError):
            return "lost", None
        return outcome

    def end(self) -> None:
        """Kill it with all that it has started, unless it is dead."""
        self.line.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def loopback() -> dict[str, str]:
    """gloo would look for this machine's name in the network."""
    return {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}


def last_words(members: list[Member]) -> list[Outcome | None]:
    """What each process came to. After the first failure the others get GRACE_SECONDS to say why; None did not."""
    outcomes: dict[int, Outcome] = {}
    until = None
    while len(outcomes) < len(members):
        waiting = {member.line: member for member in members if member.rank not in outcomes}
        left = None if until is None else max(0.0, until - time.monotonic())
        ready = wait([*waiting], left)
        if not ready:
            break
        for line in ready:
            assert isinstance(line, Connection)
            member = waiting[line]
            outcome = member.hear()
            if outcome[0] == "lost":
                with suppress(subprocess.TimeoutExpired):  # its line may end a moment before it does
                    member.process.wait(GRACE_SECONDS)
            outcomes[member.rank] = outcome
            if outcome[0] != "done" and until is None:
                until = time.monotonic() + GRACE_SECONDS
    return [outcomes.get(member.rank) for member in members]


def blame(outcome: Outcome | None, member: Member, size: int) -> Exception | None:
    """The error that an outcome stands for, if it does."""
    if outcome is None or outcome[0] == "done":
        return None
    if outcome[0] == "raised":
        error: Exception = outcome[1]
        return error
    code = member.process.returncode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return Lost(
        f"training: process {member.rank + 1} of {size} {how}, perhaps for want of memory; all were stopped, and the "
        "same command goes on from the last saved step, with any number of --processes"
    )


def serve(handle: int) -> None:
    """The life of a process: one order, one outcome."""
    line = Connection(handle)
    order: Order = pickle.loads(line.recv_bytes())
    Thread(target=_end_with, args=(line,), daemon=True).start()
    outcome = carry_out(order)
    with suppress(OSError):
        line.send(outcome)
    os._exit(0)  # a library's threads may wait for processes that are gone


def carry_out(order: Order) -> Outcome:
    from handful.models.load import pick_device
    from handful.train.course import run
    from handful.train.distributed import met

    try:
        device = pick_device(order.params.device)
        with met(device, order.rank, order.size, order.rank, order.store):
            return "done", run(order.params, order.dataset, order.out)
    except Exception as error:
        if not isinstance(error, HandfulError):
            error.add_note(f"In process {order.rank + 1} of {order.size}:\n{traceback.format_exc()}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return "raised", RuntimeError(traceback.format_exc())
        return "raised", error


def _end_with(line: Connection[Any, Any]) -> None:
    """End this process, and what it has started, as soon as the one that started it is gone."""
    with suppress(EOFError, OSError):
        line.recv_bytes()
    os.killpg(0, signal.SIGKILL)


def run_as_told(params: Train, dataset: Path, out: Path) -> dict[str, Any]:
    """Train as one of the processes that torchrun started, on one machine or many that share the work folder."""
    from handful.models.load import pick_device
    from handful.train.course import run
    from handful.train.distributed import met

    with met(pick_device(params.device), torchrun.rank(), torchrun.size(), torchrun.place()):
        return run(params, dataset, out)
