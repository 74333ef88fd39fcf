"""The reference pages that are made of the code: docs/commands.md of the commands, docs/python.md of the public names.

`make reference` writes them, docs/settings.md beside them; tests fail where a page has grown stale. The pages say what
`--help` and docstrings say, no more: explanations are in the other documents.

    python -m handful.cli.manual commands > docs/commands.md
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

COMMANDS = """# Commands

Every command of `handful`, as `handful COMMAND --help` shows it. Made from the code by `make reference`; do not edit.

Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 3 waiting for people, 130 interrupted.
"""
PYTHON = """# Python

What `import handful` promises. Everything else may change. Made from the code by `make reference`; do not edit.
"""


def commands_page(root: click.Command) -> str:
    """docs/commands.md: a section a command, in the order of the alphabet."""
    sections = [section(context) for context in leaves(root, click.Context(root, info_name="handful"))]
    return "\n".join([COMMANDS, *sections]).rstrip() + "\n"


def leaves(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """The commands that do something, each in the context of those above it; hidden ones are left out."""
    if not isinstance(command, click.Group):
        yield context
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from leaves(below, click.Context(below, info_name=name, parent=context))


def section(context: click.Context) -> str:
    """A command: its usage, its help, its options as a table."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## `{context.command_path}`", f"```text\n{usage}\n```", *paragraphs(command.help or "")]
    options = [p for p in command.params if isinstance(p, click.Option)]
    shown = [record for option in options if (record := option.get_help_record(context))]
    rows = [f"| `{cell(names)}` | {prose(cell(told))} |" for names, told in shown]
    if rows:
        parts.append("\n".join(["| option | what it does |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def paragraphs(help_text: str) -> Iterator[str]:
    r"""The paragraphs of a help text; one that click would not wrap (\b) keeps its lines."""
    for part in inspect.cleandoc(help_text.partition("\f")[0]).split("\n\n"):
        if part.startswith("\b"):
            yield f"```text\n{part.removeprefix(chr(8)).strip(chr(10))}\n```"
        else:
            yield prose(" ".join(part.split()))


def prose(text: str) -> str:
    """Text of a terminal as Markdown: outside code, stars and the beginnings of tags mean what they are."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        p if p[:1] == "`" else re.sub(r"<(?=[A-Za-z/!])", "&lt;", p.replace("*", r"\*")) for p in parts
    )


def cell(text: str) -> str:
    """One line without the mark that ends a cell: what may be chosen stands as a list with commas."""
    return " ".join(text.replace("|", ", ").split())


def python_page() -> str:
    """docs/python.md: each public name with its signature and docstring, after the package's own example."""
    import handful

    first, _, example = inspect.cleandoc(handful.__doc__ or "").partition("\n\n")
    parts = [PYTHON, first, f"```python\n{example.strip()}\n```"]
    for name in handful.__all__:
        parts += [f"## `{name}`", *of_name(name, getattr(handful, name))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def of_name(name: str, value: Any) -> list[str]:
    """How a name is called and what its docstring says; of the table of stages, their names."""
    if not callable(value):
        stages = ", ".join(f"`{stage.name}`" for stage in value)
        return [f"The stages, in the order in which they run: {stages}."]
    called = f"class {name}" if inspect.isclass(value) else signature(name, value)
    return [f"```text\n{called}\n```", *map(block, (inspect.getdoc(value) or "").split("\n\n"))]


def signature(name: str, function: Callable[..., Any]) -> str:
    """How a function is called, a parameter a line; a default that is a function itself is `...`."""
    found = inspect.signature(function)
    rows = []
    for parameter in found.parameters.values():
        default = "..." if callable(parameter.default) and parameter.default is not parameter.empty else None
        shown = parameter.replace(default=parameter.empty) if default else parameter
        rows.append(f"    {shown}{' = ...' if default else ''},\n".replace("'", ""))
    return f"{name}(\n{''.join(rows)}) -> {found.return_annotation}"


def block(text: str) -> str:
    """A paragraph of a docstring; under a heading such as `Raises:`, a list of its lines."""
    heading, _, rest = text.partition("\n")
    if not re.fullmatch(r"(Args|Returns|Raises):", heading):
        return " ".join(text.split())
    lines = re.split(r"\n(?=\S)", inspect.cleandoc(rest))
    return "\n".join([f"{heading}\n", *(f"- {' '.join(line.split())}" for line in lines)])


def main(page: str) -> str:
    """The page of that name: commands or python."""
    from handful.cli.main import cli

    return {"commands": lambda: commands_page(cli), "python": python_page}[page]()


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1]))
