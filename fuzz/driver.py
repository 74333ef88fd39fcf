"""Feeds a function bytes until it raises: with atheris where it is installed, else at random.

    python fuzz/html_to_text.py [--seconds N] [--seed N] [--random]

atheris (pip install atheris) looks for bytes that reach new lines; without it, or with --random, bytes are drawn. What
made the function raise is printed and the exit status is 1, with atheris as without.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
import traceback
from collections.abc import Callable

LONGEST = 400


def main(load: Callable[[], Callable[[bytes], None]]) -> None:
    """`load` imports what is tested (so that atheris can watch it) and returns the function to feed."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--random", action="store_true", help="do not use atheris")
    options = arguments.parse_args()
    if not options.random and importlib.util.find_spec("atheris"):
        guided(load, options.seconds, options.seed)
    else:
        at_random(load(), options.seconds, options.seed)


def guided(load: Callable[[], Callable[[bytes], None]], seconds: int, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["handful"]):
        feed = load()
    settings = [f"-max_total_time={seconds}", f"-seed={seed or 1}", f"-max_len={LONGEST}", "-timeout=10"]
    atheris.Setup([sys.argv[0], *settings], feed)
    atheris.Fuzz()


def at_random(feed: Callable[[bytes], None], seconds: int, seed: int) -> None:
    draw = random.Random(seed)
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = draw.randbytes(draw.randrange(draw.choice([8, 40, LONGEST])))
        try:
            feed(data)
        except Exception:
            traceback.print_exc()
            sys.exit(f"execution {count}: {data!r}")
        count += 1
    print(f"{count:,} executions in {seconds} s, nothing found")
