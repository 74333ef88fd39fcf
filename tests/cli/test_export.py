"""`handful export` as typed."""

import json

import pytest
from click.testing import CliRunner

from handful.cli.export import FORMATS
from handful.cli.main import cli
from handful.dataset.layouts import LAYOUTS

BASE = 'name = "one"\n[sources.mine]\nkind = "messages"\npaths = ["rows.jsonl"]\n'
ROW = '{"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Thus."}]}\n'


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "recipe.toml").write_text(BASE)
    (tmp_path / "rows.jsonl").write_text(ROW)
    return tmp_path / "recipe.toml"


@pytest.fixture
def invoke(tmp_path):
    def invoke(*arguments):
        return CliRunner().invoke(cli, [*map(str, arguments), "--work", str(tmp_path / "work")])

    return invoke


def test_the_formats_are_those_that_there_are():
    assert list(FORMATS) == list(LAYOUTS)


def test_a_recipes_data_set_is_written_once_it_is_made(recipe, invoke, tmp_path):
    early = invoke("export", recipe, "--to", tmp_path / "out", "--set", "dataset.seed=3")
    assert early.exit_code == 1
    assert "the data set isn't made yet; run `handful run " in early.output
    assert f"--work {tmp_path / 'work'} --to dataset --set dataset.seed=3` first" in early.output
    assert not (tmp_path / "out").exists()
    assert invoke("run", recipe, "--to", "dataset", "--set", "dataset.seed=3").exit_code == 0
    late = invoke("export", recipe, "--to", tmp_path / "out", "--set", "dataset.seed=3")
    assert (late.exit_code, late.output) == (0, f"{tmp_path / 'out'}: train 1, dev 0, test 0\n")
    row = json.loads((tmp_path / "out/train.jsonl").read_text())
    assert [turn["content"] for turn in row["messages"]] == ["How?", "Thus."]


def test_a_folder_is_written_in_the_format_asked_for(recipe, invoke, tmp_path):
    invoke("run", recipe, "--to", "dataset")
    (made,) = (tmp_path / "work").glob("dataset-*")
    assert invoke("export", made, "--to", tmp_path / "a", "--format", "conversations").exit_code == 0
    assert json.loads((tmp_path / "a/train.jsonl").read_text()) == {
        "conversations": ["How?", "Thus."],
        "source": "mine",
    }
    again = invoke("export", made, "--to", tmp_path / "a")
    assert (again.exit_code, "is not empty" in again.output) == (1, True)
    assert invoke("export", made, "--to", tmp_path / "a", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.toml", "--to", "out"], 2, "error: nowhere.toml: no such recipe"),
        (["{here}", "--to", "{here}/out"], 1, "holds no manifest.json; it is not a finished folder"),
        (["{here}", "--to", ""], 2, 'is empty; name a folder, or "." for this one'),
        (["{here}"], 2, "Missing option '--to'"),
        (["{here}", "--to", "out", "--format", "csv"], 2, "'csv' is not one of"),
    ],
)
def test_mistakes_are_told_in_a_line(invoke, tmp_path, arguments, code, message):
    run = invoke("export", *(argument.format(here=tmp_path) for argument in arguments))
    assert run.exit_code == code
    assert message in run.output
