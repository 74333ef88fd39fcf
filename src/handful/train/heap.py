"""While training on a CPU, memory that is let go stays with the process: the next step will want it again.

glibc gives large blocks back to the system at once, and asks for them anew, zeroed page by page, a thousand times a
step: 8 to 21% of the time (measured, SmolLM2-135M and Gemma 3 270M). Kept, blocks of ever other sizes leave gaps that
nothing fits, and the process grows: by a gigabyte a step where texts are long and of many lengths. So once it holds a
quarter more than a step needs, or the machine has less than a quarter left, what is free goes back.

Where most of the memory comes and goes, as under gradient checkpointing, a step takes 11% more, so `loop` leaves this
out there. Elsewhere than on Linux with glibc it does nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of mallopt(3)."""
USUAL_TRIM_THRESHOLD, USUAL_MMAP_MAX = 128 * 1024, 65_536
ROOM = 1.25
"""How much more than a step needs is held before the gaps go back."""
SHORT = 0.25
"""Share of the machine's memory that is left to others."""


@contextmanager
def memory_kept(device: str) -> Iterator[Callable[[], None]]:
    """No block is given back to the system inside, but where the gaps add up; all that is free is, at the end.

    Yields:
        What to call after each step.
    """
    if device != "cpu" or platform.libc_ver()[0] != "glibc":
        yield lambda: None
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(MMAP_MAX, 0)
    libc.mallopt(TRIM_THRESHOLD, -1)
    try:
        yield Gaps(lambda: libc.malloc_trim(0)).closed
    finally:
        libc.mallopt(MMAP_MAX, USUAL_MMAP_MAX)
        libc.mallopt(TRIM_THRESHOLD, USUAL_TRIM_THRESHOLD)
        libc.malloc_trim(0)


class Gaps:
    """Gives free memory back once much more is held than a step needs, or the machine runs short.

    What a step needs is what is held after the first one, and after each that begins with nothing free.
    """

    def __init__(self, give_back: Callable[[], object]) -> None:
        self.give_back = give_back
        self.needed = 0
        self.fresh = True

    def closed(self) -> None:
        held = resident()
        if self.fresh:
            self.needed = max(self.needed, held)
        self.fresh = held > ROOM * self.needed or share_available() < SHORT
        if self.fresh:
            self.give_back()


def resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def share_available() -> float:
    """What is left of the machine's memory, by the kernel's own estimate, or of a container's, if that is less."""
    return min(share_of_machine(), share_of_container())


def share_of_machine(file: Path = Path("/proc/meminfo")) -> float:
    lines = file.read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return kilobytes["MemAvailable"] / kilobytes["MemTotal"]


def share_of_container(group: Path = Path("/sys/fs/cgroup")) -> float:
    """1 where there is no limit. Files that are cached and not in use count as free, as the kernel has it."""
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        usage = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no control group, or "max"
        return 1.0
    return 1 - max(0, used - int(usage.get("inactive_file", 0))) / max(1, limit)
