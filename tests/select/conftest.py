import pytest

from handful.core import jsonl
from handful.core.types import Example, Origin, Turn
from handful.run.store import Manifest, write_manifest
from handful.select.sample import Entry


@pytest.fixture
def make_entry():
    return lambda id, community="a", score=0, source="s", place=0: Entry(id, source, community, score, place)


@pytest.fixture
def make_example():
    def make(id, source="authored", community="us"):
        return Example(
            id, (Turn("user", f"ask {id}"), Turn("assistant", "yes")), Origin(source, community, id)
        )

    return make


@pytest.fixture
def make_clean(tmp_path):
    """A finished folder of the stage `clean`, with what is given in it."""

    def make(*, candidates=(), examples=(), dev=(), test=(), sources):
        folder = tmp_path / "clean"
        folder.mkdir()
        for kind, records in {
            "candidates": candidates,
            "examples": examples,
            "dev": dev,
            "test": test,
        }.items():
            jsonl.write(folder / f"{kind}.jsonl", records)
        write_manifest(folder, Manifest("clean", 1, "0" * 12, {}, {}, {"sources": sources}, {}, {}))
        return {"clean": folder}

    return make
