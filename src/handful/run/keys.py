"""What a folder's name is made of: parameters in plain form, and the content of input files.

A key is the hash of a stage's name and version, its parameters and the keys of what it read. Input files enter
by name and sha256, so a dump may move without anything running again, and may not change unnoticed. A field marked
`field(metadata={"key": False})` does not decide what comes out, such as where to show progress, and stays outside. One
marked `{"key": "stated"}` came after its stage: it is inside where it has another value than its default, so that the
keys of recipes that do not use it stay as they were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from handful.core.errors import DataError
from handful.core.files import file_hash, files_below, write_whole
from handful.recipe.values import InputPath, ModelRef

DIGITS = 12


def key_of(stage: str, version: int, params: Any, inputs: Mapping[str, str]) -> str:
    """Twelve hex digits that change when anything that decides the content changes.

    Args:
        params: plain values, as `plain` makes them.
        inputs: label of a step -> its key.
    """
    facts = [stage, version, params, dict(inputs)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:DIGITS]


def decides(field: Field[Any], value: Any) -> bool:
    """Whether a field is part of a key: not where it is marked False, nor at its default where marked "stated"."""
    mark = field.metadata.get("key", True)
    return bool(mark) and not (mark == "stated" and value == field.default)


def plain(value: Any, hashes: Hashes, where: str) -> Any:
    """Parameters as dicts, lists, strings and numbers, with input files as their name and sha256.

    Args:
        where: the label of their step: what an error begins with, and the setting.

    Raises:
        DataError: an input file is missing, or no file.
    """
    if isinstance(value, InputPath) or (isinstance(value, ModelRef) and value.is_folder):
        try:
            return {"input": Path(value).name, "sha256": hashes.of(Path(value))}
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
    if is_dataclass(value) and not isinstance(value, type):
        deciding = [field for field in fields(value) if decides(field, getattr(value, field.name))]
        return {f.name: plain(getattr(value, f.name), hashes, f"{where}, {f.name}") for f in deciding}
    if isinstance(value, Mapping):
        return {str(name): plain(item, hashes, where) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, hashes, where) for item in value]
    return str(value) if isinstance(value, str) else value


class Hashes:
    """sha256 of files and folders, remembered between runs while size and time of change stay the same.

    Reading 100 GB to learn that nothing changed would take longer than the work. A change that leaves both size
    and time alone is not seen here: `handful verify` reads every byte.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known: dict[str, list[Any]] = {}
        self.changed = False
        if file.exists():
            try:
                self.known = json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                self.changed = True  # only a memory: what cannot be read is measured again

    def of(self, path: Path) -> str:
        """The hash of a file, or of a folder's file names and contents.

        Raises:
            DataError: there is nothing at `path`, or what cannot be read twice: a pipe, a device.
        """
        if path.is_dir():
            lines = [
                f"{file.relative_to(path).as_posix()} {self.of_file(file)}" for file in files_below(path)
            ]
            return hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return self.of_file(path)

    def of_file(self, path: Path) -> str:
        name, mark = str(path.resolve()), self._mark(path)
        known = self.known.get(name)
        if known is None or known[:2] != mark:
            known = self.known[name] = [*mark, file_hash(path)]
            self.changed = True
        return str(known[2])

    def remember(self, path: Path, sha256: str) -> None:
        """Take over a hash that was measured just now."""
        self.known[str(path.resolve())] = [*self._mark(path), sha256]
        self.changed = True

    def _mark(self, path: Path) -> list[int]:
        try:
            stat = path.stat()
        except FileNotFoundError as error:
            raise DataError(f"{path}: no such file or folder") from error
        if not S_ISREG(stat.st_mode):
            raise DataError(
                f"{path}: is neither a file nor a folder; what comes through a pipe or a device must be saved first"
            )
        return [stat.st_size, stat.st_mtime_ns]

    def save(self) -> None:
        """Write what is known of files that still exist, if the work folder does."""
        if self.changed and self.file.parent.is_dir():
            self.known = {name: known for name, known in self.known.items() if Path(name).exists()}
            write_whole(self.file, json.dumps(self.known, indent=0, sort_keys=True))
            self.changed = False
