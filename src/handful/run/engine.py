"""Many shards of one job: on this machine's cores, or on a Ray cluster. The same function, the same bytes.

A shard is plain values that say what to read (a site, a range of a file's bytes). Its function is pure: it writes
files into a folder of its own, which takes its final name only when whole and carries the hashes of what is in it.
So nothing has to be remembered by the engine: after the loss of a worker, of a node or of this very process, the
shards that are there are kept and the rest is done. No data travel between processes; on a cluster every node must
see the same folders. One process at a time works on a folder of shards: the lock of the work folder sees to that.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import traceback
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from handful.core.errors import HandfulError
from handful.core.files import file_hash, files_below, write_whole

if TYPE_CHECKING:
    from handful.run.processes import Pool

PART = "part.json"
DRAFTS = ".drafts-"
ATTEMPTS = 5
"""Times a shard is tried whose worker is lost. A shard that raises is not tried again: it would raise again."""
MANY = 1000
"""Tasks that a cluster is given at a time, of which it can run as many as it has CPUs."""

Counts = dict[str, Any]
Function = Callable[[Any, Path], Counts]
Ended = Callable[[str], None]
Moved = Callable[[str, float], None]
Names = Generator[str, None, None]


@dataclass(frozen=True, slots=True)
class Engine:
    """Where shards run. Never part of a key: it does not decide what comes out."""

    kind: Literal["local", "ray"] = "local"
    workers: int = 0
    """Shards at a time; 0 takes one a core of this machine, or what a cluster has."""
    address: str = "auto"
    """Of an existing Ray cluster."""
    training: int = 0
    """Processes of this machine that train together; 0 takes one a GPU, or one where there is none."""

    @property
    def processes(self) -> int:
        """Shards at a time, at most."""
        return self.workers or (MANY if self.kind == "ray" else cores())


def cores() -> int:
    """Those that this process may use; where the system does not tell, those that the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class InUse:
    """An engine, and what shards have started on it: kept for those to come."""

    engine: Engine
    kept: ExitStack
    pool: Pool | None = None


_in_use: ContextVar[InUse | None] = ContextVar("in_use", default=None)


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Run shards on `engine` within the block.

    Processes that one call of `each` has started serve the next ones, and end with the block. A block within one of
    the same engine shares them. The outermost block of a cluster leaves the cluster at its end.
    """
    around = _in_use.get()
    if around and around.engine == engine:
        yield
        return
    with ExitStack() as kept:
        if engine.kind == "ray" and current().kind != "ray":
            from handful.run.cluster import leave

            kept.callback(leave)
        token = _in_use.set(InUse(engine, kept))
        try:
            yield
        finally:
            _in_use.reset(token)


def current() -> Engine:
    in_use = _in_use.get()
    return in_use.engine if in_use else Engine()


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


@dataclass(frozen=True, slots=True)
class Job:
    """Shards that are not done yet, and where they go."""

    function: Function
    shards: Mapping[str, Any]
    folder: Path
    drafts: Path
    moved: Moved


def each(
    function: Function,
    shards: Mapping[str, Any],
    folder: Path,
    ended: Ended = lambda name: None,
    processes: int | None = None,
    moved: Moved = lambda name, done: None,
) -> dict[str, Part]:
    """Run `function(shard, out)` for every shard that is not done yet, and return what all left, in their order.

    Args:
        function: a module's own function; it fills the folder `out`, which is there and empty, and returns its counts
            (JSON values).
        shards: name (also of the folder) -> a dataclass of plain values, or plain values.
        folder: where the shards' folders go. What is there from an earlier run with the same shards is kept.
        ended: called with the name of each shard as it ends, and of each that was there, in no particular order.
        processes: the most that are worth starting on this machine; 1 runs the shards in this process.
        moved: called while a shard runs whose function calls `report`, with its name and how much it has reported
            since it began. A shard that is tried again begins at nothing. Not called from a cluster.

    Raises:
        HandfulError: as a shard raised it, the first to do so: those that ended before are kept, those that run are
            stopped. Or a shard's worker was lost ATTEMPTS times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with using(current()), drafts_in(folder) as drafts:
        todo = {}
        for name, shard in shards.items():
            if finished(folder / name, fingerprint(function, shard)):
                ended(name)
            else:
                discard(folder / name)
                todo[name] = shard
        with closing(_run(Job(function, todo, folder, drafts, moved), processes)) as names:
            for name in names:
                ended(name)
    return {name: part_of(folder, name) for name in shards}


def part_of(folder: Path, name: str) -> Part:
    """What a shard of `each` left that has ended. Raises HandfulError where it has not."""
    return Part(folder / name, read_record(folder / name).counts)


def _run(job: Job, processes: int | None) -> Names:
    """The names of a job's shards as they end, wherever they run."""
    engine = current()
    at_a_time = min(len(job.shards), engine.processes, processes or engine.processes)
    if job.shards and engine.kind == "ray":
        from handful.run.cluster import run_on_ray

        yield from run_on_ray(job, engine)
    elif at_a_time > 1:
        yield from _pool().run(job, at_a_time)
    else:
        for name, shard in job.shards.items():
            run_shard(job.function, shard, job.folder / name, job.drafts, partial(job.moved, name))
            yield name


def _pool() -> Pool:
    """The processes of the block that this is in: none, at first."""
    in_use = _in_use.get()
    assert in_use
    if in_use.pool is None:
        from handful.run.processes import Pool

        in_use.pool = in_use.kept.enter_context(Pool())
    return in_use.pool


def run_shard(
    function: Function, shard: Any, target: Path, drafts: Path, moved: Callable[[float], None]
) -> None:
    """Fill a folder in `drafts`, write its record last and give it the name `target`.

    Two attempts at one shard may run at a time, where a node was thought lost: each has a folder of its own, and
    the second to end finds the work done.
    """
    mark = fingerprint(function, shard)
    if finished(target, mark):
        return
    draft = drafts / uuid.uuid4().hex
    draft.mkdir()
    try:
        with _reporting_to(moved):
            counts = function(shard, draft)
        files = {path.relative_to(draft).as_posix(): file_hash(path) for path in files_below(draft)}
        write_whole(draft / PART, msgspec.json.encode(Record(mark, counts, files)))
        try:
            draft.rename(target)
        except OSError:
            if not finished(target, mark):
                discard(target)
                draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def attempt(
    function: Function, shard: Any, target: Path, drafts: Path, moved: Callable[[float], None]
) -> Exception | None:
    """`run_shard` in another process than the one that waits for it. Returns what it raised, as it can be sent there.

    A mistake of ours brings along where it was made.
    """
    try:
        run_shard(function, shard, target, drafts, moved)
    except Exception as error:
        where = traceback.format_exc()
        if not isinstance(error, HandfulError):
            error.add_note(f"In a worker process:\n{where}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return RuntimeError(where)
        return error
    return None


def to_nobody(amount: float) -> None:
    """Where nobody watches."""


_report: ContextVar[Callable[[float], None]] = ContextVar("report", default=to_nobody)


def report(amount: float) -> None:
    """Called by a shard's function, some times a second at most: `amount` more of the shard is done."""
    _report.get()(amount)


@contextmanager
def _reporting_to(moved: Callable[[float], None]) -> Iterator[None]:
    done = 0.0

    def add(amount: float) -> None:
        nonlocal done
        done += amount
        moved(done)

    token = _report.set(add)
    try:
        yield
    finally:
        _report.reset(token)


@contextmanager
def drafts_in(folder: Path) -> Iterator[Path]:
    """A folder for shards that are being written. Those of earlier runs are removed: they were killed.

    An attempt of a killed run may still go on somewhere in a cluster. It cannot do harm: it fails, for it has lost
    its folder.
    """
    for left in folder.glob(f"{DRAFTS}*"):
        discard(left)
    drafts = folder / f"{DRAFTS}{uuid.uuid4().hex}"
    drafts.mkdir()
    try:
        yield drafts
    finally:
        discard(drafts)


def discard(path: Path) -> None:
    """Remove what is there. One rename comes first: who still writes there loses all at once, and not a part of it."""
    gone = path.with_name(f"{DRAFTS}{uuid.uuid4().hex}")
    try:
        path.rename(gone)
    except FileNotFoundError:
        return
    if gone.is_dir():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink()


def fingerprint(function: Function, shard: Any) -> str:
    """Differs where the function's name or anything in the shard does; the same in every process."""
    facts = [function.__module__, function.__qualname__, shard]
    return hashlib.sha256(msgspec.json.encode(facts, enc_hook=str, order="deterministic")).hexdigest()


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
