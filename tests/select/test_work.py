import pytest

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example, Origin
from handful.recipe.curation import Select
from handful.select.work import work


@pytest.fixture
def inputs(make_clean, make_candidate, make_example):
    return make_clean(
        candidates=[
            make_candidate(
                id=f"{name}/{n}", title=f"{name} {n}?", question_score=n, origin=Origin("other", name, str(n))
            )
            for name in ("cooking", "travel")
            for n in range(10)
        ],
        examples=[make_example(f"e/{n}") for n in range(5)],
        dev=[make_example("d/1")],
        test=[make_example("t/1").prompt()],
        sources={"other": {}, "authored": {}},
    )


def ids(path, kind):
    return [record.id for record in jsonl.read(path, kind)]


def test_so_many_of_each_source_are_drawn_and_the_rest_is_named(inputs, tmp_path):
    counts = work(Select(quota={"other": 8}), inputs, tmp_path)
    train = ids(tmp_path / "train.jsonl", Example)
    assert train[:5] == [f"e/{n}" for n in range(5)]
    assert len(train) == len(set(train)) == 13
    left = {line.id: line.detail for line in jsonl.read(tmp_path / "not_drawn.jsonl", Dropped)}
    assert len(left) == 12
    assert not set(left) & set(train)
    shares = counts["communities"]["other"]
    assert left["cooking/0"] == f"{shares['cooking']} of 10 drawn from cooking, question score 0"
    assert sum(shares.values()) == sum(counts["prompts"].values()) == 8
    assert counts["available"] == {"authored": 5, "other": 20}
    assert counts["drawn"] == {"authored": 5, "other": 8}


def test_ready_made_examples_obey_a_quota_and_keep_their_order(inputs, tmp_path):
    work(Select(quota={"other": 0, "authored": 3}), inputs, tmp_path)
    train = ids(tmp_path / "train.jsonl", Example)
    assert len(train) == 3
    assert train == sorted(train)


def test_dev_and_test_pass_through_whole(inputs, tmp_path):
    work(Select(quota={}), inputs, tmp_path)
    for split in ("dev", "test"):
        assert (tmp_path / f"{split}.jsonl").read_bytes() == (inputs["clean"] / f"{split}.jsonl").read_bytes()


def test_the_same_seed_makes_the_same_bytes_over_a_half_written_folder(inputs, tmp_path):
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        folder.mkdir()
    (again / "train.jsonl").write_text('{"half')
    assert work(Select(quota={"other": 8}), inputs, once) == work(Select(quota={"other": 8}), inputs, again)
    assert {p.name: p.read_bytes() for p in once.iterdir()} == {
        p.name: p.read_bytes() for p in again.iterdir()
    }


def test_more_than_there_is_is_an_error(inputs, tmp_path):
    with pytest.raises(DataError, match=r"select\.quota\.other: asked for 21, but the rules left 20;"):
        work(Select(quota={"other": 21}), inputs, tmp_path)
