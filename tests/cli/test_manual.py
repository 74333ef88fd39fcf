"""The reference pages say what `--help` and docstrings say, as Markdown that means the same."""

import click

from handful.cli import manual
from handful.cli.main import cli


@click.group()
def tool() -> None:
    """A tool."""


@tool.command()
@click.argument("recipe")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Where."
)
@click.option("--fast/--slow", help="Glob *.txt of <b>, as `a <b> *`.")
def go(recipe: str, engine: str, fast: bool) -> None:
    """Run RECIPE
    at once.

    \b
    one   line
    two   lines
    \f
    Not shown.
    """


@tool.command(hidden=True)
def secret() -> None:
    """Not shown."""


@tool.group()
def serve() -> None:
    """Of two levels."""


@serve.command()
def study() -> None:
    """Pages."""


PAGE = """## `handful go`

```text
handful go [OPTIONS] RECIPE
```

Run RECIPE at once.

```text
one   line
two   lines
```

| option | what it does |
|---|---|
| `--engine [local, ray]` | Where. [default: local] |
| `--fast / --slow` | Glob \\*.txt of &lt;b>, as `a <b> *`. |

## `handful serve study`

```text
handful serve study [OPTIONS]
```

Pages.
"""


def test_a_command_is_its_usage_its_help_and_its_options_and_hidden_ones_are_left_out():
    assert manual.commands_page(tool) == manual.COMMANDS + "\n" + PAGE


def test_every_command_that_help_lists_has_a_section():
    page = manual.commands_page(cli)
    listed = cli.list_commands(click.Context(cli))
    assert "run" in listed
    for name in listed:
        assert f"## `handful {name}" in page
    assert "## `handful serve study`" in page


def trains(model: str, ended: object = print, *, seeds: int = 3) -> list[str]:
    """Train it.

    Longer text
    of two lines.

    Args:
        model: a name, or
            a folder.
        seeds: how many.
    """
    return []


def test_a_function_is_its_signature_and_the_parts_of_its_docstring():
    assert manual.of_name("trains", trains) == [
        "```text\ntrains(\n    model: str,\n    ended: object = ...,\n    seeds: int = 3,\n) -> list[str]\n```",
        "Train it.",
        "Longer text of two lines.",
        "Args:\n\n- model: a name, or a folder.\n- seeds: how many.",
    ]


def test_the_page_of_python_has_each_public_name_and_no_address_in_memory():
    page = manual.python_page()
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## `STAGES`",
        "## `Waiting`",
        "## `execute`",
        "## `load`",
        "## `plan`",
    ]
    assert " at 0x" not in page
