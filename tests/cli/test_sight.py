"""How many prompts `plan` counts on, where some are the same in other words."""

import json

import pytest
from click.testing import CliRunner

from handful.cli.main import cli
from handful.core import jsonl

RECIPE = """
name = "asked"
[sources.mine]
kind = "messages"
paths = ["test.jsonl"]
split = "test"
[dataset]
variants = ["typos", "shouting"]
[generate]
first = {first}
[generate.systems.ours]
kind = "fake"
text = "Yes"
[generate.systems.theirs]
kind = "fake"
text = "No"
"""


@pytest.mark.parametrize(("first", "prompts"), [(0, 30), (12, 12)])
def test_variants_are_asked_and_show_nothing_more_of_the_systems(tmp_path, first, prompts):
    words = ["copper", "kettle", "window", "market", "violin", "harbour"]
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"What is a {words[n % 6]} of kind {n} good for in winter?"}
            ]
        }
        for n in range(30)
    ]
    jsonl.write(tmp_path / "test.jsonl", rows)
    (tmp_path / "asked.toml").write_text(RECIPE.format(first=first))
    common = [str(tmp_path / "asked.toml"), "--work", str(tmp_path / "work")]
    done = CliRunner().invoke(cli, ["run", *common, "--to", "generate"])
    assert done.exit_code == 0, done.output
    (answers,) = (tmp_path / "work").glob("generate-ours-*/responses.jsonl")
    assert len(answers.read_text().splitlines()) == 3 * prompts
    steps = json.loads(CliRunner().invoke(cli, ["plan", *common, "--json"]).stdout)
    assert f"{prompts} prompts show a win rate" in CliRunner().invoke(cli, ["plan", *common]).output
    assert [step["step"] for step in steps][-1] == "report"
