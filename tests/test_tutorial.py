"""The tutorial's commands print what it shows.

Those that train or ask a model are not run here: the tests of the pipeline and the demo do that.
"""

import re

import pytest
from click.testing import CliRunner
from doc_blocks import ROOT, commands, fences, lines_of_shell

from handful.cli.main import cli

BLOCKS = fences(ROOT / "docs/tutorial.md")
SHOWN = [
    (text, BLOCKS[number + 1][1])
    for number, (language, text) in enumerate(BLOCKS[:-1])
    if language == "sh" and BLOCKS[number + 1][0] == "text"
]
CHEAP = ("plan", "explain", "export", "show", "run first.toml --to dataset")


def settled(text: str) -> list[str]:
    """Lines without what may differ: the keys of folders, and seconds."""
    text = re.sub(r"-[0-9a-f]{12}\b", "-KEY", text)
    return [re.sub(r"\d+\.\d s ", "0.0 s ", line).rstrip() for line in text.splitlines() if line.strip()]


def shown_in_order(shown: list[str], printed: list[str]) -> str | None:
    """The first line that is shown and not printed where it should be; "…" stands for any lines."""
    place = 0
    for line in shown:
        if line.strip() == "…":
            continue
        if line not in printed[place:]:
            return line
        place = printed.index(line, place) + 1
    return None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a checkout, as far as the tutorial sees it, of somebody who has converted no model yet."""
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").symlink_to(ROOT / "data")
    recipe = next(text for language, text in BLOCKS if language == "toml")
    (tmp_path / "first.toml").write_text(recipe)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tutorial_shows_what_its_commands_print(folder):
    ran = 0
    for block, shown in SHOWN:
        lines = [words for line in lines_of_shell(block) for words in commands(line)]
        if not all(" ".join(words[1:]).startswith(CHEAP) for words in lines):
            continue
        printed = ""
        for words in lines:
            result = CliRunner().invoke(cli, words[1:])
            assert result.exit_code == 0, (words, result.output)
            printed += result.stdout
        missing = shown_in_order(settled(shown), settled(printed))
        assert missing is None, f"{block.strip()} does not print: {missing}\nbut:\n{printed}"
        ran += 1
    assert ran >= 5
