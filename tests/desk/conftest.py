"""A desk over two small finished folders, as `clean` and `select` leave them, and a real ledger."""

from __future__ import annotations

from contextlib import closing

import pytest

from handful.annotate.ledger import open_ledger
from handful.annotate.reviews import Reviews
from handful.core import jsonl
from handful.core.types import Candidate, Example, Origin, Turn
from handful.desk.desk import open_desk
from handful.recipe.curation import Clean, Select
from handful.run.store import Manifest, write_manifest
from handful.select.work import work

TOPICS = ("kettle", "garden", "violin", "bridge", "harbour", "planet")


def candidates():
    """12 questions of two communities, each about something of its own; the higher the number, the better."""
    return [
        Candidate(
            id=f"{site}/{n}",
            title=f"How do I care for my {topic} number {n}?",
            body=f"It is a {topic} that nobody looked after.",
            answer=f"A {topic} asks for patience. " + f"Clean the {topic} gently and let it rest. " * (n + 1),
            question_score=n,
            answer_score=20,
            origin=Origin("other", site, str(n), f"https://{site}.org/{n}", "Ann", "CC BY-SA 4.0"),
            tags=(topic,),
        )
        for site in ("cooking", "travel")
        for n, topic in enumerate(TOPICS)
    ]


def own_examples():
    return [
        Example(
            f"e/{n}",
            (Turn("user", f"Ask {n}?"), Turn("assistant", f"Answer {n}.")),
            Origin("mine", "mine", str(n)),
        )
        for n in range(2)
    ]


@pytest.fixture
def folders(tmp_path):
    clean, select = tmp_path / "clean", tmp_path / "select"
    for folder in (clean, select):
        folder.mkdir()
    test = Example("t/1", (Turn("user", "How deep may a garden pond of ours be before it needs a fence around it now?"),
                           Turn("assistant", "x")), Origin("t", "t", "1")).prompt()  # fmt: skip
    for name, records in {"candidates": candidates(), "examples": own_examples(), "dev": [], "test": [test],
                          "dropped": []}.items():  # fmt: skip
        jsonl.write(clean / f"{name}.jsonl", records)
    write_manifest(
        clean, Manifest("clean", 1, "0" * 12, {}, {}, {"sources": {"other": {}, "mine": {}}}, {}, {})
    )
    work(Select(quota={"other": 4}), {"clean": clean}, select)
    return clean, select


@pytest.fixture
def ledger(tmp_path):
    with closing(open_ledger(tmp_path / "desk.sqlite", serve=True)) as opened:
        yield opened


@pytest.fixture
def make_desk(folders, ledger):
    """Open the desk (again): everything that it knows comes from the folders and the ledger."""
    return lambda: open_desk(*folders, Reviews(ledger), Clean(), Select(quota={"other": 4}))


@pytest.fixture
def desk(make_desk):
    return make_desk()
