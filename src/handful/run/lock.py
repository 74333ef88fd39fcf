"""One process at a time on a work folder. The lock is the system's: a killed holder leaves none behind."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from handful.core.errors import Locked


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock `file`, or raise Locked, saying who holds it and since when."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(
                f"{file.parent}: in use by {_holder(file)}; wait for it, or use another --work"
            ) from error
        handle.truncate(0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        json.dump({"process": os.getpid(), "host": socket.gethostname(), "since": since}, handle)
        handle.flush()
        yield


def _holder(file: Path) -> str:
    try:
        holder = json.loads(file.read_text())
        return f"process {holder['process']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError):
        return "another process"
