"""What is exported comes back: through `kind = "messages"`, in every format, with the same words."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core.types import Example, Origin, Turn
from handful.dataset.layouts import LAYOUTS
from handful.dataset.parquet import write_rows
from handful.recipe.sources import Messages
from handful.recipe.values import InputPath
from handful.sources.messages import read

CREDITED = ("messages", "parquet", "alpaca")
"""Formats whose rows say themselves whom to credit."""

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@st.composite
def dialogues(draw):
    texts = draw(st.lists(words, min_size=2, max_size=6).filter(lambda texts: len(texts) % 2 == 0))
    turns = tuple(Turn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    origin = Origin("mine", draw(names), "item", *(draw(names) for _ in range(4)))
    return turns, origin, tuple(draw(st.lists(names, max_size=3)))


def written_and_read(records, format, path, split="train"):
    layout = LAYOUTS[format]
    rows = [layout.row(record) for record in records]
    if layout.suffix == "parquet":
        write_rows(rows, path, layout.columns)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = []
    source = Messages(kind="messages", paths=(InputPath(str(path)),), split=split)
    read("mine", source, {}, lambda file, record: found.append((file, record)), path)
    assert {file for file, _ in found} == {"test" if split == "test" else "examples"}
    return [record for _, record in found]


@pytest.mark.parametrize("format", LAYOUTS)
@given(st.lists(dialogues(), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_every_dialogue_comes_back_word_for_word_and_with_its_credit(tmp_path_factory, format, made):
    records = [Example(f"mine/{n}", *parts) for n, parts in enumerate(made)]
    path = tmp_path_factory.getbasetemp() / f"trip.{LAYOUTS[format].suffix}"
    back = written_and_read(records, format, path)
    assert [record.turns for record in back] == [record.turns for record in records]
    if format in CREDITED:
        for one, two in zip(records, back, strict=True):
            assert (two.id, two.tags) == (one.id, one.tags)
            for field in ("source", "title", "url", "author", "license"):
                assert getattr(two.origin, field) == getattr(one.origin, field)


@pytest.mark.parametrize("format", LAYOUTS)
@given(dialogues())
@settings(max_examples=20, deadline=None)
def test_prompts_come_back_as_prompts(tmp_path_factory, format, parts):
    prompt = Example("mine/1", *parts).prompt()
    path = tmp_path_factory.getbasetemp() / f"prompt.{LAYOUTS[format].suffix}"
    (back,) = written_and_read([prompt], format, path, split="test")
    assert back.turns == prompt.turns


def test_the_community_comes_back_below_its_source(tmp_path):
    turns = (Turn("user", "Why?"), Turn("assistant", "So."))
    records = [
        Example("a", turns, Origin("stem", "physics.stackexchange.com", "1")),
        Example("b", turns, Origin("authored", "authored", "2")),
    ]
    back = written_and_read(records, "messages", tmp_path / "x.jsonl")
    assert [record.origin.community for record in back] == ["stem/physics.stackexchange.com", "authored"]


def test_a_row_of_each_format(make_example):
    turns = tuple(Turn("assistant" if n % 2 else "user", text) for n, text in enumerate("abcd"))
    origin = Origin("stem", "physics", "q/1", "https://x.org/a/2", "Ann", "CC BY-SA 4.0", "Why?")
    example = Example("physics/1", turns, origin, ("tag=optics",))
    credit = {
        "source": "stem",
        "community": "physics",
        "title": "Why?",
        "url": "https://x.org/a/2",
        "author": "Ann",
        "license": "CC BY-SA 4.0",
        "tags": ["tag=optics"],
    }
    assert LAYOUTS["messages"].row(example) == {
        "id": "physics/1",
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": "d"},
        ],
        **credit,
    }
    assert LAYOUTS["conversations"].row(example) == {
        "conversations": ["a", "b", "c", "d"],
        "source": "stackexchange",
    }
    assert LAYOUTS["alpaca"].row(example) == {
        "id": "physics/1",
        "instruction": "c",
        "input": "",
        "output": "d",
        "history": [["a", "b"]],
        **credit,
    }
    assert LAYOUTS["conversations"].row(example.prompt())["conversations"] == ["a", "b", "c"]
    assert LAYOUTS["alpaca"].row(example.prompt())["output"] == ""


def test_a_row_has_the_columns_that_the_card_states(make_example):
    for layout in LAYOUTS.values():
        for record in (make_example("a"), make_example("a").prompt()):
            assert list(layout.row(record)) == list(layout.columns)


@pytest.mark.parametrize(
    ("ours", "released"),
    [
        ("stem", "stackexchange"),
        ("other", "stackexchange"),
        ("wikihow", "wikihow"),
        ("writing_prompts", "pushshift_r_writing_prompts"),
        ("natural_instructions", "natural_instructions"),
        ("authored", "paper_authors"),
        ("askreddit", "pushshift_r_askreddit"),
        ("dialogues", "multi_turn"),
        ("my_own", "my_own"),
    ],
)
def test_sources_have_the_releases_names(make_example, ours, released):
    assert LAYOUTS["conversations"].row(make_example("a", source=ours))["source"] == released


def test_limas_own_rows_come_out_as_they_went_in(shared_data, tmp_path):
    path = shared_data / "lima" / "derived_train.jsonl"
    found = []
    read(
        "lima",
        Messages(kind="messages", paths=(InputPath(str(path)),)),
        {},
        lambda file, record: found.append(record),
        Path(tmp_path),
    )
    ours = [LAYOUTS["conversations"].row(record)["conversations"] for record in found]
    theirs = [json.loads(line)["conversations"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert ours == theirs
