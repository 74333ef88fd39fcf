"""Where a reader puts what it read: the five files of the stage's folder, and how much went into each."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from handful.core import jsonl
from handful.core.types import Dropped, Noun

FILES = ("candidates", "examples", "dev", "test", "dropped")

Put = Callable[[str, Noun], None]


class Output:
    """Call it with a file's name and a record; or hand over the lines of a shard that is done."""

    def __init__(self, files: Mapping[str, BinaryIO]) -> None:
        self.files = files
        self.written: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()

    def __call__(self, file: str, record: Noun) -> None:
        self.files[file].write(jsonl.dumps(record))
        self.written[file] += 1
        if isinstance(record, Dropped):
            self.rules[record.rule] += 1

    def take(self, file: str, lines: Path, records: int, rules: Mapping[str, int] | None = None) -> None:
        """Append a file of `records` lines as it is; `rules` says how many of them each rule dropped."""
        with lines.open("rb") as part:
            shutil.copyfileobj(part, self.files[file], 1 << 20)
        self.written[file] += records
        self.rules.update(rules or {})

    def counts(self) -> dict[str, Any]:
        return {
            **{file: self.written[file] for file in FILES if file != "dropped"},
            "dropped": {rule: n for rule, n in sorted(self.rules.items()) if n},
        }


@contextmanager
def output(folder: Path) -> Iterator[Output]:
    with ExitStack() as stack:
        yield Output({name: stack.enter_context((folder / f"{name}.jsonl").open("wb")) for name in FILES})
