import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.core.text import prompt_key
from handful.core.types import Example, Origin, Turn
from handful.dataset.splits import split
from handful.recipe.curation import Dataset


def ids(records):
    return [record.id for record in records]


def test_test_wins_over_dev_and_dev_over_train(make_example):
    splits = split(
        train=[
            make_example("r1", "In test?"),
            make_example("r2", "in dev"),
            make_example("r3"),
            make_example("r4", "IN DEV"),
        ],
        dev=[make_example("d1", "In dev"), make_example("d2", "in test!")],
        test=[make_example("t1", "in test").prompt()],
        params=Dataset(),
    )
    assert (ids(splits.train), ids(splits.dev), ids(splits.test)) == (["r3"], ["d1"], ["t1"])
    assert [(line.id, line.rule, line.detail) for line in splits.dropped] == [
        ("d2", "also_in_test", "same prompt as t1"),
        ("r1", "also_in_test", "same prompt as t1"),
        ("r2", "also_in_dev", "same prompt as d1"),
        ("r4", "also_in_dev", "same prompt as d1"),
    ]


def test_of_two_in_train_the_first_stays(make_example):
    splits = split([make_example("a", "x"), make_example("b", "X.")], [], [], Dataset())
    assert ids(splits.train) == ["a"]
    assert [(line.id, line.rule) for line in splits.dropped] == [("b", "duplicate")]


def test_test_is_never_cut(make_example):
    prompts = [make_example(id, "same").prompt() for id in ("t1", "t2")]
    assert split([], [], prompts, Dataset()).test == prompts


def test_dev_is_moved_from_train_in_order_where_no_source_gives_one(make_example):
    train = [make_example(f"{n:02}") for n in range(20)]
    splits = split(train, [], [], Dataset(dev=5))
    assert len(splits.dev) == 5
    assert ids(splits.dev) == sorted(ids(splits.dev))
    assert sorted(ids(splits.train) + ids(splits.dev)) == ids(train)
    assert ids(split(train, [], [], Dataset(dev=5)).dev) == ids(splits.dev)
    assert any(
        ids(split(train, [], [], Dataset(dev=5, seed=seed)).dev) != ids(splits.dev) for seed in (1, 2, 3)
    )


def test_a_source_that_gives_dev_is_enough(make_example):
    splits = split([make_example(str(n)) for n in range(9)], [make_example("d")], [], Dataset(dev=5))
    assert ids(splits.dev) == ["d"]


def test_dev_may_not_take_everything(make_example):
    with pytest.raises(
        DataError, match=r"dataset\.dev: asked for 3, but only 3 examples are left to train on"
    ):
        split([make_example(str(n)) for n in range(3)], [], [], Dataset(dev=3))


ASKED = st.lists(st.sampled_from(["a", "A?", "b", " b ", "c d", "C  d", "e"]), max_size=8)


@given(ASKED, ASKED, ASKED)
def test_no_prompt_stands_in_two_places_and_nothing_is_lost(train, dev, test):
    made = {
        name: [
            Example(f"{name}{n}", (Turn("user", text), Turn("assistant", "y")), Origin("s", "c", str(n)))
            for n, text in enumerate(asked)
        ]
        for name, asked in {"train": train, "dev": dev, "test": test}.items()
    }
    splits = split(made["train"], made["dev"], [example.prompt() for example in made["test"]], Dataset())
    keys = [{prompt_key(d.turns[0].text) for d in part} for part in (splits.train, splits.dev, splits.test)]
    assert len(keys[0] | keys[1] | keys[2]) == sum(map(len, keys))
    assert len(keys[0]) == len(splits.train)
    kept = len(splits.train) + len(splits.dev) + len(splits.test)
    assert kept + len(splits.dropped) == len(train) + len(dev) + len(test)
