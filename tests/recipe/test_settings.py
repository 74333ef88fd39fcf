"""The reference of settings says what the recipe's dataclasses say, no more and no less."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from handful.recipe.curation import Clean
from handful.recipe.load import load
from handful.recipe.settings import NEEDED, as_markdown, tables

PAGE = Path(__file__).parents[2] / "docs/settings.md"


def table(name, kind=""):
    return next(found for found in tables() if (found.name, found.kind) == (name, kind))


def test_the_page_is_what_the_command_prints():
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), (
        "run: handful settings --markdown > docs/settings.md"
    )


def test_each_table_comes_with_all_its_settings():
    assert [setting.name for setting in table("clean").settings] == [field.name for field in fields(Clean)]
    names = {found.name for found in tables()}
    assert {"sources.NAME", "generate.systems.NAME", "judge.judges.NAME", "train", "report", "fetch"} <= names


@pytest.mark.parametrize("found", list(tables()), ids=lambda found: found.title)
def test_every_setting_and_table_says_what_it_is_for(found):
    assert found.about or not found.name
    assert [setting.name for setting in found.settings if not setting.about] == []


@pytest.mark.parametrize(
    ("where", "name", "type", "default"),
    [
        (("clean",), "personal_data", '"drop" or "mask" or "keep"', '"mask"'),
        (("select",), "temperature", "number", "3.0"),
        (("sources.NAME", "reddit"), "submissions", "list of paths", NEEDED),
        (("train",), "model", "model", NEEDED),
        (("sources.NAME", "stackexchange"), "meta", "true or false", "false"),
        (("study",), "against", "list of text", "[]"),
    ],
)
def test_types_and_defaults_are_in_words_and_toml(where, name, type, default):
    setting = next(setting for setting in table(*where).settings if setting.name == name)
    assert (setting.type, setting.default) == (type, default)


def test_what_a_setting_says_that_is_a_table_itself_stands_with_that_table():
    assert (
        "who grades the answers to the first `train.dev_samples` dev prompts"
        in table("choose.judge", "local").about
    )
    assert "`train.dev_samples`" in table("choose").about
    assert table("judge.judges.NAME", "local").about == (
        "A Hugging Face model that scores the three options by their likelihood, in both orders."
    )


def test_each_default_is_toml_that_a_recipe_may_hold(tmp_path):
    lines = []
    for found in tables():
        if found.name in ("clean", "select", "dataset", "train", "generate", "study", "stats", "report"):
            lines.append(f"[{found.name}]")
            lines += ['model = "gemma3-270m"'] if found.name == "train" else []
            lines += [f"{s.name} = {s.default}" for s in found.settings if s.default != NEEDED]
    lines += ["[sources.mine]", 'kind = "messages"', 'paths = ["mine.jsonl"]']
    (tmp_path / "mine.toml").write_text('name = "mine"\n' + "\n".join(lines))
    (tmp_path / "plain.toml").write_text(
        'name = "mine"\n[train]\nmodel = "gemma3-270m"\n[sources.mine]\nkind = "messages"\npaths = ["mine.jsonl"]\n'
    )
    assert tomllib.loads((tmp_path / "mine.toml").read_text())["clean"]["min_chars"] == 1200
    assert load(tmp_path / "mine.toml") == load(tmp_path / "plain.toml")
