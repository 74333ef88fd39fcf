"""Frozen dataclasses from what TOML holds, strictly, with errors that say where.

Not msgspec, which reads the records: its errors lose the keys of dictionaries ("sources[...]") and suggest
no nearest name, and a misspelt recipe key is the error that our users meet first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class Misfit(ValueError):
    """A value that does not fit. `path` is the dotted key, as "train.epochs"."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path


def build(kind: Any, value: Any, path: str = "") -> Any:
    """Make a `kind` of plain `value`.

    Args:
        kind: a dataclass, a union of them told apart by `kind`, tuple[X, ...], dict[str, X], Literal,
            X | None, or str, int, float, bool or a subclass of str.
        value: dicts, lists, strings, numbers and booleans.
        path: where `value` lies in the whole, as "train.epochs"; errors begin with it.

    Raises:
        Misfit: the value does not fit; says where, what was found and what would fit.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _build_table(kind, value, path)
    if origin in (Union, UnionType):
        return _build_union(arguments, value, path)
    if origin is Literal:
        if value not in arguments:
            raise Misfit(path, f"{value!r} is not one of {_listed(arguments)}{_hint(value, arguments)}")
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(build(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {name: build(arguments[1], item, inside(path, name)) for name, item in value.items()}
    return _build_scalar(kind, origin, value, path)


def _build_scalar(kind: Any, origin: Any, value: Any, path: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(kind, type) and issubclass(kind, str) and type(value) is str:
        return kind(value)
    if kind is float and type(value) is float and not isfinite(value):
        raise Misfit(path, f"must be a finite number, found {value}")
    if type(value) is not kind:
        if isinstance(kind, type) and issubclass(kind, str):
            kind = str
        wanted = {tuple: "a list", dict: "a table"}.get(origin, getattr(kind, "__name__", str(kind)))
        raise Misfit(path, f"expected {wanted}, found {value!r}")
    return value


def _build_union(arguments: Iterable[Any], value: Any, path: str) -> Any:
    present = [a for a in arguments if a is not type(None)]
    if len(present) == 1:
        return None if value is None else build(present[0], value, path)
    by_kind = {get_args(_hints(a)["kind"])[0]: a for a in present}
    if not isinstance(value, dict):
        raise Misfit(path, f"expected a table, found {value!r}")
    if "kind" not in value:
        raise Misfit(path, f"is missing 'kind', one of {_listed(by_kind)}")
    if value["kind"] not in list(by_kind):  # by value: what TOML holds may not be hashable
        problem = f"{value['kind']!r} is not one of {_listed(by_kind)}{_hint(value['kind'], by_kind)}"
        raise Misfit(inside(path, "kind"), problem)
    return _build_table(by_kind[value["kind"]], value, path)


def _build_table(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise Misfit(path, f"expected a table, found {value!r}")
    hints = {f.name: _hints(kind)[f.name] for f in fields(kind)}
    for name in value:
        if name not in hints:
            raise Misfit(path, f"has no field {name!r}{_hint(name, hints)}")
    for each in fields(kind):
        if _required(each) and each.name not in value:
            raise Misfit(path, f"is missing {each.name!r}")
    built = {name: build(hints[name], item, inside(path, name)) for name, item in value.items()}
    try:
        return kind(**built)
    except Misfit:
        raise
    except ValueError as error:  # a check of the table itself, which names its field first
        name, _, problem = str(error).partition(": ")
        raise Misfit(inside(path, name), problem) from error


def inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def unknown(name: str, known: Iterable[str], what: str) -> str:
    """In words: there is no such name, these there are, and perhaps this one was meant."""
    names = list(known)
    return f"there is no {name!r} among the {what} ({_listed(names)}){_hint(name, names)}"


def _required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _listed(names: Iterable[Any] | Mapping[str, Any]) -> str:
    return ", ".join(map(repr, names))


def _hint(name: Any, known: Iterable[Any]) -> str:
    close = difflib.get_close_matches(str(name), map(str, known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
