"""What an interrupted run leaves for the next: answers as they came in, and what is told beside them.

Each of the user's turns has a file of answers that grows by whole groups; what belongs to a group (its errors, the
models that answered) is written before it, so that a kill never leaves an answer whose story is lost. All these files
go when the stage is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Dropped, Response
from handful.generate.systems import Answers, Group, Key

ASKED_AGAIN = "endpoint_error"
"""The rule of failures that the next run asks about again, and tells anew."""


def growing(turn: int) -> str:
    """The name of the file with the answers to the user's turn of that number, from 0."""
    return f"turn-{turn + 1}.partial.jsonl" if turn else "responses.partial.jsonl"


class Kept:
    """The files of one system in its folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.models_file = out / "models.partial.json"
        self.errors_file = out / "errors.partial.jsonl"
        self.errors = [one for one in jsonl.recover(self.errors_file, Dropped) if one.rule != ASKED_AGAIN]
        self.models: set[str] = set()
        if self.models_file.exists():
            self.models = set(msgspec.json.decode(self.models_file.read_bytes(), type=list[str]))
        self.failed: set[Key] = set()
        """Keys that failed in an earlier run."""
        self.told = 0

    def file(self, turn: int) -> Path:
        return self.out / growing(turn)

    def answers(self, turn: int) -> dict[Key, Response]:
        """What was answered to the user's turn of that number, from 0, but for failures."""
        found = {(one.prompt_id, one.sample): one for one in jsonl.recover(self.file(turn), Response)}
        failed = {key for key, response in found.items() if response.finish == "error"}
        self.failed |= failed
        return {key: response for key, response in found.items() if key not in failed}

    def add(self, turn: int, group: Group, answers: Answers) -> None:
        """Make a group durable, with what has come in beside it."""
        if self.told < len(answers.errors):
            jsonl.append(self.errors_file, answers.errors[self.told :])
            self.told = len(answers.errors)
        if not self.models.issuperset(answers.models):
            self.models |= set(answers.models)
            write_whole(self.models_file, jsonl.dumps(sorted(self.models)))
        jsonl.append(self.file(turn), group)

    def all_errors(self, now: Sequence[Dropped]) -> list[Dropped]:
        """Those of earlier runs and of this one, each once, by id."""
        found = {(one.id, one.rule, one.detail): one for one in (*self.errors, *now)}
        return [found[key] for key in sorted(found)]

    def remove(self, turns: int) -> None:
        for path in (*map(self.file, range(turns)), self.errors_file, self.models_file):
            path.unlink(missing_ok=True)
