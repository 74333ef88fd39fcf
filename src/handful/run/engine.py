"""Many shards of one job: on this machine's cores, or on a Ray cluster. The same function, the same bytes.

A shard is plain values that say what to read (a site, a range of a file's bytes). Its function is pure: it writes
files into a folder of its own, which takes its final name only when whole and carries the hashes of what is in it.
So nothing has to be remembered by the engine: after the loss of a worker, of a node or of this very process, the
shards that are there are kept and the rest is done. No data travel between processes; on a cluster every node must
see the same folders.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from handful.core.errors import HandfulError
from handful.core.files import file_hash, files_below, write_whole

PART = "part.json"
ATTEMPTS = 5
"""Times a shard is tried whose worker is lost. A shard that raises is not tried again: it would raise again."""

Counts = dict[str, Any]
Function = Callable[[Any, Path], Counts]
Ended = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """Where shards run. Never part of a key: it does not decide what comes out."""

    kind: Literal["local", "ray"] = "local"
    workers: int = 0
    """Processes at a time; 0 takes one a core. On a cluster, tasks are bounded by its CPUs alone."""
    address: str = "auto"
    """Of an existing Ray cluster."""

    @property
    def processes(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))


_engine: ContextVar[Engine] = ContextVar("engine")


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Run shards on `engine` within the block."""
    token = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(token)


def current() -> Engine:
    return _engine.get(Engine())


@dataclass(frozen=True, slots=True)
class Part:
    """What a shard left: the folder of its files, and what its function counted."""

    folder: Path
    counts: Counts


class Record(msgspec.Struct, frozen=True):
    """`part.json`: written last, so that its folder is whole."""

    fingerprint: str
    counts: Counts
    files: dict[str, str]
    """Name -> sha256."""


def each(
    function: Function,
    shards: Mapping[str, Any],
    folder: Path,
    ended: Ended = lambda name: None,
    processes: int | None = None,
) -> dict[str, Part]:
    """Run `function(shard, out)` for every shard that is not done yet, and return what all left, in their order.

    Args:
        function: a module's own function; it fills the empty folder `out` and returns its counts (JSON values).
        shards: name (also of the folder) -> a dataclass of plain values, or plain values.
        folder: where the shards' folders go. What is there from an earlier run with the same shards is kept.
        ended: called with the name of each shard as it ends, and of each that was there, in no particular order.
        processes: the most that are worth starting on this machine; 1 runs the shards in this process.

    Raises:
        HandfulError: as a shard raised it; or a worker was lost ATTEMPTS times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    todo = {}
    for name, shard in shards.items():
        if finished(folder / name, fingerprint(function, shard)):
            ended(name)
        else:
            shutil.rmtree(folder / name, ignore_errors=True)
            todo[name] = shard
    engine = current()
    if todo and engine.kind == "ray":
        from handful.run.cluster import run_on_ray as run
    elif min(len(todo), engine.processes, processes or engine.processes) > 1:
        from handful.run.processes import run_in_processes as run
    else:
        run = run_here
    for name in run(function, todo, folder, engine) if todo else ():
        ended(name)
    return {name: Part(folder / name, read_record(folder / name).counts) for name in shards}


def run_here(function: Function, shards: Mapping[str, Any], folder: Path, engine: Engine) -> Iterator[str]:
    """One after the other, in this process."""
    for name, shard in shards.items():
        run_shard(function, shard, folder / name)
        yield name


def run_shard(function: Function, shard: Any, target: Path) -> None:
    """Fill a folder beside `target`, write its record last and give it its name.

    Two attempts at one shard may run at a time, where a node was thought lost: each has a folder of its own, and
    the second to end finds the work done.
    """
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    draft.mkdir(parents=True)
    try:
        counts = function(shard, draft)
        files = {path.relative_to(draft).as_posix(): file_hash(path) for path in files_below(draft)}
        record = Record(fingerprint(function, shard), counts, files)
        write_whole(draft / PART, msgspec.json.encode(record))
        try:
            draft.rename(target)
        except OSError:
            if not finished(target, record.fingerprint):
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def fingerprint(function: Function, shard: Any) -> str:
    """Differs where the function's name or anything in the shard does."""
    facts = [function.__module__, function.__qualname__, shard]
    return hashlib.sha256(msgspec.json.encode(facts, enc_hook=str)).hexdigest()


def finished(folder: Path, fingerprint: str) -> bool:
    """Whether a shard's folder is there, of the same shard, with every byte that it was left with."""
    try:
        record = read_record(folder)
    except HandfulError:
        return False
    return record.fingerprint == fingerprint and all(
        (folder / name).is_file() and file_hash(folder / name) == sha256
        for name, sha256 in record.files.items()
    )


def read_record(folder: Path) -> Record:
    """Raises HandfulError where there is none, or none that can be read."""
    try:
        return msgspec.json.decode((folder / PART).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HandfulError(f"{folder}: a shard is missing or cannot be read ({error}); run again") from error
