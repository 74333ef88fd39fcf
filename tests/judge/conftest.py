"""A finished study, as `study` leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handful.core import jsonl
from handful.core.types import Comparison, Turn
from handful.study.work import instructions


def comparison(number: int, left: str, right: str) -> Comparison:
    return Comparison(f"c{number}", f"p{number}", (Turn("user", f"What is {number}?"),), left, right)


@pytest.fixture
def comparisons() -> list[Comparison]:
    """Six comparisons; the left side is longer in the even ones, and in the last both are as long."""
    long, short = "It is a number, and here is why that is so.", "A number."
    made = [comparison(n, *((long, short) if n % 2 == 0 else (short, long))) for n in range(5)]
    return [*made, comparison(5, "Five, then.", "Then, five.")]


@pytest.fixture
def make_study(tmp_path):
    """The input of a judge: a study folder with these comparisons."""

    def make(comparisons: list[Comparison]) -> dict[str, Path]:
        folder = tmp_path / "study"
        folder.mkdir(exist_ok=True)
        jsonl.write(folder / "comparisons.jsonl", comparisons)
        (folder / "instructions.md").write_text(instructions(), encoding="utf-8")
        return {"study": folder}

    return make


@pytest.fixture
def out(tmp_path) -> Path:
    folder = tmp_path / "judge.partial"
    folder.mkdir()
    return folder
