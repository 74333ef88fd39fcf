"""Folders as `train` and `dataset` leave them, written by hand: six epochs, four dev prompts."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from handful.core import jsonl
from handful.core.types import Example, Origin, Turn

EPOCHS = 6
PROMPTS = 4


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tiny products are faster on one thread, and other tests may run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def example(number):
    turns = (Turn("user", f"How is rice cooked, {number}?"), Turn("assistant", f"In water, {number}."))
    return Example(f"dev/{number}", turns, Origin("authored", "tests", str(number)))


@pytest.fixture
def build(tmp_path):
    """Make the folders; returns them as a stage's inputs, with a fresh `out`.

    Args of what it returns:
        epochs: how many there are; kept: of which the checkpoints are there.
        text: (epoch, prompt's number) -> the answer.
        finish: (epoch, prompt's number) -> why it stopped.
    """

    def make(
        epochs=EPOCHS,
        prompts=PROMPTS,
        kept=None,
        text=lambda epoch, n: "Rinse it well. " * epoch,
        finish=lambda epoch, n: "eot",
        dev=True,
    ):
        train, dataset, out = (tmp_path / name for name in ("train", "dataset", "out"))
        for folder in (train, dataset, out):
            folder.mkdir()
        for epoch in range(1, epochs + 1) if kept is None else kept:
            (train / f"epoch-{epoch:02d}").mkdir()
        rows = [
            {
                "epoch": e,
                "step": 10 * e,
                "dev_loss": 2.0 + 0.1 * e if dev else None,
                "dev_tokens": 90 if dev else 0,
            }
            for e in range(epochs + 1)
        ]
        samples = [
            {"epoch": e, "prompt_id": f"dev/{n}", "text": text(e, n), "finish": finish(e, n)}
            for e in range(1, epochs + 1)
            for n in range(prompts if dev else 0)
        ]
        for name, records in (("epochs", rows), ("dev_samples", samples)):
            (train / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in records))
        jsonl.write(dataset / "dev.jsonl", [example(n) for n in range(prompts + 1)] if dev else [])
        return SimpleNamespace(inputs={"train": train, "dataset": dataset}, out=out)

    return make
