"""Sampling on the CPU: our batched sampler beside `generate` of transformers, one prompt at a time and in a batch.

    python benchmarks/generate_cpu.py [--json] [--rows N] [--tokens N] [--cores N] [--rounds N]

All sample with the paper's settings (temperature 0.7, nucleus 0.9, repetition penalty 1.2, no top-k), with the same
model in the same precision; the penalty is over prompt and output on all sides, since `generate` knows no other scope.
Answers have exactly `--tokens` tokens. The sides take turns in one process; one by one answers only `--alone` of the
prompts, since its speed does not depend on how many there are. A side's figure is the median of its new tokens per
second, prompts included in the time. The last line is JSON, its ratio to one by one last.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import torch

from handful.models.layout import encode_plain
from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer
from handful.models.sampling import Sampling, sample

PAD = 0
SETTINGS: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.2}
LIBRARIES = ("handful", "torch", "transformers")

Prompts = list[list[int]]


def ours(model: Any, prompts: Prompts, tokens: int) -> int:
    sampling = Sampling(**SETTINGS, penalty_scope="all", max_tokens=tokens, limit="new")
    outputs = sample(model, prompts, sampling, {}, list(range(len(prompts))))
    return sum(len(output.ids) for output in outputs)


def batched(model: Any, prompts: Prompts, tokens: int) -> int:
    """`generate` with the prompts padded on the left."""
    width = max(map(len, prompts))
    ids = torch.tensor([[PAD] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    torch.manual_seed(0)
    with torch.inference_mode():
        out = model.generate(
            ids,
            attention_mask=mask,
            do_sample=True,
            top_k=0,
            max_new_tokens=tokens,
            eos_token_id=None,
            pad_token_id=PAD,
            **SETTINGS,
        )
    return int(out[:, width:].numel())


def one_by_one(model: Any, prompts: Prompts, tokens: int) -> int:
    return sum(batched(model, [prompt], tokens) for prompt in prompts)


def prompts_of(tokenizer: Any, rows: int) -> Prompts:
    """Questions of 11 to about 60 tokens."""
    return [
        encode_plain(f"Question {number}: " + "why is the sky blue? " * (1 + number % 10), tokenizer)
        for number in range(rows)
    ]


def rate(run: Callable[..., int], model: Any, prompts: Prompts, tokens: int) -> tuple[float, float]:
    """New tokens a second of wall time, and of the processor's."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = run(model, prompts, tokens)
    return made / (time.perf_counter() - wall), made / (time.process_time() - cpu)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--model", default="smollm2-135m-instruct")
    arguments.add_argument("--rows", type=int, default=48, help="prompts in a batch")
    arguments.add_argument("--alone", type=int, default=4, help="prompts that are answered one by one")
    arguments.add_argument("--tokens", type=int, default=96, help="new ones, each")
    arguments.add_argument("--cores", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.cores :])
    torch.set_num_threads(options.cores)
    dtype = compute_dtype("auto", "cpu")
    fast_float32()
    tokenizer, model = load_tokenizer(options.model), load_model(options.model, dtype=dtype)
    prompts = prompts_of(tokenizer, options.rows)
    sides = {
        "ours": (ours, prompts),
        "batched": (batched, prompts),
        "one_by_one": (one_by_one, prompts[: options.alone]),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for run, asked in sides.values():
        run(model, asked[:2], 4)  # warms up
    for number in range(options.rounds):
        for name, (run, asked) in sides.items():
            speed = rate(run, model, asked, options.tokens)
            found[name].append(speed)
            if not options.json:
                print(
                    f"round {number + 1}: {name} {speed[0]:.1f} tokens/s, {speed[1]:.1f} by the processor's time",
                    flush=True,
                )
    wall, cpu = (
        {name: statistics.median(run[place] for run in runs) for name, runs in found.items()}
        for place in (0, 1)
    )
    result = {
        "claim": f"sampling {options.rows} answers of {options.tokens} tokens, {options.model}, "
        f"{str(dtype).removeprefix('torch.')}, {options.cores} cores",
        "ours": round(wall["ours"], 1),
        "peer": round(wall["one_by_one"], 1),
        "batched": round(wall["batched"], 1),
        "unit": "new tokens/s",
        "by_cpu": {name: round(speed, 1) for name, speed in cpu.items()},
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in LIBRARIES},
        "ratio_batched": round(wall["ours"] / wall["batched"], 2),
        "ratio": round(wall["ours"] / wall["one_by_one"], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
