"""`handful settings` teaches what a recipe may say."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from handful.cli.main import cli


def said(*arguments, code=0):
    result = CliRunner().invoke(cli, ["settings", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_without_a_name_the_tables_are_listed():
    output = said()
    assert '[sources.NAME] kind = "wikihow"' in output
    assert "[clean]" in output
    assert "handful settings NAME" in output


@pytest.mark.parametrize("name", ["clean", "[clean]"])
def test_a_table_is_shown_with_types_and_defaults(name):
    assert "  min_chars  (whole number; default 1200)\n      Of the answer as text." in said(name)


def test_a_kind_is_shown_alone():
    output = said("reddit")
    assert "submissions  (list of paths; must be given)" in output
    assert "wikihow" not in output


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("systems", '[generate.systems.NAME] kind = "endpoint"'),
        ("generate.systems", '[generate.systems.NAME] kind = "endpoint"'),
        ("judges", '[judge.judges.NAME] kind = "local"'),
        ("judges.NAME", '[judge.judges.NAME] kind = "local"'),
        ("sources", '[sources.NAME] kind = "wikihow"'),
    ],
)
def test_a_part_of_a_tables_name_leads_to_it(name, title):
    output = said(name)
    assert title in output
    assert "[clean]" not in output


def test_a_stage_is_meant_before_a_part_of_another():
    assert "[choose.judge]" not in said("judge")


def test_one_setting_is_found_with_its_table_or_without():
    assert said("train.eot_init") == said("eot_init")
    assert said("eot_init").startswith("[train]\n  eot_init  (")


def test_an_unknown_name_is_one_line_with_the_nearest():
    assert 'did you mean "min_chars"?' in said("clean.min_charz", code=2)


def test_a_reader_who_leaves_is_no_error():
    command = [sys.executable, "-m", "handful", "settings", "--markdown"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.wait(60)
        assert process.stderr.read() == b""
