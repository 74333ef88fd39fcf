"""Every shipped recipe loads, and the paper's are the paper's."""

from dataclasses import fields, replace

import pytest

from handful import load
from handful.experiments.arms import read
from handful.recipe.curation import TABLE_1, Clean, Select
from handful.recipe.evaluation import Stats
from handful.recipe.judging import Choose
from handful.recipe.systems import Generate
from handful.recipe.training import Train
from handful.recipe.values import ModelRef

ABLATIONS = "ablations"
"""A folder of files of another kind (handful ablate), and of the recipes that they start from."""
BASES = ("base", "thousand")


def recipes(repository):
    found = sorted((repository / "recipes").rglob("*.toml"))
    return [path for path in found if path.parent.name != ABLATIONS or path.stem in BASES]


def test_every_ablation_is_one_whose_arms_are_recipes(repository):
    found = [path for path in (repository / "recipes" / ABLATIONS).glob("*.toml") if path.stem not in BASES]
    assert len(found) >= 3
    for path in found:
        ablation = read(path)
        assert len(ablation.arms) >= 2
        for arm in ablation.arms:
            assert ablation.trained(arm, 1).train.seed == 1


@pytest.mark.parametrize(("name", "sizes"), [("structure", [994, 1000]), ("dialogue", [1000, 1010])])
def test_what_the_authored_set_adds_is_added_to_the_thousand(repository, name, sizes):
    ablation = read(repository / "recipes" / ABLATIONS / f"{name}.toml")
    trained = [ablation.trained(arm, 0) for arm in ablation.arms]
    assert [sum(recipe.select.quota.values()) for recipe in trained] == sizes
    assert all(recipe.sources.keys() == recipe.select.quota.keys() | {"prompts"} for recipe in trained)
    assert all(recipe.sources["authored"].paths is None for recipe in trained), "the set of the package"


def test_every_recipe_loads(repository):
    found = recipes(repository)
    assert len(found) >= 3
    for path in found:
        assert load(path).name == path.stem


def stated(table):
    """A table's values without those that have no default, such as the model."""
    return {f.name: getattr(table, f.name) for f in fields(table) if f.name not in ("model", "systems")}


def test_lima_65b_states_the_defaults(repository):
    recipe = load(repository / "recipes/lima-65b.toml")
    for name, default in (
        ("clean", Clean()),
        ("select", Select()),
        ("train", Train(model=ModelRef(""), dev_samples=50, dev_sample_tokens=2048)),
        ("choose", Choose(by="hand")),
        ("generate", Generate()),
        ("stats", Stats()),
    ):
        assert stated(getattr(recipe, name)) == stated(default), name


PAPER = {
    "clean.min_answer_score": 10,
    "clean.min_chars": 1200,
    "clean.max_chars": 4096,
    "select.temperature": 3.0,
    "train.epochs": 15,
    "train.batch_size": 32,
    "train.learning_rate": 1e-5,
    "train.final_learning_rate": 1e-6,
    "train.beta1": 0.9,
    "train.beta2": 0.95,
    "train.weight_decay": 0.1,
    "train.residual_dropout": 0.3,
    "train.max_tokens": 2048,
    "generate.temperature": 0.7,
    "generate.top_p": 0.9,
    "generate.repetition_penalty": 1.2,
    "generate.max_tokens": 2048,
    "generate.samples": 1,
}


@pytest.mark.parametrize(("key", "value"), PAPER.items())
def test_lima_65b_holds_the_papers_value(repository, key, value):
    table, name = key.split(".")
    assert getattr(getattr(load(repository / "recipes/lima-65b.toml"), table), name) == value


def test_lima_65b_takes_a_thousand_examples_as_in_table_1(repository):
    quota = load(repository / "recipes/lima-65b.toml").select.quota
    assert quota == TABLE_1
    assert sum(quota.values()) == 1000


def test_lima_7b_differs_only_where_the_paper_says_so(repository):
    large, small = (load(repository / f"recipes/lima-{size}.toml") for size in ("65b", "7b"))
    assert (small.train.batch_size, small.train.residual_dropout, small.generate.samples) == (64, 0.2, 5)
    same = replace(
        small.train, model=large.train.model, batch_size=large.train.batch_size, residual_dropout=0.3
    )
    assert same == large.train
    assert (small.clean, small.select, small.sources) == (large.clean, large.select, large.sources)


def test_the_five_baselines_have_an_entry_each_and_are_named_as_what_they_are(repository):
    recipe = load(repository / "recipes/baselines/five.toml")
    assert (recipe.study.subject, len(recipe.study.against)) == ("lima", 5)
    asked = [recipe.generate.systems[name] for name in recipe.study.against]
    assert [system.kind for system in asked] == ["checkpoint", *["endpoint"] * 4]
    assert {system.api for system in asked[1:]} == {"openai", "anthropic", "google"}
    assert asked[0].needs == ("dataset",), "Alpaca is trained by a recipe of its own"


def test_alpaca_is_trained_on_the_base_of_lima_and_on_its_own_data_as_it_is(repository):
    lima = load(repository / "recipes/lima-65b.toml")
    alpaca = load(repository / "recipes/baselines/alpaca-65b.toml")
    assert alpaca.train.model == lima.train.model
    assert alpaca.select.quota == {}
    assert (alpaca.clean.drop_duplicates, alpaca.clean.secrets, alpaca.clean.personal_data) == (
        False,
        "keep",
        "keep",
    )
