"""A finished data set and finished systems, as `dataset` and `generate` leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from handful.core import jsonl
from handful.core.types import Example, Origin, Prompt, Response, Turn

ORIGIN = Origin("authored", "", "1")


def prompt(id: str) -> Prompt:
    return Prompt(id, (Turn("user", f"What is {id}?"),), ORIGIN)


def answer(prompt_id: str, system: str, text: str, sample: int = 0, finish: str = "eot") -> Response:
    return Response(prompt_id, system, text, sample, finish, len(text.split()))


@pytest.fixture
def make_inputs(tmp_path):
    """The folders that a study reads: `make_inputs({"tuned": [responses], …})`, over prompts p0 to p8."""

    def make(systems: dict[str, list[Response]], at: str = "inputs", prompts=9) -> dict[str, Path]:
        dataset = tmp_path / at / "dataset"
        dataset.mkdir(parents=True)
        jsonl.write(dataset / "test.jsonl", [prompt(f"p{n}") for n in range(prompts)])
        dialogue = Example("dev1", (Turn("user", "Hello"), Turn("assistant", "Yes?")), ORIGIN)
        jsonl.write(dataset / "dev.jsonl", [dialogue])
        inputs = {"dataset": dataset}
        for name, responses in systems.items():
            folder = tmp_path / at / f"generate-{name}"
            folder.mkdir()
            jsonl.write(folder / "responses.jsonl", responses)
            inputs[f"generate/{name}"] = folder
        return inputs

    return make


@pytest.fixture
def answers():
    """What each system says to each of nine prompts, in `samples` samples."""

    def make(*systems: str, samples: int = 1, prompts: int = 9) -> dict[str, list[Response]]:
        return {
            name: [
                answer(f"p{n}", name, f"Answer {n}.{sample} in style {number}.", sample)
                for n in range(prompts)
                for sample in range(samples)
            ]
            for number, name in enumerate(systems)
        }

    return make
