"""What a training step costs in floating-point operations, and what a machine gives."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from typing import Any

import torch

SHAPE = (4096, 576, 1536)
"""Of SmolLM2-135M's MLP over two packs: (tokens, size, inner size)."""

DENSE_BF16 = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
}
"""FLOP/s, dense, by what a GPU's name holds; data sheets print twice as much, for sparse matrices."""


def model_flops(model: Any, lengths: Iterable[int]) -> float:
    """Of forward and backward passes over documents of these lengths: 6 N a token, and causal attention's half square.

    N counts a tied head once and an embedding that is only looked up not at all. The head counts at every token, though
    ours computes it at labelled ones only: its share of the peak is overstated by that.
    """
    config = model.config.get_text_config()
    weights = sum(weight.numel() for weight in model.parameters())
    if not config.tie_word_embeddings:
        weights -= model.get_input_embeddings().weight.numel()
    heads = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    width = config.num_hidden_layers * config.num_attention_heads * heads
    return float(sum(6 * weights * n + 6 * width * n * n for n in lengths))


def product_rate(device: str, dtype: torch.dtype, repeats: int = 30) -> float:
    """FLOP/s of a matrix product of SHAPE, the median of `repeats` after warming up."""
    rows, inner, columns = SHAPE if device == "cpu" else (8192, 8192, 8192)
    a, b = (
        torch.randn(rows, inner, device=device, dtype=dtype),
        torch.randn(columns, inner, device=device, dtype=dtype),
    )
    seconds = []
    for _ in range(repeats + 5):
        start = clock(device)
        torch.nn.functional.linear(a, b)
        seconds.append(clock(device) - start)
    return 2 * rows * inner * columns / statistics.median(seconds[5:])


def clock(device: str) -> float:
    """Seconds, after what the device was given is done."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_of(device_name: str) -> float | None:
    """The dense bfloat16 peak of a GPU by name, where it is known."""
    return next((peak for name, peak in DENSE_BF16.items() if name in device_name), None)
