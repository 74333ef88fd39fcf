"""Every setting of a recipe, with its type, its default and what it is for: read from the dataclasses themselves.

What stands below a field in the source is its documentation, so this needs the source, which an installation has.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from handful.recipe.schema import Recipe
from handful.recipe.values import InputPath, ModelRef

NAMES = {bool: "true or false", int: "whole number", float: "number", str: "text", InputPath: "path"}
NAMES |= {ModelRef: "model"}
NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    type: str
    """In words: "list of paths"."""
    default: str
    """As TOML, or NEEDED."""
    about: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a recipe, or one kind of it."""

    name: str
    """As it is written in a recipe, without brackets: "sources.NAME"."""
    kind: str
    """The value of `kind` that makes it this one; "" where there is only one."""
    about: str
    settings: tuple[Setting, ...]

    @property
    def title(self) -> str:
        return (f"[{self.name}]" if self.name else "At the top") + (
            f' kind = "{self.kind}"' if self.kind else ""
        )


def tables() -> Iterator[Table]:
    """Yield the tables in the order of a recipe's stages."""
    yield from _tables("", Recipe)


def _tables(name: str, owner: type, about: str = "") -> Iterator[Table]:
    """Those of a dataclass and of what is in it. `about` is what the field says that leads here."""
    hints, documented = get_type_hints(owner), _documented(owner)
    plain = [field for field in fields(owner) if field.name != "kind" and not _inner(hints[field.name])]
    kind = get_args(hints["kind"])[0] if "kind" in hints else ""
    settings = tuple(
        Setting(field.name, _in_words(hints[field.name]), _default(field), documented.get(field.name, ""))
        for field in plain
    )
    yield Table(name, kind, _one_paragraph(f"{inspect.getdoc(owner) or ''} {about}"), settings)
    for field in fields(owner):
        for inner in _inner(hints[field.name]):
            below = f"{name}.{field.name}" if name else field.name
            many = get_origin(hints[field.name]) is dict
            said = "" if many else documented.get(field.name, "")
            yield from _tables(f"{below}.NAME" if many else below, inner, said)


def _inner(hint: Any) -> list[type]:
    """The dataclasses that a type is made of: those of a union, of a dictionary's values, of a list."""
    if is_dataclass(hint):
        return [hint]  # type: ignore[list-item]
    return [kind for part in get_args(hint) for kind in _inner(part)]


def _documented(owner: type) -> dict[str, str]:
    """The string below each field of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(body, ast.ClassDef)
    found, last = {}, ""
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
        elif last and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[last] = _one_paragraph(inspect.cleandoc(str(node.value.value)))
            last = ""
    return found


def _one_paragraph(text: str) -> str:
    return " ".join(text.split())


def _in_words(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(_toml(value) for value in arguments)
    if origin is tuple:
        inner = _in_words(arguments[0])
        return (
            f"list of {inner}" if get_origin(arguments[0]) else f"list of {inner}s".replace("texts", "text")
        )
    if origin is dict:
        return f"table of {_in_words(arguments[1])}s"
    if origin in (Union, UnionType):
        return " or ".join(_in_words(part) for part in arguments if part is not type(None))
    return NAMES[hint]


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return _toml(field.default_factory())
    return NEEDED if field.default is MISSING else _toml(field.default)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def as_markdown() -> str:
    """The whole reference, a table of Markdown for each table of a recipe."""
    parts = [HEAD]
    for table in tables():
        parts.append(f"## `{table.title}`\n\n{table.about}" if table.name else f"## {table.title}")
        rows = [_row(setting) for setting in table.settings]
        if rows:
            parts.append("\n".join(["| setting | type | default | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _row(setting: Setting) -> str:
    default = "" if setting.default == NEEDED else f"`{setting.default}`"
    cells = (f"`{setting.name}`", setting.type, default, setting.about)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


HEAD = """# Settings

Every setting of a recipe. The same in the terminal: `handful settings`, `handful settings clean`. This page is what
`handful settings --markdown` prints. A setting without a default must be given. Sections and appendices are those of
the LIMA paper; "ours" marks what it does not say. Any of them can be set for one run: `--set train.epochs=5`."""
