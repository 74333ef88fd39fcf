import pytest

from handful.core import jsonl
from handful.core.types import Example, Origin, Prompt, Turn
from handful.run.store import Manifest, write_manifest


@pytest.fixture
def make_example():
    def make(id="a/1", asked="How deep is the sea?", answered="Very.", source="authored"):
        return Example(id, (Turn("user", asked), Turn("assistant", answered)), Origin(source, source, id))

    return make


@pytest.fixture
def make_prompt():
    def make(id="t/1", asked="How high is the sky?"):
        return Prompt(id, (Turn("user", asked),), Origin("tests", "tests", id))

    return make


@pytest.fixture
def make_source(tmp_path):
    """A finished folder of the stage `sources`, with what is given in it."""

    def make(name="other", *, candidates=(), examples=(), dev=(), test=(), dropped=None):
        folder = tmp_path / f"sources-{name}"
        folder.mkdir()
        contents = {"candidates": candidates, "examples": examples, "dev": dev, "test": test, "dropped": ()}
        for kind, records in contents.items():
            jsonl.write(folder / f"{kind}.jsonl", records)
        counts = {"candidates": len(candidates), "examples": len(examples), "dropped": dropped or {}}
        write_manifest(folder, Manifest(f"sources/{name}", 1, "0" * 12, {}, {}, counts, {}, {}))
        return {f"sources/{name}": folder}

    return make
