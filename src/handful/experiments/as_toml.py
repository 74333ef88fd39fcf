"""A recipe as a TOML file that `handful` reads: for the arms and the evaluation of an ablation, which no file states.

With it every command that takes a recipe works on them: `handful serve study` for people who grade, `handful chat`,
`handful plan`. Whatever is not stated has its default, written out. No comments, no `extends`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from handful.recipe.schema import Recipe
from handful.recipe.values import InputPath, ModelRef


def as_toml(recipe: Recipe, folder: Path) -> str:
    """The recipe as text.

    Args:
        folder: where the file is to lie; paths are written relative to it, so that a work folder may move.
    """
    return "".join(f"{line}\n" for line in table_lines("", plain(recipe, folder.resolve()))).lstrip("\n")


def plain(value: Any, folder: Path) -> Any:
    """Tables as dicts, without what is None."""
    if isinstance(value, InputPath) or (isinstance(value, ModelRef) and value.is_folder):
        near = os.path.relpath(value, folder)
        return near if near.startswith(".") else f"./{near}"
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(item, folder) for name, item in found.items() if item is not None}
    if isinstance(value, Mapping):
        return {name: plain(item, folder) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, folder) for item in value]
    return value


def table_lines(name: str, table: Mapping[str, Any]) -> list[str]:
    """A table's own values, then the tables below it: TOML has them in this order."""
    below = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines = [f"{quoted(key)} = {inline(value)}" for key, value in table.items() if key not in below]
    if name and (lines or not below):
        lines = ["", f"[{name}]", *lines]
    for key, value in below.items():
        lines += table_lines(f"{name}.{quoted(key)}" if name else quoted(key), value)
    return lines


def quoted(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else text(key)


def inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quoted(key)} = {inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return repr(value)


def text(value: str) -> str:
    """A basic string: as JSON's, but for the one control character that JSON lets stand."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
