"""The stage: one source's files in, candidates (community questions) and examples (dialogues as they are) out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from handful.sources.output import Output, output

SHARDS = "shards"

Read = Callable[[str, Any, Mapping[str, int], Output, Path], dict[str, Any]]

SOURCES = {
    "stackexchange": "stackexchange.read",
    "comment_chains": "stackexchange.chains",
    "wikihow": "wikihow.read",
    "reddit": "reddit.read",
    "super_natural_instructions": "instructions.read",
    "authored": "authored",
    "messages": "messages",
}
"""Kind of a source -> the module whose `read(name, source, rules, put, scratch)` reads it. It hands each record to
`put` with the name of its file, may keep what it needs in the folder `scratch`, and returns the counts that the
records do not show."""


def work(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Read the one source in `params`: {name: {"source": its table, "rules": what the scan may apply}}."""
    ((name, entry),) = params.items()
    read: Read = import_module(f"handful.sources.{SOURCES[entry['source'].kind]}").read
    scratch = out / SHARDS
    scratch.mkdir(exist_ok=True)
    with output(out) as put:
        counts = read(name, entry["source"], entry["rules"], put, scratch)
    shutil.rmtree(scratch)
    return {**counts, **put.counts()}
