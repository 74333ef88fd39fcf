"""The keys of an ablation's file are data: the reader, the help and the reference say the same."""

import tomllib
from pathlib import Path

from click.testing import CliRunner

from handful.cli.main import cli
from handful.experiments.arms import Ablation, read
from handful.experiments.keys import QUANTITY, TOP, Needed, as_markdown, every
from handful.experiments.sizes import read_quantity

RECIPES = sorted((Path(__file__).parents[2] / "recipes/ablations").glob("*.toml"))
BASE = 'name = "base"\n[sources.a]\nkind = "messages"\npaths = ["a.jsonl"]\n[train]\nmodel = "gemma3-270m"\n'


def small(folder) -> Ablation:
    (folder / "base.toml").write_text(BASE)
    (folder / "small.toml").write_text('base = "base.toml"\n[arms.one]\n')
    return read(folder / "small.toml")


def test_an_absent_key_means_what_the_table_says(tmp_path):
    found, default = small(tmp_path), {key.name: key.default for key in TOP}
    for name in ("paper", "seeds", "vary", "evaluation", "quantity"):
        assert getattr(found, name) == default[name], name
    assert found.layers[-1].tables == default["all"]
    assert found.question == "small"
    quantity, default = read_quantity({"sizes": [1, 2]}), {key.name: key.default for key in QUANTITY}
    assert (quantity.start, list(quantity.of), quantity.name) == (
        default["from"],
        default["of"],
        default["name"],
    )


def test_what_is_shown_of_a_default_is_the_default():
    for key in (*TOP, *QUANTITY):
        if key.shown[:1] in '["' or key.shown.isdigit():
            assert tomllib.loads(f"x = {key.shown}")["x"] == key.default, key.name
        if key.default is Needed:
            assert key.shown == "must be given"


def test_every_key_of_the_papers_ablations_is_in_the_table():
    known = {key.name for key in TOP}
    assert RECIPES
    tables = [tomllib.loads(path.read_text()) for path in RECIPES]
    assert {name for table in tables if "base" in table and "seeds" in table for name in table} <= known


def test_the_help_lists_every_key():
    output = CliRunner().invoke(cli, ["ablate", "--help"]).output
    for key in every():
        assert f"\n  {key.name} " in output, key.name
    assert "(default [0])" in output
    assert "(must be given)" in output


def test_the_reference_has_a_row_a_key():
    rows = as_markdown().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [key.name for key in every()]
    assert all(row.count("|") == 4 for row in rows)
    assert "| `quantity.from` |" in as_markdown()
