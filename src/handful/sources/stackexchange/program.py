"""7-Zip's program as a stream: members of an archive end to end, unpacked by a process of its own while we read.

7-Zip compares each member that it writes with its checksum, and says by its exit status whether all were right. Who
has read the last one to its end asks for that, and need not compute the checksum a second time.
"""

from __future__ import annotations

import fcntl
import io
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PIPE = 1 << 19
"""Bytes that 7-Zip may be ahead of us, so that it goes on while we look at a window. A pipe of a whole MiB would not
stay in a core's own cache, which costs more than it gains."""
FINE = (0, 1)
"""Exit statuses; 1 is a warning. A checksum that does not match, or bytes that cannot be unpacked, are 2."""
UNLIKE = "is damaged: its bytes, or those before it in the archive, do not match their checksum; copy the archive again"
"""7-Zip unpacks and compares what lies in front of a member in its block, too, and its status is about all of it."""


class Program(io.RawIOBase):
    """What `7zz x -so` writes of the members called `names`, in one thread."""

    def __init__(self, program: str, path: Path, names: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [program, "x", "-so", "-mmt=1", "-spd", "--", str(path.absolute()), *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self.process.stdout is not None
        self.pipe: Any = self.process.stdout
        # Linux alone can; and what all pipes of a user take together is limited.
        with suppress(OSError, AttributeError):
            fcntl.fcntl(self.pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self.pipe.readinto(buffer)
        return count

    def stopped(self) -> str:
        """That something has ended the program, or "". To be asked when nothing more comes."""
        status = self.process.wait()
        if status >= 0:
            return ""
        return (
            f"could not be unpacked: 7-Zip was stopped by signal {-status} ({signal.strsignal(-status)}); "
            "run the same command again"
        )

    def fault(self) -> str:
        """What is wrong with what came, or "". To be asked when every member is read to its end."""
        if self.pipe.read(1):
            return "is longer than its archive says"
        return self.stopped() or ("" if self.process.wait() in FINE else UNLIKE)

    def close(self) -> None:
        if not self.closed:
            self.process.kill()  # no effect where it has ended
            self.process.wait()
            self.pipe.close()
        super().close()
