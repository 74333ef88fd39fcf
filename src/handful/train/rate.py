"""The two halves of MFU: what a token costs a model, and how fast the machine could multiply matrices.

On a GPU of the table that is the data sheet's dense bfloat16 figure, by which MFU is commonly stated. Elsewhere, and
in float32, it is measured at the start: on a CPU no data sheet tells what load, clock and library leave.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

from handful.core.errors import DataError
from handful.train.flops import shape_of, training_flops

SHEET = {"B200": 2250e12, "H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12}
"""Dense bfloat16 FLOP/s, of the SXM form where there are two."""
SLOWER_FORMS = ("PCIe", "NVL")
SIZE = {"cpu": 1024, "cuda": 8192}
TRIES = 3


def flops_per_token(model: Any, lengths: Sequence[int]) -> float:
    """Model FLOPs of a token's forward and backward pass, averaged over examples of these `lengths` in tokens.

    A weight that is frozen, as under LoRA, gets no gradient of its own: 4 FLOPs rather than 6.
    """
    try:
        found = training_flops(shape_of(model.config.to_dict()), lengths) / sum(lengths)
    except DataError:  # a shape that `plan` cannot foresee can be trained all the same
        found = 6.0 * int(model.num_parameters())
    table, output = model.get_input_embeddings().weight, model.get_output_embeddings()
    tied = output is not None and output.weight is table
    frozen = [
        w for w in model.parameters() if w.ndim >= 2 and not w.requires_grad and (tied or w is not table)
    ]
    return found - 2.0 * sum(int(weight.numel()) for weight in frozen)


def peak_rate(device: str, dtype: torch.dtype) -> float:
    """FLOP/s of one device at best: by its data sheet, else measured. `device` is "cpu" or "cuda"."""
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    known = [rate for chip, rate in SHEET.items() if chip in name]
    if known and dtype == torch.bfloat16 and not any(form in name for form in SLOWER_FORMS):
        return known[0]
    return matrix_rate(device, dtype)


@cache
def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """FLOP/s of the best of a few large square products. Takes some tens of milliseconds."""
    size = SIZE[device]
    a, b = (torch.full((size, size), 0.5, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    for _ in range(TRIES + 1):  # the first one warms up
        start = time.perf_counter()
        torch.mm(a, b)
        if device == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2.0 * size**3 / (time.perf_counter() - start))
    return best
