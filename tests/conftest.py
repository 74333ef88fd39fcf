"""Small values that many tests start from, and where real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from handful.core.types import Candidate, Origin

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach for a model hub
ROOT = Path(__file__).parents[1]


@pytest.fixture
def make_candidate():
    """A candidate that every rule keeps; name what should differ."""
    good = Candidate(
        id="cooking/1",
        title="How can rice be kept from sticking?",
        body="It always sticks to the pot.",
        answer="word " * 300,
        question_score=30,
        answer_score=12,
        origin=Origin("other", "cooking", "q/1/a/2", license="CC BY-SA 4.0"),
    )
    return lambda **changes: msgspec.structs.replace(good, **changes)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that is not part of the repository: $HANDFUL_TEST_DATA or ../shared/data."""
    folder = Path(os.environ.get("HANDFUL_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real data, which is not at {folder}; set HANDFUL_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT
