import json

import msgspec
import pytest

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Example, Prompt
from handful.dataset.neighbours import Neighbour
from handful.dataset.work import work
from handful.recipe.curation import Clean, Dataset, Select
from handful.run.store import Manifest, write_manifest


@pytest.fixture
def inputs(tmp_path, make_example):
    """Finished folders of `clean` and `select`, as their manifests and lines would be."""
    clean, select = tmp_path / "clean", tmp_path / "select"
    for folder in (clean, select):
        folder.mkdir()
    train = [
        *(make_example(f"q/{n}", license="CC BY-SA 4.0", tags=("prompt=title",)) for n in range(6)),
        make_example("q/7", "Question Q/0?"),
        make_example("e/1", source="authored", author="a language model", tags=("needs=editing",)),
    ]
    splits = {"train": train, "dev": [], "test": [make_example("t/1", "question q/5").prompt()]}
    for name, records in splits.items():
        jsonl.write(select / f"{name}.jsonl", records)
    taken = {"no_answer": 2, "low_score": 1990}
    counts = {"candidates": 2000, "kept": 8, "dropped": taken, "sources": {}}
    params = msgspec.to_builtins(Clean(drop_first_person=False))
    write_manifest(clean, Manifest("clean", 1, "0" * 12, params, {}, counts, {}, {}))
    counts = {
        "available": {"authored": 1, "other": 7},
        "drawn": {"authored": 1, "other": 7},
        "communities": {"authored": {"cooking": 1}, "other": {"cooking": 7}},
        "prompts": {"title": 6, "body": 0},
    }
    write_manifest(select, Manifest("select", 1, "0" * 12, msgspec.to_builtins(Select()), {}, counts, {}, {}))
    return {"clean": clean, "select": select}


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    return folder


def test_the_folder_holds_splits_a_card_a_table_and_credits(inputs, out):
    assert work(Dataset(), inputs, out) == {
        "train": 6,
        "dev": 0,
        "test": 1,
        "dropped": {"also_in_test": 1, "duplicate": 1},
    }
    names = {path.name for path in out.iterdir()}
    assert names == {
        *(f"{name}.jsonl" for name in ("train", "dev", "test", "dropped")),
        *("README.md", "table.json", "attribution.csv"),
    }
    assert [e.id for e in jsonl.read(out / "train.jsonl", Example)] == [
        "q/0",
        "q/1",
        "q/2",
        "q/3",
        "q/4",
        "e/1",
    ]
    assert len((out / "attribution.csv").read_text().splitlines()) == 1 + 7
    rows = json.loads((out / "table.json").read_text())
    assert [(row["split"], row["source"], row["examples"]) for row in rows] == [
        ("train", "other", 5),
        ("train", "authored", 1),
        ("test", "other", 1),
    ]


def test_the_card_shows_rules_with_their_values_and_what_they_took(inputs, out):
    work(Dataset(), inputs, out)
    card = (out / "README.md").read_text()
    for line in (
        "- cc-by-sa-4.0",
        "| low_score | the answer's score is below 10 | 1,990 | 8 |",
        "| too_long | the answer is longer than 4,096 characters | 0 | 8 |",
        "| first_person | switched off | 0 | 8 |",
        "| no_answer | there is no answer | 2 | 1,998 |",
        "| other | 7 | 7 | cooking (7) |",
        "**Written by a language model**, as their author field says: 1 of them, by a language model (1).",
        "**Drafts**: 1 of them are tagged `needs=editing`",
        "| [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/) | 5 |",
    ):
        assert line in card
    assert "dev.jsonl" not in card  # an empty split cannot be loaded from the card


def test_it_makes_the_same_bytes_over_a_half_written_folder(inputs, out, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    (again / "train.jsonl").write_text('{"half')
    work(Dataset(dev=2), inputs, out)
    work(Dataset(dev=2), inputs, again)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in again.iterdir()
    }


def test_too_large_a_dev_split_is_an_error(inputs, out):
    with pytest.raises(DataError, match=r"dataset\.dev: asked for 6"):
        work(Dataset(dev=6), inputs, out)


def test_nothing_is_tagged_or_varied_unless_asked(inputs, out):
    work(Dataset(), inputs, out)
    assert not (out / "neighbours.jsonl").exists()
    assert [prompt.tags for prompt in jsonl.read(out / "test.jsonl", Prompt)] == [()]


def test_prompts_without_a_neighbour_are_tagged_and_the_neighbours_written(inputs, out, make_example):
    test = [make_example("t/1", "question q/5"), make_example("t/2", "Write a poem about tin.")]
    jsonl.write(inputs["select"] / "test.jsonl", [one.prompt() for one in test])
    counts = work(Dataset(out_of_distribution=True, variants=("shouting",)), inputs, out)
    assert (counts["test"], counts["out_of_distribution"], counts["variants"]) == (4, 1, {"shouting": 2})
    near, far = jsonl.read(out / "neighbours.jsonl", Neighbour)
    assert (near.id, near.ood) == ("t/1", False)
    assert near.nearest.startswith("q/")
    assert (far.id, far.form, far.nearest, far.ood) == ("t/2", "poem", "", True)
    tags = {prompt.id: prompt.tags for prompt in jsonl.read(out / "test.jsonl", Prompt)}
    assert tags["t/1~shouting"] == ("variant_of:t/1", "variant:shouting")
    assert tags["t/2~shouting"] == ("ood", "variant_of:t/2", "variant:shouting")


def test_the_card_says_what_variants_are_and_its_table_leaves_them_out(inputs, out):
    work(Dataset(variants=("shouting", "prefix")), inputs, out)
    assert "**Variants**: 2 of the test prompts" in (out / "README.md").read_text()
    rows = json.loads((out / "table.json").read_text())
    assert [row["examples"] for row in rows if row["split"] == "test"] == [1]


def test_a_variant_of_no_test_prompt_is_refused_before_anything_is_written(inputs, out, make_example):
    wrong = make_example("t/2", "In other words", tags=("variant_of:t/7",)).prompt()
    jsonl.write(inputs["select"] / "test.jsonl", [wrong])
    with pytest.raises(DataError, match=r"t/2 is a variant of 't/7', which is no test prompt"):
        work(Dataset(), inputs, out)
    assert not (out / "test.jsonl").exists()
