"""Two steps of the train stage in a process of its own, as `handful run` takes them, and the lengths it trained on.

    python -m parts.training_peak MODEL 'JSON of [train]'

Each step has two packs, so that gradients are there in the second forward pass, and AdamW's moments in the second step.
States to resume from and the epoch's checkpoint are saved. The last line is JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from handful.core import jsonl
from handful.core.types import Example, Origin, Turn
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.work import work
from handful.train.workload import counted

WORDS = ["rice", "water", "salt", "pan", "lid", "heat", "stir", "wait", "rinse", "cover", "taste", "serve"]
BATCH = 8
TO_SPARE = 24
"""Tokens of a prompt and two EOTs, at most."""


def settings(model: str, changes: str) -> Train:
    return Train(
        model=ModelRef(model),
        epochs=1,
        batch_size=BATCH,
        max_steps=2,
        save_every=1,
        dev_samples=0,
        **json.loads(changes),
    )


def example(number: int, words: int) -> Example:
    answer = " ".join(WORDS[(number + place) % len(WORDS)] for place in range(words))
    turns = (Turn("user", f"How do I cook meal {number}?"), Turn("assistant", answer))
    return Example(f"e{number}", turns, Origin("made", "up", str(number)))


def main() -> None:
    params = settings(sys.argv[1], sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        dataset, out = Path(name, "dataset"), Path(name, "out")
        out.mkdir()
        dataset.mkdir()
        words = params.pack_tokens // (BATCH // 2) - TO_SPARE
        jsonl.write(dataset / "train.jsonl", [example(number, words) for number in range(2 * BATCH)])
        jsonl.write(dataset / "dev.jsonl", [example(1000, words)])
        work(params, {"dataset": dataset}, out)
        from handful.models.load import load_tokenizer

        found = counted(params, dataset, load_tokenizer(params.model))
    assert found is not None
    print(json.dumps({"lengths": found.lengths}))


if __name__ == "__main__":
    main()
