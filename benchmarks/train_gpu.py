"""Training on one GPU, or several: Gemma-3-270M and SmolLM2-135M on LIMA's rows, our loop beside TRL at its best.

    python benchmarks/train_gpu.py [--json] [--data lima.json] [--gpus N] [--peak TFLOPS] [--profile] [--protocol]

TRL at its best is bfloat16, packs of 2,048 tokens, no gradient checkpointing, and Flash Attention where installed.
Every run is a fresh process and the sides take turns; loading and the first two steps are not in the time. MFU is the
model's operations (6 N a token and causal attention) over the GPU's dense bfloat16 peak, from its data sheet or
`--peak`. With `--gpus` above 1 ours runs alone, under torchrun. `--protocol` also takes all steps of 15 epochs, without
checkpoints and dev sets, and says how long they took. Without a GPU it ends with code 77; `--device cpu` with a few
rows tries it out. The last line is JSON, its ratio to TRL (of the first model) last.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from parts import lima_rows
from parts.measure import Spent, python, spend, take_turns

MODELS = ("gemma3-270m", "smollm2-135m-instruct")
EPOCHS, EXAMPLES = 15, 1000


def command(options: argparse.Namespace, side: str, model: str, rows: Path, steps: int) -> list[str]:
    settings = [
        "--model",
        model,
        "--device",
        options.device,
        "--batch",
        options.batch,
        "--pack",
        options.pack,
    ]
    settings += ["--steps", steps, "--max-tokens", options.max_tokens, "--precision", "bfloat16"]
    if side == "trl_best" and importlib.util.find_spec("flash_attn") and options.device == "cuda":
        settings += ["--attention", "flash_attention_2"]
    if options.gpus == 1:
        return python("parts.tune", side, rows, *map(str, settings))
    launch = python(
        "torch.distributed.run", "--nproc-per-node", str(options.gpus), "-m", "parts.tune", side, rows
    )
    return launch + list(map(str, settings))


def peak_flops(options: argparse.Namespace) -> tuple[str, float | None]:
    """The device's name and its dense bfloat16 peak, of all devices together. None where it is not known."""
    if options.device == "cpu":
        return platform.processor() or "CPU", options.peak * 1e12 if options.peak else None
    import torch
    from parts.arithmetic import peak_of

    name = torch.cuda.get_device_name()
    peak = options.peak * 1e12 if options.peak else peak_of(name)
    return name, peak * options.gpus if peak else None


def of_model(
    options: argparse.Namespace, model: str, folder: Path, report: Callable[[str], None]
) -> dict[str, Any]:
    """Both sides with one model."""
    rows = folder / "rows.jsonl"
    data = lima_rows.find(options.data)
    report(
        f"{model}: {lima_rows.write(rows, model, options.batch * (options.steps + 1), data, options.max_tokens)}"
    )
    if options.profile:
        report("\n".join(spend([*command(options, "ours", model, rows, options.steps), "--profile"]).said))
    names = ["ours", "trl_best"] if options.gpus == 1 else ["ours"]
    sides = {
        side: lambda side=side: spend(command(options, side, model, rows, options.steps)) for side in names
    }
    spent = take_turns(sides, options.rounds, report)
    _, peak = peak_flops(options)
    result: dict[str, Any] = {}
    for side, runs in spent.items():
        rates = [sum(steady(run, "tokens")) / sum(steady(run, "seconds")) for run in runs]
        flops = [run.told["flops"] / sum(run.told["tokens"]) for run in runs]
        work = statistics.median(rate * per_token for rate, per_token in zip(rates, flops, strict=True))
        result[side] = {
            "tokens_per_second": round(statistics.median(rates), 1),
            "mfu": round(work / peak, 4) if peak else None,
            "share_of_product": round(work / (runs[-1].told["product_flops"] * options.gpus), 4),
            "device_mb": round(runs[-1].told["device_mb"]),
            "losses": [round(loss, 4) for loss in runs[-1].told["losses"]],
            "settings": runs[-1].told["settings"],
        }
    if options.protocol:
        result["protocol_seconds"] = protocol(options, model, rows, data)
    if "trl_best" in result:
        result["ratio"] = round(
            result["ours"]["tokens_per_second"] / result["trl_best"]["tokens_per_second"], 2
        )
    return result


def steady(run: Spent, what: str) -> list[float]:
    """Of the steps after the second, where there are any: kernels are chosen in the first ones."""
    found: list[float] = run.told[what]
    return found[1:] or found


def protocol(options: argparse.Namespace, model: str, rows: Path, data: Path | None) -> float:
    """Seconds of all steps of 15 epochs of 1,000 examples, the first taken at the mean of the others."""
    steps = EPOCHS * -(-EXAMPLES // options.batch)
    lima_rows.write(rows, model, options.batch * steps, data, options.max_tokens)
    seconds = spend(command(options, "ours", model, rows, steps - 1)).told["seconds"]
    return round(sum(seconds) * steps / (steps - 1), 1)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--data", type=Path, help="LIMA's rows as LLaMA-Factory had them, lima.json")
    arguments.add_argument("--models", nargs="+", default=list(MODELS))
    arguments.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    arguments.add_argument("--gpus", type=int, default=1)
    arguments.add_argument("--peak", type=float, default=0.0, help="of one GPU, dense bfloat16, TFLOP/s")
    arguments.add_argument("--batch", type=int, default=32)
    arguments.add_argument("--pack", type=int, default=16384, help="tokens a pass of ours")
    arguments.add_argument("--max-tokens", type=int, default=2048)
    arguments.add_argument("--steps", type=int, default=20, help="after the first")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--profile", action="store_true", help="print where the time of ours goes, too")
    arguments.add_argument("--protocol", action="store_true", help="also take all steps of 15 epochs")
    options = arguments.parse_args()
    import torch

    if options.device == "cuda" and torch.cuda.device_count() < options.gpus:
        print(
            f"train_gpu: {options.gpus} GPU asked for, {torch.cuda.device_count()} found; nothing was measured",
            file=sys.stderr,
        )
        sys.exit(77)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    report: Callable[[str], None] = (
        (lambda line: None) if options.json else lambda line: print(line, flush=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        found = {model: of_model(options, model, Path(folder), report) for model in options.models}
    result = {
        "claim": f"training on {options.gpus} x {peak_flops(options)[0]}, {options.batch} rows a step, "
        f"{options.steps} steps",
        "models": found,
        "unit": "useful tokens/s; MFU of the dense bfloat16 peak",
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("handful", "torch", "transformers", "trl")},
        "ratio": found[options.models[0]].get("ratio"),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
