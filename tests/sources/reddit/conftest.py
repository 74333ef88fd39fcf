"""Small dumps written on the spot, in the form of the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from handful.core import jsonl
from handful.core.types import Dropped, Example, Prompt
from handful.recipe.sources import Reddit
from handful.recipe.values import InputPath
from handful.sources.work import work

STORY = "The sea left on a Tuesday. " * 12


@pytest.fixture
def submission() -> Callable[..., dict[str, Any]]:
    """A row of 2019; name what should differ, or None as "missing" to leave a field out."""
    return lambda id="abc", /, **changed: _row(
        {
            "author": "ann",
            "distinguished": None,
            "domain": "self.WritingPrompts",
            "id": id,
            "is_self": True,
            "num_comments": 3,
            "over_18": False,
            "removed_by_category": None,
            "score": 50,
            "selftext": "",
            "stickied": False,
            "subreddit": "WritingPrompts",
            "title": f"[WP] The sea has left {id}.",
        },
        changed,
    )


@pytest.fixture
def comment() -> Callable[..., dict[str, Any]]:
    """A top-level comment of 2019, long enough to be kept."""
    return lambda id="c1", thread="abc", /, **changed: _row(
        {
            "author": "bob",
            "body": f"{STORY}({id})",
            "distinguished": None,
            "id": id,
            "link_id": f"t3_{thread}",
            "parent_id": f"t3_{thread}",
            "score": 20,
            "stickied": False,
            "subreddit": "WritingPrompts",
        },
        changed,
    )


def _row(fields: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **changed}.items() if value != "missing"}


@pytest.fixture
def dump(tmp_path) -> Callable[..., Path]:
    """Write rows, or raw lines, as compact JSON lines; packed where the name ends in .zst."""

    def write(*rows: dict[str, Any] | bytes, name: str = "RS_2019-10.zst", **options: Any) -> Path:
        path = tmp_path / name
        content = b"".join(
            (row if isinstance(row, bytes) else json.dumps(row, separators=(",", ":"), **options).encode())
            + b"\n"
            for row in rows
        )
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pack(content) if path.suffix == ".zst" else content)
        return path

    return write


def pack(content: bytes, window_log: int = 31) -> bytes:
    """One frame, without its content's size, as Pushshift's."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=window_log)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(content) + packer.flush()


class Found:
    """What the stage wrote for one source."""

    def __init__(self, folder: Path, counts: dict[str, Any]) -> None:
        self.counts = counts
        self.examples = list(jsonl.read(folder / "examples.jsonl", Example))
        self.dev = list(jsonl.read(folder / "dev.jsonl", Example))
        self.test = list(jsonl.read(folder / "test.jsonl", Prompt))
        self.dropped = list(jsonl.read(folder / "dropped.jsonl", Dropped))
        self.reasons = {dropped.id: dropped.rule for dropped in self.dropped}


@pytest.fixture
def curate(tmp_path) -> Callable[..., Found]:
    """Run the stage over files."""
    runs = iter(range(1000))

    def run(submissions: Any, comments: Any = (), **settings: Any) -> Found:
        out = tmp_path / f"out-{next(runs)}"
        out.mkdir()
        source = Reddit(kind="reddit", submissions=_paths(submissions), comments=_paths(comments), **settings)
        return Found(out, work({"writing_prompts": {"source": source, "rules": {}}}, {}, out))

    return run


def _paths(paths: Any) -> tuple[InputPath, ...]:
    return tuple(InputPath(str(path)) for path in ([paths] if isinstance(paths, Path) else paths))
