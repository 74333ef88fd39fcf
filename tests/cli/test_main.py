import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from handful.cli.main import cli

BASE = 'name = "one"\n[sources.mine]\nkind = "messages"\npaths = ["rows.jsonl"]\n'
ROW = '{"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Thus."}]}\n'


@pytest.fixture
def invoke(tmp_path):
    (tmp_path / "recipe.toml").write_text(BASE)
    (tmp_path / "rows.jsonl").write_text(ROW)

    def invoke(command, *arguments):
        paths = [str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "work")]
        return CliRunner().invoke(cli, [command, *paths, *arguments])

    return invoke


def every_command(group, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield pytest.param(name, command, id=" ".join((*path, name)))
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


@pytest.mark.parametrize(("name", "command"), list(every_command(cli)))
def test_every_command_goes_by_its_own_name_and_it_and_its_options_have_help(name, command):
    assert command.name == name
    assert command.help
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


@pytest.mark.parametrize("group", [[], ["serve"]], ids=" ".join)
def test_a_list_of_commands_says_of_each_in_a_line_what_it_does(group):
    lines = CliRunner().invoke(cli, [*group, "--help"]).output.split("Commands:\n")[1].splitlines()
    assert len(lines) >= 4
    for line in lines:
        assert re.fullmatch(r"  [a-z]+ +[A-Z].*[a-z`]\.", line), line
        assert len(line) < 80


def test_a_command_that_is_not_there_is_refused():
    result = CliRunner().invoke(cli, ["trian"])
    assert result.exit_code == 2
    assert "No such command 'trian'" in result.output


def test_plan_then_run_then_nothing_left(invoke):
    assert invoke("plan").output.splitlines()[0].startswith("to do    sources/mine")
    first = invoke("run")
    assert first.exit_code == 0
    assert "ends at dataset, since the recipe has no table for what follows" in first.output
    assert invoke("run").output.startswith("nothing to do: all 4 steps are done")
    assert invoke("plan").output.splitlines()[0].startswith("done     sources/mine")


def test_it_stops_where_it_is_told_to(invoke, tmp_path):
    assert invoke("run", "--to", "clean").exit_code == 0
    assert sorted(p.name.split("-")[0] for p in (tmp_path / "work").glob("*-*")) == ["clean", "sources"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "selekt.seed=1"], 2, "error: --set: has no field 'selekt'; did you mean 'select'?"),
        (["--to", "trian"], 2, "error: --to trian: no such stage; the stages are sources, clean"),
        (["--to", "train"], 2, "error: --to train: the recipe has no [train] table"),
        (
            ["--only", "clean"],
            1,
            "error: clean needs sources/mine, which is not done; run without --only first",
        ),
    ],
)
def test_wrong_use_is_one_line_with_its_exit_code(invoke, arguments, code, message):
    result = invoke("run", *arguments)
    assert result.exit_code == code
    assert result.output.startswith(message)
    assert len(result.output.strip().splitlines()) == 1


def test_a_missing_input_is_named(invoke, tmp_path):
    Path(tmp_path / "rows.jsonl").unlink()
    result = invoke("run")
    assert result.exit_code == 1
    assert result.output == f"error: sources/mine, paths: {tmp_path / 'rows.jsonl'}: no such file or folder\n"


def test_a_missing_recipe_is_named(tmp_path):
    result = CliRunner().invoke(cli, ["plan", str(tmp_path / "none.toml")])
    assert (result.exit_code, "none.toml: no such recipe" in result.output) == (2, True)
