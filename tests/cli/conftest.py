"""A small work folder as stages leave it, made by hand: two sources, and what `clean` did with them."""

from __future__ import annotations

import msgspec
import pytest

from handful.core import jsonl
from handful.core.types import Candidate, Dropped, Example, Origin, Turn
from handful.run.store import Manifest, content_hashes, write_manifest

BEER = "beer.stackexchange.com"


@pytest.fixture
def finish(tmp_path):
    """Make a finished folder of records: {file: records}."""

    def finish(step, key, files, counts, inputs=None):
        folder = tmp_path / "work" / f"{step.replace('/', '-')}-{key}"
        folder.mkdir(parents=True)
        for name, records in files.items():
            jsonl.write(folder / name, records)
        manifest = Manifest(step, 1, key, {}, inputs or {}, counts, content_hashes(folder), {})
        write_manifest(folder, manifest)
        return folder

    return finish


def question(number, answer, **changes):
    """A question of the dump, its answer being number + 100."""
    found = Candidate(
        id=f"{BEER}/{number}",
        title="Ale &amp; lager?",
        body="<p>Which is <b>which</b>?</p>",
        answer=answer,
        question_score=20,
        answer_score=1_234,
        origin=Origin(
            "se",
            BEER,
            f"q/{number}/a/{number + 100}",
            f"https://{BEER}/a/{number + 100}",
            "ann",
            "CC BY-SA 4.0",
        ),
    )
    return msgspec.structs.replace(found, **changes)


@pytest.fixture
def work(finish, tmp_path):
    """What two sources and `clean` leave: question 1 is kept, 2 says "My", 3 and 4 fell while reading."""
    kept = question(1, "<p>Ale ferments warm.</p>")
    dropped = question(
        2, f"<pre><code>My = 1</code></pre><p>{'Long ago. ' * 80}My uncle brews.</p><p>The end.</p>"
    )
    said = Example(
        "talk/1",
        (Turn("user", "Hello?"), Turn("assistant", "As I said, hello.")),
        Origin("talk", "talk", "1"),
    )
    finish(
        "sources/se",
        "aaa",
        {
            "candidates.jsonl": [kept, dropped],
            "examples.jsonl": [],
            "dropped.jsonl": [
                Dropped(f"{BEER}/3", "low_score", "top answer 103 has score 2, below 10"),
                Dropped(f"{BEER}/4", "too_short", "top answer 104 has 12 bytes"),
            ],
        },
        {
            "questions": 4,
            "candidates": 2,
            "dropped": {"low_score": 1, "too_short": 1},
            "communities": {BEER: 4},
        },
    )
    finish(
        "sources/talk",
        "bbb",
        {"examples.jsonl": [said], "dropped.jsonl": []},
        {"candidates": 0, "examples": 1, "dropped": {}},
    )
    finish(
        "clean",
        "ccc",
        {
            "candidates.jsonl": [
                question(1, "Ale ferments warm.", title="Ale & lager?", body="Which is which?")
            ],
            "examples.jsonl": [],
            "dropped.jsonl": [
                Dropped(f"{BEER}/2", "first_person", 'says "My"'),
                Dropped("talk/1", "cross_reference", 'says "As I said"'),
            ],
        },
        {
            "candidates": 5,
            "kept": 1,
            "dropped": {"low_score": 1, "too_short": 1, "first_person": 1, "cross_reference": 1},
            "sources": {"se": {"candidates": 4, "kept": 1, "dropped": {"low_score": 1}}},
        },
        {"sources/se": "aaa", "sources/talk": "bbb"},
    )
    return tmp_path / "work"
