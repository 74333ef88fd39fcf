"""Kinds of value that a recipe's tables hold beside text and numbers, and the check that a number is in its range."""

from __future__ import annotations

from typing import Any


class InputPath(str):
    """A file or folder that a recipe reads. It enters keys by its content, not by where it lies."""

    __slots__ = ()


class ModelRef(str):
    """An embedded model's name, a folder (with a "/", "." or "~" in front), or a Hugging Face hub name."""

    __slots__ = ()

    @property
    def is_folder(self) -> bool:
        return self.startswith(("/", ".", "~"))


def check(owner: object, name: str, low: float | None = None, high: float | None = None) -> None:
    """Raise ValueError unless the field `name` of `owner` lies in [low, high]."""
    value: Any = getattr(owner, name)
    if low is not None and value < low:
        raise ValueError(f"{name}: must be at least {low}, found {value}")
    if high is not None and value > high:
        raise ValueError(f"{name}: must be at most {high}, found {value}")
