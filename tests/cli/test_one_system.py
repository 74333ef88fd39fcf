"""A study that has nobody to compare with is refused before it trains, and only where it would come to a study."""

import pytest
from click.testing import CliRunner

from handful.cli.main import cli

RECIPE = """
name = "alone"

[sources.authored]
kind = "authored"

[dataset]
dev = 10

[train]
model = "gemma3-270m"
dev_samples = {samples}

[choose]
by = "judge"

[choose.judge]
kind = "local"

[generate.systems.tuned]
kind = "checkpoint"

[study]
tasks = ["{task}"]
"""


@pytest.fixture
def asked(tmp_path):
    def ask(command, *arguments, task="preference", samples=10):
        (tmp_path / "alone.toml").write_text(RECIPE.format(task=task, samples=samples))
        path = str(tmp_path / "alone.toml")
        return CliRunner().invoke(cli, [command, path, "--work", str(tmp_path / "work"), *arguments])

    return ask


@pytest.mark.parametrize("command", ["run", "plan"])
def test_one_system_cannot_be_compared_and_is_told_so_at_once(asked, command, tmp_path):
    result = asked(command)
    assert result.exit_code == 1
    assert "needs two systems to compare, found tuned" in result.stderr
    assert 'study.tasks = ["helpfulness"]' in result.stderr
    assert not list((tmp_path / "work").glob("sources-*"))


def test_it_can_be_graded_and_it_can_be_trained_without_a_study(asked):
    assert asked("plan", task="helpfulness").exit_code == 0
    assert asked("plan", "--to", "generate").exit_code == 0


def test_plan_doubts_a_choice_among_epochs_by_a_few_answers(asked):
    assert "fewer than 10 show nothing" in asked("plan", task="helpfulness", samples=4).output
    assert "show nothing" not in asked("plan", task="helpfulness", samples=10).output.split("stats,")[0]
