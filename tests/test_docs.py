"""The documents speak of what there is: settings, functions, tests, commands and files."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import click
import pytest
from doc_blocks import DOCUMENTS, ROOT, anchors, commands, fences, lines_of_shell, spans, targets

import handful
from handful.cli import manual
from handful.cli.main import cli
from handful.experiments import keys
from handful.experiments.arms import read as read_ablation
from handful.recipe.schema import Recipe

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


def blocks(*languages):
    for path in DOCUMENTS:
        for number, (language, text) in enumerate(fences(path)):
            if language in languages:
                yield pytest.param(text, id=f"{path.relative_to(ROOT)}-{number}")


LINES = [
    pytest.param(line, id=f"{block.id}: {line[:40]}")
    for block in blocks("sh", "bash")
    for line in lines_of_shell(block.values[0])
]


def test_blocks_say_what_they_are_written_in():
    known = {"sh", "bash", "toml", "python", "json", "text", "markdown", ""}
    assert {language for path in DOCUMENTS for language, _ in fences(path)} <= known
    assert len(LINES) > 50


def leaf(words):
    """The command that `handful WORDS` would run, with its context and the words that are left for it."""
    command, context = cli, click.Context(cli, info_name="handful")
    while isinstance(command, click.Group):
        assert words, "a group alone does nothing"
        below = command.get_command(context, words[0])
        assert below is not None, f"{context.command_path}: no command {words[0]!r}"
        command = below
        context, words = click.Context(command, info_name=words[0], parent=context), words[1:]
    return command, context, words


def check_handful(words):
    """The command exists, and takes these options and arguments with these values."""
    if words[:1] in (["--help"], ["-h"], ["--version"]):
        return
    command, _, rest = leaf(words)
    if "--help" not in rest:
        command.make_context(command.name, [word.replace("$p", "0.1") for word in rest])


def check_make(words):
    assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.M), words


def check_python(words):
    if words[:2] == ["-m", "handful"]:
        check_handful(words[2:])
    elif words[0].endswith(".py"):
        assert (ROOT / words[0]).exists(), words


def check_pip(words):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for asked in re.findall(r"(?:handful|\.)\[([\w,]+)\]", " ".join(words)):
        assert set(asked.split(",")) <= set(extras), words


def check_torchrun(words):
    check_python(words[words.index("-m") :])


CHECKS = {
    "handful": check_handful,
    "make": check_make,
    "python": check_python,
    "pip": check_pip,
    "torchrun": check_torchrun,
}
OTHERS = {
    "cat",
    "cd",
    "cp",
    "curl",
    "export",
    "git",
    "grep",
    "head",
    "ls",
    "mkdir",
    "pg_dump",
    "source",
    "sqlite3",
}
OTHERS |= {"tail", "tar", "tensorboard"}
"""Programs that are not ours to check."""


@pytest.mark.parametrize("line", LINES)
def test_every_command_in_the_documents_exists_and_takes_these_options(line):
    for words in commands(line):
        while re.match(r"\w+=", words[0]):  # a variable before the command
            words = words[1:]
        program = Path(words[0]).name
        assert program in CHECKS or program in OTHERS, line
        if program in CHECKS:
            try:
                CHECKS[program](words[1:])
            except click.UsageError as error:
                pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_in_running_text_exists(path):
    for span in spans(path):
        words = span.split()
        named = words[1] if len(words) > 1 else ""
        if words[0] != "handful" or not re.fullmatch(r"[a-z]+", named):
            continue
        if named == "serve" and len(words) == 2:
            continue
        command, _, rest = leaf(words[1:])
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known, span


def base_of(text, folder):
    """The recipe that a document shows under the name of an ablation's base; without one, that of the paper's."""
    name = tomllib.loads(text)["base"].removesuffix(".toml")
    shown = next((block.values[0] for block in blocks("toml") if f'name = "{name}"' in block.values[0]), None)
    if shown is None:
        return ROOT / "recipes/ablations/base.toml"
    (folder / "base.toml").write_text(shown)
    return folder / "base.toml"


@pytest.mark.parametrize("text", list(blocks("toml")))
def test_every_recipe_in_the_documents_loads(text, tmp_path):
    (tmp_path / "shown.toml").write_text(text)
    if "base" in tomllib.loads(text):  # an ablation's file
        shown = read_ablation(tmp_path / "shown.toml", base=base_of(text, tmp_path))
        assert all(shown.trained(arm, 0).train for arm in shown.arms)
        return
    assert handful.load(tmp_path / "shown.toml").name


@pytest.mark.parametrize("text", list(blocks("json")))
def test_every_row_of_json_in_the_documents_can_be_read(text):
    for line in text.strip().splitlines():
        assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("text", list(blocks("python")))
def test_every_python_block_compiles_and_imports_what_there_is(text):
    compile(text, "block", "exec")
    exec("\n".join(line for line in text.splitlines() if line.startswith(("from ", "import "))), {})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_to_a_file_or_heading_leads_somewhere(path):
    for file, anchor in targets(path):
        target = path.parent / file if file else path
        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target), f"{file}#{anchor}: there are {sorted(anchors(target))}"


SITE = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]


def pages(nav):
    for entry in nav:
        for value in entry.values():
            yield from pages(value) if isinstance(value, list) else [value]


def test_every_document_is_in_the_menu_of_the_site_once():
    documents = sorted(str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md"))
    assert sorted(pages(SITE["nav"])) == documents


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/**/*.md")), ids=lambda p: p.stem)
def test_the_pages_of_the_site_link_only_to_what_the_site_has(path):
    for file, _ in targets(path):
        assert not file or (path.parent / file).resolve().is_relative_to(ROOT / "docs"), file


def test_the_site_is_built_whole_and_loads_nothing_from_elsewhere(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=tmp_path, check=True)
    site = tmp_path / SITE["site_dir"]
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    assert len(pages) > len(list(ROOT.glob("docs/**/*.md")))  # and 404.html
    for page, text in pages.items():
        assert not re.findall(
            r"<(?:script|img|iframe)[^>]*src=\"?(?:https?:)?//|<link[^>]*href=\"?(?:https?:)?//", text
        )
        for target in re.findall(r'<a[^>]*href="([^"]*)"', text) if page.name != "404.html" else []:
            file, _, anchor = target.partition("#")
            if not re.match(r"https?:|mailto:", file):
                led = (page.parent / file).resolve() if file not in ("", ".") else page
                assert led in pages, f"{page.name}: {target}"
                assert not anchor or f'id="{anchor}"' in pages[led], f"{page.name}: {target}"


def test_the_pages_made_of_the_code_are_as_the_code_is():
    for page, name in ((manual.commands_page(cli), "commands"), (manual.python_page(), "python")):
        assert (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") == page, "run: make reference"


def test_the_keys_of_an_ablations_file_are_those_that_are_read():
    assert keys.as_markdown().strip() in (ROOT / "docs/experiments.md").read_text(encoding="utf-8")


def test_the_public_names_are_those_promised():
    assert handful.__all__ == ["STAGES", "Waiting", "execute", "load", "plan"]
    assert all(hasattr(handful, name) for name in handful.__all__)
