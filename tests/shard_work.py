"""Functions of shards for the tests of engines: a module that workers can import, as they cannot import tests.

Shards that wait do so for a file beside their folder of shards, so that a test can look at them while they run.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.run.engine import Engine, each, report, using


@dataclass(frozen=True)
class Shard:
    """Writes `text` twice; what else it does is in `mode`, and `folder` is for its signs."""

    text: str
    mode: str = ""
    folder: str = ""


class TwoPartError(Exception):
    """Cannot be pickled and made again: it wants two arguments, and says one."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} at {where}")


def copy_twice(shard: Shard, out: Path) -> dict[str, Any]:
    signs = Path(shard.folder)
    (out / "first.txt").write_text(shard.text)
    MODES.get(shard.mode, lambda shard, signs: None)(shard, signs)
    (out / "below").mkdir()
    (out / "below/second.txt").write_text(shard.text * 2)
    return {"letters": len(shard.text), "process": 0}


def say_so_and_wait(shard: Shard, signs: Path) -> None:
    """Leave a sign with this process's id, and wait for the file `go`."""
    (signs / f"{shard.text}.{os.getpid()}").touch()
    until = time.monotonic() + 30
    while not (signs / "go").exists():
        assert time.monotonic() < until, "nobody said go"
        time.sleep(0.01)


def say_so_and_meet(shard: Shard, signs: Path) -> None:
    """Leave a sign with this process's id, and wait for that of another shard: one worker cannot do both."""
    (signs / f"{shard.text}.{os.getpid()}").touch()
    until = time.monotonic() + 30
    while len({path.name.partition(".")[0] for path in signs.glob("*.*")}) < 2:
        assert time.monotonic() < until, "nobody else came"
        time.sleep(0.01)


def say_variable(shard: Shard, signs: Path) -> None:
    (signs / shard.text).write_text(os.environ.get(shard.text, ""))


def say_folder(shard: Shard, signs: Path) -> None:
    (signs / f"{shard.text}.{os.getpid()}").write_text(os.getcwd())


def kill_the_first(shard: Shard, signs: Path) -> None:
    """Kill this worker, but not the one that tries after it."""
    mark = signs / f"killed-{shard.text}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def kill_each(shard: Shard, signs: Path) -> None:
    with (signs / "attempts").open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def raise_data_error(shard: Shard, signs: Path) -> None:
    raise DataError(f"{shard.text}: is damaged")


def raise_beside_another(shard: Shard, signs: Path) -> None:
    """Leave a sign with this process's id, and raise as soon as another shard waits."""
    (signs / f"{shard.text}.{os.getpid()}").touch()
    while len(list(signs.glob("*.*"))) < 2:
        time.sleep(0.01)
    raise_data_error(shard, signs)


def raise_system_error(shard: Shard, signs: Path) -> None:
    Path(shard.folder, "not there").read_text()


def raise_mistake(shard: Shard, signs: Path) -> None:
    raise TwoPartError("a mistake of ours", shard.text)


def leave(shard: Shard, signs: Path) -> None:
    os._exit(7)


def report_halves(shard: Shard, signs: Path) -> None:
    for _ in range(2):
        time.sleep(0.15)
        report(len(shard.text) / 2)


def print_much(number: int, out: Path) -> dict[str, Any]:
    print("chatter " * 1000)
    return {"printed": number}


MODES = {
    "wait": say_so_and_wait,
    "meet": say_so_and_meet,
    "say variable": say_variable,
    "say folder": say_folder,
    "kill the first": kill_the_first,
    "kill each": kill_each,
    "data error": raise_data_error,
    "data error beside another": raise_beside_another,
    "system error": raise_system_error,
    "mistake": raise_mistake,
    "leave": leave,
    "report": report_halves,
}


def drive(folder: str, out: str, *texts: str) -> None:
    """Shards that wait, in two processes; called in a process of its own, to be killed."""
    with using(Engine(workers=2)):
        each(copy_twice, {text: Shard(text, "wait", folder) for text in texts}, Path(out))


def drive_and_rest(folder: str, out: str, *texts: str) -> None:
    """The same, and then something else for long: the workers have nothing to do."""
    with using(Engine(workers=2)):
        drive(folder, out, *texts)
        (Path(folder) / "rests").touch()
        time.sleep(30)
