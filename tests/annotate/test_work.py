"""The stage waits for people, and writes the same bytes for the same ledger."""

import pytest

from handful.annotate.work import read_study, work
from handful.core import jsonl
from handful.core.errors import DataError, Waiting
from handful.core.types import Verdict
from handful.recipe.evaluation import Annotate


@pytest.fixture
def inputs(tmp_path, study):
    """A study's folder as its stage leaves it. What is sealed cannot be read here: it is no file of the right kind."""
    folder = tmp_path / "study-0123456789ab"
    (folder / "sealed" / "key.jsonl").mkdir(parents=True)
    jsonl.write(folder / "comparisons.jsonl", study.comparisons)
    (folder / "instructions.md").write_text(study.instructions)
    return {"study": folder}


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "annotate-0123456789ab.partial"
    folder.mkdir()
    return folder


def test_a_recipe_without_people_passes_through(inputs, out, tmp_path):
    assert work(Annotate(), inputs, out) == {"people": 0, "verdicts": 0, "wanted": 0}
    assert (out / "verdicts.jsonl").read_bytes() == b""
    assert not (tmp_path / "people.sqlite").exists()


def test_it_waits_and_says_how_far_people_are(inputs, out, study, ledger, give):
    with pytest.raises(
        Waiting, match=r"^0 of 12 verdicts given; people answer at: handful serve study RECIPE$"
    ):
        work(Annotate(people=2), inputs, out)
    for comparison in study.comparisons:
        give(ledger, "ann", comparison)
    with pytest.raises(Waiting, match=r"^6 of 12 verdicts given"):
        work(Annotate(people=2), inputs, out)
    assert list(out.iterdir()) == []


def test_looking_for_answers_makes_no_ledger(inputs, out, tmp_path):
    with pytest.raises(Waiting, match="0 of 6"):
        work(Annotate(people=1), inputs, out)
    assert not (tmp_path / "people.sqlite").exists()


def test_enough_answers_become_verdicts(inputs, out, study, ledger, give):
    for comparison in study.comparisons:
        give(ledger, "ann", comparison, "first", "swapped")
        give(ledger, "ben", comparison, "neither")
    assert work(Annotate(people=2), inputs, out) == {"people": 2, "verdicts": 12, "wanted": 12}
    written = list(jsonl.read(out / "verdicts.jsonl", Verdict))
    assert written[:2] == [
        Verdict("c0", "ann", "right", "swapped", raw="A"),
        Verdict("c0", "ben", "tie", "forward", raw="neither"),
    ]
    before = (out / "verdicts.jsonl").read_bytes()
    work(Annotate(people=2), inputs, out)
    assert (out / "verdicts.jsonl").read_bytes() == before


def test_the_order_of_answering_does_not_show(inputs, out, study, open_ledger, give, tmp_path):
    made = []
    for number, comparisons in enumerate([study.comparisons, study.comparisons[::-1]]):
        root = tmp_path / str(number)
        (root / "out").mkdir(parents=True)
        ledger = open_ledger(f"{number}/people.sqlite")
        for comparison in comparisons:
            give(ledger, "ann", comparison)
        work(Annotate(people=1), inputs, root / "out")
        made.append((root / "out" / "verdicts.jsonl").read_bytes())
    assert made[0] == made[1]


def test_an_undone_answer_is_missing_again(inputs, out, study, ledger, give):
    entries = [give(ledger, "ann", comparison) for comparison in study.comparisons]
    ledger.undo("ann", entries[0].id)
    with pytest.raises(Waiting, match=r"^5 of 6"):
        work(Annotate(people=1), inputs, out)


def test_a_study_without_instructions_is_named(inputs):
    (inputs["study"] / "instructions.md").unlink()
    with pytest.raises(DataError, match=r"instructions\.md"):
        read_study(inputs["study"])
