"""The memory that `handful plan` foresees beside the peak of real training: two steps each, in fresh processes.

    python benchmarks/estimate_memory.py [--json] [--only WORD] [--core N]

Peak is the kernel's (ru_maxrss) of a process on one core that runs the train stage: loading, four forward and backward
passes with full packs, two updates, saving states and a checkpoint. Models are the embedded ones: no network is needed.
The last line is JSON, last in it the largest relative error.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib import metadata
from typing import Any

from parts.measure import python, spend
from parts.training_peak import settings

from handful.train.devices import this_cpu
from handful.train.estimate import model_of, unadvised
from handful.train.workload import Workload

GIGA = 1e9
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "smollm2 512": ("smollm2-135m-instruct", {"pack_tokens": 512}),
    "smollm2 1024": ("smollm2-135m-instruct", {"pack_tokens": 1024}),
    "smollm2 2048": ("smollm2-135m-instruct", {"pack_tokens": 2048}),
    "smollm2 1024 no dropout": ("smollm2-135m-instruct", {"pack_tokens": 1024, "residual_dropout": 0.0}),
    "smollm2 1024 checkpointing": (
        "smollm2-135m-instruct",
        {"pack_tokens": 1024, "gradient_checkpointing": True},
    ),
    "smollm2 2048 checkpointing": (
        "smollm2-135m-instruct",
        {"pack_tokens": 2048, "gradient_checkpointing": True},
    ),
    "smollm2 1024 lora": ("smollm2-135m-instruct", {"pack_tokens": 1024, "lora_rank": 16}),
    "smollm2 512 float32": ("smollm2-135m-instruct", {"pack_tokens": 512, "precision": "float32"}),
    "gemma3 512": ("gemma3-270m", {"pack_tokens": 512}),
    "gemma3 1024": ("gemma3-270m", {"pack_tokens": 1024}),
    "gemma3 1024 checkpointing": ("gemma3-270m", {"pack_tokens": 1024, "gradient_checkpointing": True}),
    "gemma3 512 lora": ("gemma3-270m", {"pack_tokens": 512, "lora_rank": 16}),
}


def case(model: str, changes: dict[str, Any], core: int) -> dict[str, Any]:
    """Estimate and peak, in gigabytes."""
    spent = spend(python("parts.training_peak", model, json.dumps(changes)), cores=[core])
    params = settings(model, json.dumps(changes))
    shape = model_of(model)
    assert shape is not None
    workload = Workload(tuple(spent.told["lengths"]), True, True, "counted")
    found = unadvised(params, shape.shape, workload, 1, this_cpu(1))
    peak = spent.peak_mb * 2**20 / GIGA
    return {
        "estimate_gb": round(found.memory_bytes / GIGA, 2),
        "peak_gb": round(peak, 2),
        "error": round(found.memory_bytes / GIGA / peak - 1, 3),
        "cpu_seconds": round(spent.cpu),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--only", default="", help="cases whose name holds this")
    arguments.add_argument("--core", type=int, default=0, help="where the trainings run")
    options = arguments.parse_args()
    found = {}
    for name, (model, changes) in CASES.items():
        if options.only in name:
            found[name] = case(model, changes, options.core)
            if not options.json:
                print(f"{name:28} {found[name]}", flush=True)
    versions = {library: metadata.version(library) for library in ("handful", "torch", "transformers")}
    worst = max((abs(one["error"]) for one in found.values()), default=0.0)
    print(
        json.dumps(
            {
                "cases": found,
                "versions": versions | {"python": platform.python_version()},
                "worst_error": worst,
            }
        )
    )


if __name__ == "__main__":
    main()
