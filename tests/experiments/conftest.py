"""A small made-up ablation: two arms, two seeds, a tiny real model, a judge that follows a rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

BASE = """
name = "base"
[sources.short]
kind = "messages"
paths = ["short.jsonl"]
[sources.long]
kind = "messages"
paths = ["long.jsonl"]
[sources.prompts]
kind = "messages"
paths = ["test.jsonl"]
split = "test"
[select.quota]
short = 0
long = 0
[train]
model = "{model}"
epochs = 1
batch_size = 4
keep = "last"
max_tokens = 128
residual_dropout = 0.0
dev_samples = 0
[choose]
by = "last"
[generate]
samples = 2
max_tokens = 64
limit = "new"
precision = "float32"
[study]
tasks = ["helpfulness"]
"""
FILE = """
question = "Do long answers help?"
paper = "The paper has no such arms."
base = "base.toml"
seeds = [0, 1]
[arms.short.select.quota]
short = 8
[arms.long.select.quota]
long = 8
[evaluation.judge.judges.longer]
kind = "fake"
prefers = "longer"
"""


def row(prompt, answer=None):
    said = [{"role": "user", "content": prompt}]
    said += [{"role": "assistant", "content": answer}] if answer else []
    return json.dumps({"messages": said}) + "\n"


@pytest.fixture(scope="session")
def write_experiment(tiny_model):
    """Writes an ablation's file, its base and its data into a folder; returns the file's path."""

    def written(folder, text=FILE, base=BASE) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / "base.toml").write_text(base.replace("{model}", str(tiny_model)))
        things = [f"thing number {n * n + 17}" for n in range(12)]
        short = [row(f"What is {thing}?", f"A {thing}.") for thing in things]
        long = [row(f"How is {thing} made?", f"First, take {thing}. " * 4 + "Done.") for thing in things]
        tests = [row(f"Why {n} apples and {n + 3} pears?") for n in range(5)]
        for name, rows in (("short", short), ("long", long), ("test", tests)):
            (folder / f"{name}.jsonl").write_text("".join(rows))
        path = folder / "lengths.toml"
        path.write_text(text)
        return path

    return written


@pytest.fixture
def experiment(tmp_path, write_experiment):
    """The same in this test's own folder, with parts of its text replaced."""

    def written(*changes, base=BASE) -> Path:
        text = FILE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return write_experiment(tmp_path, text, base)

    return written
