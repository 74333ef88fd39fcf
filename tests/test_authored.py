"""The set that comes with Handful keeps every rule that a machine can see. What is right, people have to say."""

import json
from collections import Counter

import pytest

from handful import STAGES, execute, load, plan
from handful.core import jsonl
from handful.core.types import Example
from handful.experiments import alike
from handful.experiments.authored_set import Given, elsewhere, findings, read_given, read_set
from handful.experiments.coverage import counts, group, lengths
from handful.experiments.covered import by_split, topics
from handful.experiments.style import FORMS
from handful.run.store import read_manifest
from handful.sources.authored import SHIPPED

COUNTS = {
    ("train", "plain"): 181,
    ("train", "refusal"): 13,
    ("train", "structure"): 6,
    ("train", "dialogue"): 10,
    ("dev", "plain"): 50,
    ("test", "plain"): 200,
    ("test", "sensitive"): 30,
}
OWN_ROWS = (401, 600)
"""Of LIMA's released rows: those that its authors wrote."""


@pytest.fixture(scope="module")
def pieces():
    return read_set(SHIPPED)


def test_it_has_as_many_of_each_kind_as_the_paper(pieces):
    assert Counter((one.split, one.kind) for one in pieces) == COUNTS
    assert counts(pieces, "intent")["test"] == {"malicious": 10, "benign": 20, "": 200}


def test_every_file_says_who_wrote_it_and_on_what_terms(pieces):
    assert {one.keys["author"] for one in pieces} == {"Handful (written by a language model)"}
    assert {one.keys["license"] for one in pieces} == {"CC BY 4.0"}


def test_no_file_breaks_a_rule(pieces):
    assert [f"{each.file}: {each.rule}: {each.words}" for each in findings(pieces)] == []


def test_it_is_diverse_in_form_and_topic(pieces):
    forms, topics_ = counts(pieces, "form"), counts(pieces, "topic")
    for split in ("train", "test"):
        assert set(forms[split]) == set(FORMS), f"every form is asked for in {split}"
        assert max(forms[split].values()) <= 0.2 * forms[split].total()
        assert len(topics_[split]) >= 60
        assert max(topics_[split].values()) <= 0.1 * topics_[split].total()


def test_its_lengths_are_near_those_of_table_1(pieces):
    """40 tokens in, 334 out; English has about 0.75 words a token."""
    of = {(each.group, each.side): each.words.estimate for each in lengths(pieces)}
    assert of["train", "in"] == pytest.approx(0.75 * 40, rel=0.3)
    assert of["train", "out"] == pytest.approx(0.75 * 334, rel=0.15)


def test_its_answers_vary_in_length(pieces):
    (out,) = [each for each in lengths(pieces) if (each.group, each.side) == ("train", "out")]
    assert out.shortest < 100
    assert out.longest > 400


def test_nothing_of_it_stands_in_lima(pieces, shared_data):
    rows = read_given(shared_data / "lima" / "derived_train.jsonl")
    prompts = read_given(shared_data / "lima" / "lima_test_set.jsonl")
    assert (len(rows.dialogues), len(prompts.dialogues)) == (1029, 300)
    assert [*elsewhere(pieces, rows), *elsewhere(pieces, prompts)] == []


def test_its_prompts_are_as_far_apart_as_those_of_limas_authors(pieces, shared_data):
    own = [one.prompts[0] for one in pieces if group(one) == "train"]
    theirs = read_given(shared_data / "lima" / "derived_train.jsonl", OWN_ROWS).prompts()
    assert len(own) == len(theirs) == 200
    ours, paper = (alike.spread(alike.nearest(made)) for made in alike.vectors([own, theirs]))
    assert ours.mean <= paper.mean
    assert ours.highest <= paper.highest


def test_nothing_of_it_stands_in_the_demo(pieces, repository):
    demo = read_set(repository / "data" / "demo" / "authored")
    given = Given("the demo", [one.turns for one in demo])
    assert [*elsewhere(pieces, given)] == []


def test_a_recipe_without_paths_takes_all_of_it_and_no_rule_of_clean_drops_any(tmp_path):
    recipe = tmp_path / "own.toml"
    recipe.write_text(
        'name = "own"\n[sources.authored]\nkind = "authored"\n[select]\nquota = { authored = 210 }\n'
    )
    steps = plan(STAGES, load(recipe), tmp_path / "work", "dataset")
    execute(steps, tmp_path / "work")
    counted = read_manifest(steps[-1].folder).counts
    assert [counted[name] for name in ("train", "dev", "test")] == [210, 50, 230]
    assert not any(counted["dropped"].values())
    assert sum(read_manifest(steps[1].folder).counts["masked"].values()) == 0
    examples = list(jsonl.read(steps[-1].folder / "train.jsonl", Example))
    assert all(example.origin.author == "Handful (written by a language model)" for example in examples)


def test_where_the_package_lies_is_in_no_folder_that_it_leaves(tmp_path):
    recipe = tmp_path / "own.toml"
    recipe.write_text('name = "own"\n[sources.authored]\nkind = "authored"\n')
    (step,) = plan(STAGES, load(recipe), tmp_path / "work", "sources")
    execute([step], tmp_path / "work")
    params = json.loads((step.folder / "manifest.json").read_text())["params"]
    shipped = params["authored"]["shipped"]
    assert [each["input"] for each in shipped] == ["train", "dev", "test"]
    assert all(len(each["sha256"]) == 64 for each in shipped)
    assert str(SHIPPED[0].parent) not in (step.folder / "manifest.json").read_text()


def test_the_tables_of_the_docs_are_those_of_the_set(pieces, repository):
    page = (repository / "docs" / "authored.md").read_text(encoding="utf-8")
    for table in (by_split("kind", counts(pieces, "kind")), by_split("form", counts(pieces, "form"))):
        assert table in page, "write the page's tables anew: handful authored"
    assert topics(counts(pieces, "topic")) in page
