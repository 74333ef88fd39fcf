"""Small tables of verdicts, written as a user's files would be."""

import pytest

from handful.votes.read import read
from handful.votes.resample import Resampler


@pytest.fixture
def quick():
    return Resampler(draws=1_000)


@pytest.fixture
def table(tmp_path):
    """Write rows "prompt annotator left right choice [group [turn [weight]]]" and read them."""

    def make(rows, **options):
        path = tmp_path / "votes.csv"
        head = "prompt_id,annotator,left,right,choice,group,turn,weight\n"
        lines = [",".join((row.split() + [""] * 8)[:8]) for row in rows]
        path.write_text(head + "\n".join(lines) + "\n")
        return read([path], **options)

    return make
