"""A small data set and two tiny checkpoints."""

from __future__ import annotations

import pytest

from handful.core import jsonl
from handful.core.types import Example, Origin, Prompt, Turn

ORIGIN = Origin("authored", "", "made for the tests")
QUESTIONS = [
    "How do I keep a sourdough starter alive?",
    "Why is the sky blue at noon and red at dusk?",
    "Name three uses of a brick.",
    "What would you pack for a week in the mountains, and why? List ten things, with a reason for each.",
    "Write a limerick.",
]


def prompt(number: int) -> Prompt:
    return Prompt(f"p{number}", (Turn("user", QUESTIONS[number]),), ORIGIN)


def example(number: int) -> Example:
    answer = f"Answer number {number}. Feed it and keep it warm."
    return Example(f"e{number}", (Turn("user", QUESTIONS[number]), Turn("assistant", answer)), ORIGIN)


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    jsonl.write(folder / "test.jsonl", map(prompt, range(5)))
    jsonl.write(folder / "dev.jsonl", map(example, range(3)))
    jsonl.write(folder / "train.jsonl", map(example, range(5)))
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def checkpoints(tiny_model, tmp_path_factory):
    """A folder as `train` leaves it: two epochs of a tiny random model that knows the end-of-turn token."""
    import torch

    from handful.models.layout import add_eot
    from handful.models.load import load_model, load_tokenizer

    model, tokenizer = load_model(str(tiny_model)), load_tokenizer(str(tiny_model))
    add_eot(model, tokenizer, "<|eot|>")
    folder = tmp_path_factory.mktemp("train")
    generator = torch.Generator().manual_seed(0)
    for epoch in ("epoch-01", "epoch-02"):
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim == 2:
                    weight.normal_(std=0.15, generator=generator)
        model.save_pretrained(folder / epoch)
        tokenizer.save_pretrained(folder / epoch)
    return folder
