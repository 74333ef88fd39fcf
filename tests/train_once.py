"""The stage train as a process of its own, for tests that kill it.

A fork of the test's process, which has the libraries imported: so it starts at once, and costs no seconds of imports.
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handful.recipe.training import Train
from handful.train.loop import Step
from handful.train.work import work


class Process:
    """A training that goes on by itself."""

    def __init__(self, params: Train, dataset: Path, out: Path) -> None:
        self.returncode: int | None = None
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # later Pythons say that threads do not survive
            self.pid = os.fork()
        if self.pid == 0:
            train(params, dataset, out)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def kill_when(self, ready: Callable[[], bool]) -> bool:
        """Kill -9 as soon as `ready()`; whether the process was still running then."""
        while self.poll() is None:
            if ready():
                os.kill(self.pid, signal.SIGKILL)
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                return self.returncode == -signal.SIGKILL
            time.sleep(0.0005)
        return False


def train(params: Train, dataset: Path, out: Path) -> None:
    """In the child: never returns."""
    code = 1
    try:
        out.mkdir(exist_ok=True)
        work(params, {"dataset": dataset}, out)
        code = 0
    finally:
        os._exit(code)


def lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


class Stop(BaseException):
    """As Ctrl-C: nothing catches it on the way."""


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Make the training in this process fail after `step`, as a kill would: nothing more is written."""
    from handful.train import course

    real = course.steps

    def cut(*args: Any) -> Iterator[Step]:
        for record in real(*args):
            yield record
            if record.step == step:
                raise Stop

    monkeypatch.setattr(course, "steps", cut)
