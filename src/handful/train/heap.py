"""While training on a CPU, memory that is let go stays with the process: the next step will want it again.

glibc gives large blocks back to the system at once, and asks for them anew, zeroed page by page, a thousand times a
step: 8% of the time (measured, SmolLM2-135M), for 2% more memory at the fullest; where most of the memory comes and
goes, as under gradient checkpointing, 11% more, so `loop` leaves it out there. Elsewhere than on Linux with glibc this
does nothing.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of mallopt(3)."""
USUAL_TRIM_THRESHOLD, USUAL_MMAP_MAX = 128 * 1024, 65_536


@contextmanager
def memory_kept(device: str) -> Iterator[None]:
    """No block is given back to the system, inside; all that is free is, at the end."""
    if device != "cpu" or platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(MMAP_MAX, 0)
    libc.mallopt(TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        libc.mallopt(MMAP_MAX, USUAL_MMAP_MAX)
        libc.mallopt(TRIM_THRESHOLD, USUAL_TRIM_THRESHOLD)
        libc.malloc_trim(0)
