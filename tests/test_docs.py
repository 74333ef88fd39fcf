"""The documents speak of what there is: settings, functions, tests, commands and files."""

from __future__ import annotations

import importlib
import re
import shlex
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import handful
from handful.cli.main import cli
from handful.recipe.schema import Recipe

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("data/**/README.md")])
TABLES = get_type_hints(Recipe)


def protocol_rows():
    text = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("the paper", "---"):
            yield pytest.param(*cells, id=cells[0][:50])


ROWS = list(protocol_rows())


def test_the_protocol_has_a_row_for_each_rule():
    assert len(ROWS) > 25


@pytest.mark.parametrize(("rule", "settings", "function", "test"), ROWS)
def test_each_rule_of_the_protocol_has_its_setting_function_and_test(rule, settings, function, test):
    for key in re.findall(r"`([\w.]+)`", settings):
        table, _, name = key.partition(".")
        assert table in TABLES, key
        kinds = filter(is_dataclass, (TABLES[table], *get_args(TABLES[table])))  # `train` is a table or None
        assert not name or name in {f.name for kind in kinds for f in fields(kind)}, key
    module, _, attribute = function.strip("`").rpartition(".")
    assert hasattr(importlib.import_module(f"handful.{module}"), attribute), function
    assert (ROOT / test.strip("`")).exists(), test


def blocks(language):
    for path in DOCUMENTS:
        for number, text in enumerate(re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.S)):
            yield pytest.param(text, id=f"{path.name}-{number}")


@pytest.mark.parametrize("text", list(blocks("sh")))
def test_every_command_in_the_documents_exists(text):
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M), line
        if words[:1] == ["handful"]:
            command = cli
            for word in words[1:]:
                if word not in getattr(command, "commands", {}):
                    break
                command = command.commands[word]
            assert command is not cli, line
            known = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("text", list(blocks("toml")))
def test_every_recipe_in_the_documents_loads(text, tmp_path):
    (tmp_path / "shown.toml").write_text(text)
    assert handful.load(tmp_path / "shown.toml").name


@pytest.mark.parametrize("text", list(blocks("python")))
def test_every_python_block_compiles_and_imports_what_there_is(text):
    compile(text, "block", "exec")
    exec("\n".join(line for line in text.splitlines() if line.startswith(("from ", "import "))), {})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http", "mailto:")):
            assert (path.parent / target).exists(), target


def test_the_public_names_are_those_promised():
    assert handful.__all__ == ["STAGES", "Waiting", "execute", "load", "plan"]
    assert all(hasattr(handful, name) for name in handful.__all__)
