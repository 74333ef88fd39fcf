"""Want of memory, said in one line with what to lower, on a GPU and on a CPU.

Where the system kills a process for it instead, nobody is left to say so; with many processes launch sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from handful.core.errors import DataError
from handful.recipe.training import Train

OF_THE_CPU = ("DefaultCPUAllocator", "can't allocate memory", "not enough memory")
"""torch raises a plain RuntimeError there."""


@contextmanager
def memory_told(params: Train, processes: int) -> Iterator[None]:
    """Turn running out of memory, inside the block, into a DataError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        text = str(error)
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
            word in text for word in OF_THE_CPU
        ):
            raise DataError(advice(params, processes, text)) from error
        raise


def advice(params: Train, processes: int, said: str) -> str:
    first = said.strip().partition("\n")[0][:200] or "no more memory"
    steps = [f"lower train.pack_tokens (now {params.pack_tokens:,}) to the length of your examples"]
    if not params.gradient_checkpointing:
        steps.append("set train.gradient_checkpointing = true")
    steps.append(f"use more processes, each with memory of its own (now {processes})")
    if params.lora_rank == 0:
        steps.append("train adapters with train.lora_rank = 16")
    return (
        f"training: out of memory ({first}); {'; '.join(steps[:-1])}; or {steps[-1]}. handful plan shows what a "
        "training takes. What is saved is kept"
    )
