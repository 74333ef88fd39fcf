"""A finished study, as `study` leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handful.core import jsonl
from handful.core.types import Comparison, Submission, Task, Turn
from handful.judge.tasks import WORDINGS
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
def submissions() -> list[Submission]:
    """Two responses for each task that grades one: a short one and a long one."""
    tasks: list[Task] = ["helpfulness", "quality", "safety", "turns"]
    return [
        Submission(f"{task}-{size}", "p0", (Turn("user", "What is 0?"),), "A number. " * size, task)
        for task in tasks
        for size in (1, 200)
    ]


@pytest.fixture
def make_study(tmp_path):
    """The input of a judge: a study folder with these comparisons and submissions."""

    def make(comparisons: list[Comparison], submissions: list[Submission] = ()) -> dict[str, Path]:
        folder = tmp_path / "study"
        (folder / "instructions").mkdir(parents=True, exist_ok=True)
        jsonl.write(folder / "comparisons.jsonl", comparisons)
        jsonl.write(folder / "submissions.jsonl", submissions)
        (folder / "instructions.md").write_text(instructions(), encoding="utf-8")
        for task in WORDINGS:
            (folder / "instructions" / f"{task}.md").write_text(instructions(task), encoding="utf-8")
        return {"study": folder}

    return make


@pytest.fixture
def out(tmp_path) -> Path:
    folder = tmp_path / "judge.partial"
    folder.mkdir()
    return folder
