"""Training on the CPU, SmolLM2-135M on LIMA's rows: our loop beside TRL's SFTTrainer and the Trainer of transformers.

    python benchmarks/train_cpu.py [--json] [--data lima.json] [--cores N] [--steps N] [--rounds N] [--profile]

Each of the peers runs at its defaults and at its best here: bfloat16 products where the processor has them, the
faster float32 library, and for TRL packs of 2,048 tokens without gradient checkpointing. TRL's defaults are bfloat16
with gradient checkpointing on any processor, those of transformers float32. Rows are LIMA's (`--data`, or
lima/lima.json in $HANDFUL_TEST_DATA), or made up of like lengths; all sides see the same ids, labels and batches, and
take the same steps with the same optimizer.

Every run is a fresh process on `--cores` cores; the sides take turns. A side's figure is the median over the rounds of
its useful tokens per second: those that are not padding, over the seconds of the steps. Loading the model and the first
step are not in it. Losses at equal steps must agree within 1%, but for TRL's packs, whose batches hold other rows.
The last line is JSON, its ratio to TRL's defaults last.
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
from parts.measure import Spent, median, python, spend, take_turns

SIDES = ("ours", "trl", "trl_best", "hf", "hf_best")
SAME_BATCHES = ("ours", "trl", "hf", "hf_best")
LOSS_TOLERANCE = 0.01
LIBRARIES = ("handful", "torch", "transformers", "trl", "accelerate")


def sides(options: argparse.Namespace, rows: Path) -> dict[str, Callable[[], Spent]]:
    """What to run: each on the same cores, with as many threads."""
    cores = sorted(os.sched_getaffinity(0))[-options.cores :]
    settings = [
        *(
            "--model",
            options.model,
            "--threads",
            options.cores,
            "--batch",
            options.batch,
            "--steps",
            options.steps,
        ),
        *("--micro", options.micro, "--pack", options.pack),
    ]

    def run(side: str) -> Spent:
        return spend(python("parts.tune", side, rows, *map(str, settings)), cores)

    return {side: lambda side=side: run(side) for side in options.sides}


def rate(spent: Spent, seconds: str = "seconds") -> float:
    """Useful tokens a second of wall time, or with `cpu` of the processor's time."""
    return float(sum(spent.told["tokens"]) / sum(spent.told[seconds]))


def share(spent: Spent) -> float:
    """Of the machine's matrix rate, both by wall time."""
    return float(spent.told["flops"] / sum(spent.told["seconds"]) / spent.told["product_flops"])


def middle(runs: list[Spent], of: Callable[[Spent], float], digits: int = 1) -> float:
    return round(statistics.median(map(of, runs)), digits)


def check_losses(losses: dict[str, list[float]]) -> None:
    """The sides that see the same batches must learn alike."""
    for side in SAME_BATCHES:
        for mine, theirs in zip(losses.get("ours", []), losses.get(side, []), strict=False):
            assert abs(mine - theirs) < LOSS_TOLERANCE * theirs, f"{side}: loss {theirs}, ours {mine}"


def result_of(spent: dict[str, list[Spent]], claim: str) -> dict[str, Any]:
    rates = {side: middle(runs, rate) for side, runs in spent.items()}
    by_cpu = {side: middle(runs, lambda run: rate(run, "cpu")) for side, runs in spent.items()}
    losses = {side: runs[-1].told["losses"] for side, runs in spent.items()}
    check_losses(losses)
    ratios = {
        "ratio" if side == "trl" else f"ratio_{side}": round(rates["ours"] / rates[side], 2)
        for side in ("trl_best", "hf", "hf_best", "trl")
        if side in rates and "ours" in rates
    }
    return {
        "claim": claim,
        **rates,
        "unit": "useful tokens/s",
        "by_cpu": by_cpu,
        "product_gflops": middle(spent["ours"], lambda run: run.told["product_flops"] / 1e9)
        if "ours" in spent
        else None,
        "share_of_product": {side: middle(runs, share, 3) for side, runs in spent.items()},
        "peak_mb": {side: round(median(runs, lambda run: run.peak_mb)) for side, runs in spent.items()},
        "losses": {side: [round(loss, 4) for loss in found] for side, found in losses.items()},
        "settings": {side: runs[-1].told["settings"] for side, runs in spent.items()},
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in LIBRARIES if importlib.util.find_spec(name)},
        **ratios,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--data", type=Path, help="LIMA's rows as LLaMA-Factory had them, lima.json")
    arguments.add_argument(
        "--made-up", action="store_true", help="made-up rows even where LIMA's are at hand"
    )
    arguments.add_argument("--model", default="smollm2-135m-instruct")
    arguments.add_argument("--cores", type=int, default=1)
    arguments.add_argument("--batch", type=int, default=16, help="examples a step")
    arguments.add_argument("--micro", type=int, default=4, help="rows a pass of the peers that do not pack")
    arguments.add_argument("--pack", type=int, default=2048, help="tokens a pass of ours")
    arguments.add_argument("--steps", type=int, default=2, help="counted, after one to warm up")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    arguments.add_argument(
        "--profile", action="store_true", help="print where the time of ours goes, and end"
    )
    options = arguments.parse_args()
    report: Callable[[str], None] = (
        (lambda line: None) if options.json else lambda line: print(line, flush=True)
    )
    if {"trl", "trl_best"} & {*options.sides} and importlib.util.find_spec("trl") is None:
        sys.exit("train_cpu: TRL is not installed: pip install '.[bench]', or name --sides without it")
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        data = None if options.made_up else lima_rows.find(options.data)
        what = lima_rows.write(rows, options.model, options.batch * (options.steps + 1), data, 2048)
        report(what)
        if options.profile:
            command = python(
                "parts.tune", "ours", rows, "--model", options.model, "--threads", str(options.cores)
            )
            command += ["--batch", str(options.batch), "--steps", str(options.steps), "--profile"]
            print("\n".join(spend(command, sorted(os.sched_getaffinity(0))[-options.cores :]).said))
            return
        spent = take_turns(sides(options, rows), options.rounds, report)
    claim = f"{options.model}, {what}, {options.batch} a step, {options.steps} steps, {options.cores} cores"
    result = result_of(spent, claim)
    for side in spent:
        report(
            f"{side}: {result[side]} tokens/s ({result['by_cpu'][side]} by the processor's time), "
            f"{result['share_of_product'][side]:.0%} of the matrix rate, {result['peak_mb'][side]} MB; "
            f"{result['settings'][side]}"
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
