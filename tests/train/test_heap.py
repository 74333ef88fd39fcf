"""Memory that stays with the process while it trains, and goes back when it is done."""

import os
import platform
import subprocess
import sys

import pytest

MEGABYTES = 256
SCRIPT = f"""
import ctypes
import torch
from handful.train.heap import memory_kept

def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * {os.sysconf("SC_PAGE_SIZE")} / 1e6

def make():
    return [torch.ones(1_000_000) for _ in range({MEGABYTES // 4})]

before = resident()
with memory_kept("cpu"):
    make()
    inside = resident()
after = resident()
torch.ones(80_000_000)  # more than any gap that is left in the heap: gaps are used first, whatever the settings
print(before, inside, after, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has the settings")
def test_what_is_let_go_stays_inside_and_goes_back_at_the_end():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, inside, after, later = map(float, run.stdout.split())
    assert inside > before + 0.9 * MEGABYTES
    assert after < before + 0.2 * MEGABYTES
    assert later < before + 0.2 * MEGABYTES


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_an_error_inside_comes_through(device):
    from handful.train.heap import memory_kept

    with pytest.raises(ZeroDivisionError), memory_kept(device):
        _ = 1 / 0
