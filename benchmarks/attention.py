"""Causal attention of one document on one core, forward and backward: ours by blocks beside torch's own kernel.

    python benchmarks/attention.py [--json] [--float32]

bfloat16 (or float32, where a processor has none), 9 heads of 64 sharing 3 heads of keys, as SmolLM2-135M has them;
torch's kernel gets the keys repeated, as transformers does it. They take turns; each figure is the median of its
rounds, in milliseconds of the processor's time. `error` is the relative error of the queries' gradient against
attention written out in float64. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.train.causal import causal_attention

HEADS, KEY_HEADS, SIZE = 9, 3, 64
LENGTHS = (64, 150, 300, 600, 1000, 2000)
ROUNDS = 7


def torchs(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    key, value = (x.repeat_interleave(HEADS // KEY_HEADS, dim=1) for x in (key, value))
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


def written_out(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    key, value = (x.repeat_interleave(HEADS // KEY_HEADS, dim=1) for x in (key, value))
    scores = query @ key.transpose(-1, -2) * SIZE**-0.5
    hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(hidden, float("-inf")).softmax(-1) @ value


def gradient(attention: Callable[..., Tensor], inputs: list[Tensor], upstream: Tensor) -> Tensor:
    return torch.autograd.grad(attention(*inputs), inputs, upstream.to(inputs[0].dtype))[0]


def measured(tokens: int, dtype: torch.dtype) -> dict[str, Any]:
    torch.manual_seed(0)
    heads = (HEADS, KEY_HEADS, KEY_HEADS)
    exact = [torch.randn(1, n, tokens, SIZE, dtype=torch.float64).requires_grad_() for n in heads]
    upstream = torch.randn(1, HEADS, tokens, SIZE, dtype=torch.float64)
    true = gradient(written_out, exact, upstream)
    rounded = [x.detach().to(dtype).requires_grad_() for x in exact]
    sides = {"ours": causal_attention, "torch": torchs}
    repeats = max(2, min(40, 10**6 // tokens**2))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS + 1):
        for name, side in sides.items():
            start = time.process_time()
            for _ in range(repeats):
                gradient(side, rounded, upstream)
            seconds[name].append((time.process_time() - start) / repeats)
    found: dict[str, Any] = {"tokens": tokens}
    for name, side in sides.items():
        wrong = gradient(side, rounded, upstream).double() - true
        found[name] = {
            "ms": round(1000 * statistics.median(seconds[name][1:]), 2),
            "error": float(f"{float(wrong.norm() / true.norm()):.2g}"),
        }
    found["ratio"] = round(found["torch"]["ms"] / found["ours"]["ms"], 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print nothing but the last line")
    parser.add_argument("--float32", action="store_true", help="instead of bfloat16")
    options = parser.parse_args()
    dtype = torch.float32 if options.float32 else torch.bfloat16
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("medium")
    rows = [measured(tokens, dtype) for tokens in LENGTHS]
    for row in () if options.json else rows:
        print(
            f"{row['tokens']:>5} tokens: ours {row['ours']['ms']:8.2f} ms, torch {row['torch']['ms']:8.2f} ms, "
            f"ratio {row['ratio']:.2f}; errors {row['ours']['error']:.1e}, {row['torch']['error']:.1e}"
        )
    smallest = min(row["ratio"] for row in rows)
    print(json.dumps({"benchmark": "attention", "type": str(dtype), "ratio": smallest, "lengths": rows}))


if __name__ == "__main__":
    main()
