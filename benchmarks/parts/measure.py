"""A command in a fresh process: its seconds, its processor's, and the memory of all that it starts."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
LOOK_EVERY = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Spent:
    seconds: float
    cpu: float
    """Of the processor: of the process and of all that it waited for."""
    peak_mb: float
    """Memory of the whole tree of processes at a time: the sum of what each holds, shared pages counted in each."""
    said: list[str] = field(default_factory=list)

    @property
    def told(self) -> dict[str, Any]:
        """The JSON of the last line."""
        told: dict[str, Any] = json.loads(self.said[-1])
        return told


def python(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def spend(
    command: Sequence[str], cores: Iterable[int] = (), memory: bool = False, discard: bool = False
) -> Spent:
    """Run a command to its end.

    Args:
        cores: where it may run; all by default.
        memory: look at it again and again, which takes a little of the machine itself.
        discard: send what it writes to nowhere, so `said` is empty.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    pinned = set(cores)
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=HERE,
        stdout=subprocess.DEVNULL if discard else subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=(lambda: os.sched_setaffinity(0, pinned)) if pinned else None,
    ) as process:
        peak = Peak(process.pid) if memory else None
        errors = threading.Thread(target=lambda: failure.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
        failure: list[bytes] = []
        errors.start()
        said = b"" if discard else process.stdout.read()  # type: ignore[union-attr]
        errors.join()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {failure[0].decode(errors='replace')[-2000:]}")
    held = peak.stop() if peak else used.ru_maxrss / 1024
    return Spent(seconds, used.ru_utime + used.ru_stime, held, said.decode().splitlines())


class Peak:
    """Looks at a tree of processes every LOOK_EVERY seconds."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.most = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self) -> None:
        while not self.ended.wait(LOOK_EVERY):
            self.most = max(self.most, sum(map(held, tree(self.process))))

    def stop(self) -> float:
        """The most megabytes there were."""
        self.ended.set()
        self.thread.join()
        return self.most / 1e6


def tree(process: int) -> list[int]:
    found = [process]
    for parent in found:
        try:
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return found


def held(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


def take_turns(
    sides: Mapping[str, Callable[[], Spent]], rounds: int, report: Callable[[str], None]
) -> dict[str, list[Spent]]:
    """Every side in turn, `rounds` times: a machine that others use drifts, and so all sides drift with it."""
    found: dict[str, list[Spent]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, run in sides.items():
            spent = run()
            found[name].append(spent)
            report(
                f"round {number + 1}: {name} {spent.seconds:.2f} s, of the processor {spent.cpu:.2f} s, "
                f"{spent.peak_mb:.0f} MB"
            )
    return found


def median(spent: Iterable[Spent], of: Callable[[Spent], float] = lambda spent: spent.seconds) -> float:
    return statistics.median(map(of, spent))
