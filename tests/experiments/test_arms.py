"""An ablation is recipes that differ in what its file says, and in nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from handful.core.errors import RecipeError
from handful.experiments.arms import read, system_name

BASE = """
name = "base"
[sources.se]
kind = "stackexchange"
paths = ["dump"]
[sources.wikihow]
kind = "wikihow"
paths = ["wiki"]
[train]
model = "gemma3-270m"
[generate]
samples = 5
[generate.systems.tuned]
kind = "checkpoint"
[generate.systems.base]
kind = "base"
[study]
subject = "tuned"
tasks = ["helpfulness"]
"""
FILE = """
question = "Do diverse prompts help?"
base = "base.toml"
seeds = [0, 7]
[all.select.quota]
se = 0
wikihow = 0
[arms.diverse.select.quota]
se = 20
[arms.homogeneous.select.quota]
wikihow = 20
[evaluation.generate]
first = 10
[evaluation.judge.judges.longer]
kind = "fake"
"""


@pytest.fixture
def ablation(tmp_path):
    return written(tmp_path, FILE)


def written(folder, text):
    (folder / "base.toml").write_text(BASE)
    path = folder / "diversity.toml"
    path.write_text(text)
    return path


def test_an_arm_changes_what_its_table_says_and_nothing_else(ablation):
    found = read(ablation)
    diverse, homogeneous = found.trained("diverse", 0), found.trained("homogeneous", 0)
    assert diverse.select.quota == {"se": 20, "wikihow": 0}
    assert homogeneous.select.quota == {"se": 0, "wikihow": 20}
    assert replace(diverse, name="", select=homogeneous.select) == replace(homogeneous, name="")


def test_a_seed_is_laid_over_what_vary_names(ablation):
    found = read(ablation)
    first, second = found.trained("diverse", 0), found.trained("diverse", 7)
    assert (first.train.seed, second.train.seed) == (0, 7)
    assert first.select.seed == second.select.seed
    both = replace(found, vary=("train.seed", "select.seed")).trained("diverse", 7)
    assert (both.train.seed, both.select.seed) == (7, 7)


def test_paths_start_where_the_base_lies(ablation, tmp_path):
    assert read(ablation).trained("diverse", 0).sources["se"].paths == (str(tmp_path / "dump"),)


def test_the_evaluation_asks_the_arms_and_leaves_the_bases_systems_out(ablation, tmp_path):
    folders = {"diverse-seed0": tmp_path / "a", "homogeneous-seed0": tmp_path / "b"}
    recipe = read(ablation).evaluated(folders)
    assert recipe.train is None
    assert list(recipe.generate.systems) == ["diverse-seed0", "homogeneous-seed0"]
    assert recipe.generate.systems["diverse-seed0"].model == str(tmp_path / "a")
    assert (recipe.generate.samples, recipe.generate.first) == (5, 10)
    assert (recipe.study.subject, recipe.study.tasks) == ("diverse-seed0", ("helpfulness",))


def test_systems_of_the_evaluation_stand_beside_the_arms(ablation, tmp_path):
    text = FILE + '[evaluation.generate.systems.untuned]\nkind = "base"\n'
    recipe = read(written(tmp_path, text)).evaluated({"diverse": tmp_path / "a"})
    assert list(recipe.generate.systems) == ["diverse", "untuned"]
    assert recipe.generate.systems["untuned"].model == "gemma3-270m"


def test_overrides_are_laid_over_everything(ablation, tmp_path):
    found = read(ablation, ["train.epochs=2", "generate.first=3"])
    assert found.trained("diverse", 0).train.epochs == 2
    assert found.evaluated({"diverse": tmp_path}).generate.first == 3


def test_another_base_can_stand_in(ablation, tmp_path):
    other = tmp_path / "small.toml"
    other.write_text(BASE.replace("gemma3-270m", "smollm2-135m-instruct"))
    assert read(ablation, base=other).trained("diverse", 0).train.model == "smollm2-135m-instruct"


def test_a_single_seed_leaves_names_as_they_are(ablation):
    found = read(ablation)
    assert system_name(found, "diverse", 7) == "diverse-seed7"
    assert system_name(replace(found, seeds=(0,)), "diverse", 0) == "diverse"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE.replace("question", "qeustion"), "'qeustion' is no part of an ablation"),
        (FILE.replace('base = "base.toml"\n', ""), "it has no 'base'"),
        ('base = "base.toml"\n', "it has no 'arms'"),
        (FILE.replace("[0, 7]", "[0, 0]"), "seeds: expected whole numbers, each once"),
        (FILE.replace("[0, 7]", "[]"), "seeds: expected whole numbers, each once"),
        (FILE.replace("[0, 7]", '"0"'), "seeds: expected a list"),
        ('base = "base.toml"\narms = { a = 3 }\n', "arms.a: expected a table"),
        (FILE + "[", "Invalid|Cannot|at end"),
    ],
)
def test_a_file_that_is_no_ablation_is_one_clear_error(tmp_path, text, words):
    with pytest.raises(RecipeError, match=words) as error:
        read(written(tmp_path, text))
    assert "diversity.toml" in str(error.value)


def test_a_missing_file_is_named():
    with pytest.raises(RecipeError, match=r"nowhere.toml: cannot be read as an ablation"):
        read(Path("nowhere.toml"))


def test_a_misspelt_setting_of_an_arm_is_named(tmp_path):
    text = FILE.replace("[arms.diverse.select.quota]", "[arms.diverse.selekt.quota]")
    with pytest.raises(RecipeError, match="selekt"):
        read(written(tmp_path, text)).trained("diverse", 0)


def test_an_arm_of_a_base_without_training_is_refused(tmp_path):
    path = written(tmp_path, FILE)
    (tmp_path / "base.toml").write_text(BASE.replace('[train]\nmodel = "gemma3-270m"\n', ""))
    with pytest.raises(RecipeError, match=r"\[arms.diverse\] trains nothing"):
        read(path).trained("diverse", 0)
