"""Batched sampling on the CPU: our sampler beside `generate` of transformers, same model, settings and batch.

    python benchmarks/generate_cpu.py [--json] [--threads N]

Both sample 16 answers of exactly 48 tokens with the paper's settings (temperature 0.7, nucleus 0.9, repetition
penalty 1.2 over prompt and output, no top-k), taking turns; the number of each is its median. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import torch

from handful.models.layout import encode_plain
from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer
from handful.models.sampling import Sampling, sample

MODEL = "smollm2-135m-instruct"
ROWS, NEW_TOKENS, ROUNDS = 16, 48, 3
SETTINGS = Sampling(
    temperature=0.7,
    top_p=0.9,
    repetition_penalty=1.2,
    penalty_scope="all",
    max_tokens=NEW_TOKENS,
    limit="new",
)


def ours(model: Any, prompts: list[list[int]]) -> int:
    outputs = sample(model, prompts, SETTINGS, {}, list(range(len(prompts))))
    return sum(len(output.ids) for output in outputs)


def peer(model: Any, prompts: list[list[int]]) -> int:
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    torch.manual_seed(0)
    with torch.inference_mode():
        out = model.generate(
            ids,
            attention_mask=mask,
            do_sample=True,
            temperature=SETTINGS.temperature,
            top_p=SETTINGS.top_p,
            top_k=0,
            repetition_penalty=SETTINGS.repetition_penalty,
            max_new_tokens=NEW_TOKENS,
            eos_token_id=None,
            pad_token_id=0,
        )
    return int(out[:, width:].numel())


def rate(run: Callable[[Any, list[list[int]]], int], model: Any, prompts: list[list[int]]) -> float:
    start = time.perf_counter()
    return run(model, prompts) / (time.perf_counter() - start)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--threads", type=int, default=0, help="0: torch's default")
    options = arguments.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    dtype = compute_dtype("auto", "cpu")
    fast_float32()
    tokenizer, model = load_tokenizer(MODEL), load_model(MODEL, dtype=dtype)
    prompts = [
        encode_plain(f"Question {number}: " + "why is the sky blue? " * number, tokenizer)
        for number in range(1, ROWS + 1)
    ]
    rates: dict[Callable[..., int], list[float]] = {ours: [], peer: []}
    for number in range(ROUNDS + 1):
        for run, found in rates.items():
            speed = rate(run, model, prompts)
            if number:  # the first round only warms up
                found.append(speed)
            if not options.json:
                print(
                    f"{'warm-up' if number == 0 else f'round {number}'}: {run.__name__} {speed:.0f} tokens/s"
                )
    mine, theirs = statistics.median(rates[ours]), statistics.median(rates[peer])
    result = {
        "claim": f"sampling {ROWS} answers of {NEW_TOKENS} tokens, {MODEL}, {str(dtype).removeprefix('torch.')}, "
        f"{torch.get_num_threads()} threads",
        "ours": round(mine, 1),
        "peer": round(theirs, 1),
        "ratio": round(mine / theirs, 2),
        "unit": "tokens/s",
        "versions": {name: metadata.version(name) for name in ("handful", "torch", "transformers")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
