"""What devices can do: memory and dense bf16 rate, by name, for estimates. Nothing here looks at a GPU.

Memory is what the driver leaves for programs, a little under the number on the box. Rates are the makers' figures for
dense products with float32 sums, not those with sparsity, which are twice as high.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from handful.core.errors import RecipeError

GIB = 2**30
TERA = 10**12
GIGA = 10**9


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU, or a CPU with the cores that train."""

    name: str
    kind: str
    """ "cuda" or "cpu"."""
    memory: int
    """Bytes; 0 where unknown."""
    rate: float
    """FLOP/s of large bf16 products; of a CPU without bf16, in float32."""
    bfloat16: bool = True
    measured: bool = False
    """The rate was measured now, rather than taken from the table."""
    link: float = 0.0
    """Bytes a second each way to the other devices of its machine."""


GPUS = {
    "B200": (178.0, 2250, 900),
    "H200": (139.8, 989, 450),
    "H100-80GB": (79.1, 989, 450),
    "A100-80GB": (79.2, 312, 300),
    "A100-40GB": (39.4, 312, 300),
    "MI300X": (191.0, 1307, 448),
    "L40S": (44.4, 362, 32),
    "A10": (22.0, 125, 32),
    "L4": (22.0, 121, 32),
    "RTX5090": (31.4, 209, 64),
    "RTX4090": (23.5, 165, 32),
    "RTX3090": (23.6, 71, 32),
}
"""Name: GiB that a program sees, dense bf16 TFLOP/s, and GB/s each way to the others of its machine (NVLink, or PCIe
where the device has none). From the makers' data sheets."""

A_MACHINE = 8
"""GPUs a machine, assumed."""
NETWORK = 50 * GIGA
"""Bytes a second a GPU to other machines, assumed: 400 Gbit/s InfiniBand each."""

ALIASES = {"H100": "H100-80GB", "A100": "A100-80GB", "4090": "RTX4090", "3090": "RTX3090", "5090": "RTX5090"}

CPU_BFLOAT16 = 460 * GIGA
CPU_FLOAT32 = 105 * GIGA
"""FLOP/s a core, where nothing is measured: torch 2.13 on an AMD Zen 5 core, in bf16, and in float32 on AVX2."""


def parse(text: str) -> tuple[int, Device]:
    """ "8xH200", "RTX4090" or "cpu:4" as a number of devices and one of them.

    Raises:
        RecipeError: no such device is known.
    """
    if found := re.fullmatch(r"cpu(?::([1-9]\d*))?", text.strip(), re.IGNORECASE):
        return 1, this_cpu(int(found[1]) if found[1] else 0)
    found = re.fullmatch(r"(?:([1-9]\d*)\s*[xX*])?\s*([A-Za-z0-9][\w-]*)", text.strip())
    wanted = found[2].upper().replace("_", "-") if found else ""
    name = ALIASES.get(wanted, wanted)
    if found is None or name not in GPUS:
        raise RecipeError(
            f"--devices {text}: no such device; write 8xH200 or cpu:4; known are cpu, {', '.join(GPUS)}"
        )
    return int(found[1] or 1), gpu(name)


def gpu(name: str) -> Device:
    memory, rate, link = GPUS[name]
    return Device(name, "cuda", int(memory * GIB), rate * TERA, link=link * GIGA)


def this_machine(wanted: str) -> tuple[int, Device]:
    """The devices that `train.device` would take here, as far as the kernel's list of GPUs tells."""
    models = [gpu_named(file) for file in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))]
    if wanted != "cpu" and models and (name := models[0]):
        return len(models), gpu(name)
    return 1, this_cpu()


def gpu_named(file: Path) -> str | None:
    """The table's name of the GPU that a driver's file describes, as "A100-80GB" for "NVIDIA A100-SXM4-80GB"."""
    try:
        text = (
            file.read_text(encoding="utf-8", errors="replace").upper().replace(" ", "").replace("GEFORCE", "")
        )
    except OSError:
        return None
    fitting = [name for name in GPUS if all(part in text for part in name.split("-"))]
    return fitting[0] if fitting else next((ALIASES[alias] for alias in ALIASES if alias in text), None)


def this_cpu(cores: int = 0) -> Device:
    """This machine's memory, and the rate of so many of its cores (0: of all that this process may use)."""
    cores = cores or len(os.sched_getaffinity(0))
    fast = bool(words_of("/proc/cpuinfo") & {"avx512_bf16", "amx_bf16"})
    rate = (CPU_BFLOAT16 if fast else CPU_FLOAT32) * cores
    return Device(f"cpu:{cores}", "cpu", machine_memory(), rate, bfloat16=fast)


def machine_memory() -> int:
    """Bytes that a program may use here, by the kernel's count and the container's limit; 0 where neither tells."""
    found = []
    try:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no control group, or one without a limit
        pass
    return min((size for size in found if size > 0), default=0)


def words_of(file: str) -> set[str]:
    try:
        return set(Path(file).read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return set()
