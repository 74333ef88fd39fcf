"""Folders of finished work, each named by what made it: `work/select-8c2f3a1b90de/`.

Same key, same content: a finished folder is never written again, and two recipes that agree up to some stage
share the folders up to it. Nothing in such a folder tells the time: two runs make the same bytes. How long
things took is in `work/journal.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from handful.core.errors import CorruptFolder
from handful.core.files import file_hash, files_below, write_whole
from handful.run.keys import Hashes

MANIFEST = "manifest.json"
PARTIAL = ".partial"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What made a folder and what is in it. Written last: where it exists, the folder is whole."""

    step: str
    """The stage, and for one that is fanned out its entry: "generate/tuned"."""
    version: int
    key: str
    params: Any
    inputs: dict[str, str]
    """Label of a step that was read -> its key."""
    counts: dict[str, Any]
    files: dict[str, str]
    """Name -> sha256."""
    environment: dict[str, str]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(msgspec.to_builtins(manifest), indent=2, ensure_ascii=False)
    write_whole(folder / MANIFEST, text + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Raises CorruptFolder where there is none, or none that can be read."""
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not folder.exists():
            raise CorruptFolder(
                f"{folder}: no such folder; `handful plan RECIPE` lists those of a recipe"
            ) from error
        if not folder.is_dir():
            raise CorruptFolder(f"{folder}: is a file; it is not a finished folder") from error
        raise CorruptFolder(f"{folder}: holds no {MANIFEST}; it is not a finished folder") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptFolder(f"{path}: cannot be read ({error}); {remedy(folder)}") from error


def content_hashes(folder: Path) -> dict[str, str]:
    """Every file's sha256 but the manifest's, by its name relative to `folder`."""
    return {
        path.relative_to(folder).as_posix(): file_hash(path)
        for path in files_below(folder)
        if path.name != MANIFEST
    }


def differences(folder: Path, hashes: Hashes | None = None) -> list[str]:
    """In words, how the files differ from the manifest. With `hashes`, files of unchanged size and date pass."""
    manifest = read_manifest(folder)
    found = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    found.pop(MANIFEST, None)
    problems = [f"{name} is missing" for name in manifest.files if name not in found]
    problems += [f"{name} does not belong there" for name in found if name not in manifest.files]
    for name, path in found.items():
        expected = manifest.files.get(name)
        if expected and expected != (hashes.of_file(path) if hashes else file_hash(path)):
            problems.append(f"{name} differs")
    if not folder.name.endswith(manifest.key):
        problems.append(f"its key is {manifest.key}")
    return sorted(problems)


def check_whole(folder: Path, hashes: Hashes) -> None:
    """Raise CorruptFolder unless the folder's files are those of its manifest."""
    problems = differences(folder, hashes)
    if problems:
        raise CorruptFolder(f"{folder}: {', '.join(problems)}; {remedy(folder)}")


def remedy(folder: Path) -> str:
    return f"remove it with `rm -r {folder}` and run again: it is made anew"


def finished(root: Path) -> list[Path]:
    """The finished folders of a work folder."""
    return sorted(
        path.parent for path in root.glob(f"*/{MANIFEST}") if not path.parent.name.endswith(PARTIAL)
    )


def only(inputs: Mapping[str, Path], stage: str) -> dict[str, Path]:
    """The folders of one stage among a step's inputs: entry -> folder, for a stage that is fanned out."""
    return {
        label.partition("/")[2]: folder
        for label, folder in inputs.items()
        if label.partition("/")[0] == stage
    }
