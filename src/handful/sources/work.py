"""The stage: one source's files in, candidates (community questions) and examples (dialogues as they are) out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.types import Dropped, Noun
from handful.sources import authored, messages
from handful.sources.stackexchange import read as stackexchange

FILES = ("candidates", "examples", "dev", "test", "dropped")

Put = Callable[[str, Noun], None]
SOURCES: dict[str, Callable[[str, Any, Mapping[str, int], Put, Path], dict[str, Any]]] = {
    "stackexchange": stackexchange.read,
    "authored": authored.read,
    "messages": messages.read,
}
"""Kind of a source -> the function that reads it. It hands each record to `put` with the name of its file, may
keep temporary files in the folder it is given, and returns the counts that the records do not show."""


def work(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Read the one source in `params`: {name: {"source": its table, "rules": what the scan may apply}}."""
    ((name, entry),) = params.items()
    written, dropped = Counter[str](), Counter[str]()
    with ExitStack() as stack:
        writers = {file: stack.enter_context(jsonl.writer(out / f"{file}.jsonl")) for file in FILES}

        def put(file: str, record: Noun) -> None:
            writers[file](record)
            written[file] += 1
            if isinstance(record, Dropped):
                dropped[record.rule] += 1

        counts = SOURCES[entry["source"].kind](name, entry["source"], entry["rules"], put, out)
    return {
        **counts,
        **{file: written[file] for file in FILES if file != "dropped"},
        "dropped": dict(sorted(dropped.items())),
    }
