"""What torchrun tells the processes that it starts, on one machine or many: how many they are, and which this is.

    torchrun --nnodes 2 --nproc-per-node 8 … -m handful run RECIPE --only train

The first of them runs the stage, as without torchrun. The others take part in its work, which they find by the same
recipe in the same work folder, on a file system that all machines share.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from handful.core.errors import HandfulError, RecipeError
from handful.run.execute import Step

SHARED = ("train",)
"""Stages whose work many processes do together."""


def size() -> int:
    """How many processes it started; 1 where it did not start this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def rank() -> int:
    return int(os.environ["RANK"]) if size() > 1 else 0


def place() -> int:
    """Which of its machine's processes this is."""
    return int(os.environ["LOCAL_RANK"])


def check(only: str | None) -> None:
    """Raises RecipeError where many processes were started for what one does."""
    if size() > 1 and only not in SHARED:
        raise RecipeError(
            f"torchrun started {size()} processes, but only the stage train is for many: add --only train, and run "
            "the other stages without torchrun"
        )


def join(steps: Sequence[Step], only: str) -> None:
    """Take part in the steps of a stage that the first process runs. Writes nothing."""
    folders = {step.label: step.folder for step in steps}
    for step in steps:
        if step.stage.name == only and not step.done:
            lacking = [label for label in step.inputs if not (folders[label]).is_dir()]
            if lacking:
                raise HandfulError(
                    f"{folders[lacking[0]]}: is not seen on this machine; all machines must share the work folder, and "
                    f"{lacking[0]} must be done"
                )
            step.stage.work(step.params, {label: folders[label] for label in step.inputs}, step.partial)


def leave() -> NoReturn:
    """End a process that took part, at once: nothing is left to do.

    On the way through the interpreter's end, threads of torch's rendezvous now and then abort the process, and torchrun
    would then stop the first one, which may still be writing.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
