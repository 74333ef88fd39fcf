"""Dialogues from JSON (a list, or one row a line) or Parquet. Each row is recognised by its keys.

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
    {"conversations": ["…", "…"]}                                    as LIMA's release; one string is a prompt
    {"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}
    {"instruction": "…", "input": "…", "output": "…", "history": [["…", "…"]]}              as Alpaca's
    {"instruction": "…", "instances": [{"input": "…", "output": "…"}]}          as its seed tasks: one each

A row may have `id`, `author`, `license`, `url`, `title`, `source`, `community` and `tags` of its own: what
`handful export` writes comes back. Lines of JSON are read one at a time, Parquet by the thousand, a list whole. Not
covered: tools, images, and system messages, which are left out and counted, as are keys that mean nothing here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.core.optional import need
from handful.core.types import Dropped, Example, Noun, Origin, Prompt, Role, Turn, check_turns
from handful.recipe.sources import Messages
from handful.run.progress import progress
from handful.sources import json_rows
from handful.sources.json_rows import BadRow

ROLES: dict[str, Role] = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
FILES = {"train": "examples", "dev": "dev", "test": "test"}
SUFFIXES = (".json", ".jsonl", ".parquet")
FORMS = ("messages", "conversations", "instruction")
COLUMNS = (*FORMS, "input", "output", "history")
NESTED = "instances"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PROVENANCE = ("id", "source", "community", "title", "url", "author", "license", "tags")


def read(
    name: str, source: Messages, rules: Mapping[str, int], put: Callable[[str, Noun], None], scratch: Path
) -> dict[str, Any]:
    """Put each row's dialogue, or what is wrong with it, in the order of the files.

    Raises:
        DataError: a file is missing, empty or not JSON, or no row of it can be used.
    """
    seen: set[str] = set()
    ignored: dict[str, Counter[str]] = {}
    number = 0
    for path in _files(source.paths):
        reasons = Counter[str]()
        kept = 0
        first = ""
        with progress(f"{name}: reading {path.name}", None, "rows") as advance:
            for where, row in rows(path):
                number += 1
                ignored.setdefault(path.name, Counter()).update(_unknown(row))
                for one in unfolded(row, fallback := f"{name}/{number}"):
                    for file, record in read_row(one, where, fallback, name, source, seen):
                        put(file, record)
                        kept += file != "dropped"
                        if isinstance(record, Dropped):
                            reasons[record.rule] += 1
                            first = first or f"{record.rule}: {record.detail}"
                advance()
        if not kept:
            raise DataError(
                f"{path}: none of its {sum(reasons.values()):,} rows can be used; {_advice(reasons, first)}"
            )
    return {"ignored_keys": {file: dict(sorted(keys.items())) for file, keys in ignored.items() if keys}}


def _unknown(row: Any) -> list[str]:
    """The keys of a row that mean nothing here."""
    known = (*COLUMNS, *PROVENANCE, NESTED)
    return [str(key) for key in row if key not in known] if isinstance(row, dict) else []


def _advice(reasons: Counter[str], first: str) -> str:
    if set(reasons) == {"no_answer"}:
        return 'every one ends with the user; prompts are read with split = "test"'
    return f"the first is a {first}" if first else "it is empty"


def _files(paths: Iterable[str]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        below = [path] if path.is_file() else sorted(filter(_is_wanted, path.iterdir()))
        if not below:
            raise DataError(f"{path}: holds no *.json, *.jsonl or *.parquet file")
        files += below
    return list(dict.fromkeys(files))  # what is named twice is read once


def _is_wanted(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.is_dir()


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield where each row stands ("file.jsonl:12") and the row, or a BadRow in its place.

    Raises:
        DataError: the file is empty, of another kind or damaged.
    """
    if path.suffix == ".parquet":
        need("pyarrow", f"reading {path.name}")
        from handful.sources import parquet

        yield from parquet.rows(path, FORMS, (*COLUMNS, *PROVENANCE))
        return
    yield from json_rows.rows(path)


def read_row(
    row: Any, where: str, fallback: str, name: str, source: Messages, seen: set[str]
) -> Iterator[tuple[str, Noun]]:
    """Yield (file, record) for one row: its dialogue, or the reason why there is none.

    Args:
        fallback: the id of a row that has none.
        seen: ids so far; this row's is added.
    """
    id = fallback
    try:
        if isinstance(row, BadRow):
            raise row
        if not isinstance(row, dict):
            raise BadRow("a row must be an object")
        id = _id(row, fallback, name)
        if id in seen:
            raise BadRow(f"the id {id!r} stands there twice")
        turns, system = dialogue(row)
        last: Role = "assistant" if turns[-1].role == "assistant" else "user"
        check_turns("the dialogue", turns, last)
    except ValueError as error:
        yield "dropped", Dropped(id, "bad_row", f"{where}: {error}")
        return
    seen.add(id)
    if system:
        yield (
            "dropped",
            Dropped(id, "system_message", f"{where}: left out, the rest is kept: {system[:200]!r}"),
        )
    origin, tags = _origin(row, where, name, source), _tags(row)
    if source.split == "test":
        asked = turns if last == "user" else turns[:-1]
        yield "test", Prompt(id, asked, origin, tags)
    elif last == "user":
        yield "dropped", Dropped(id, "no_answer", f"{where}: the dialogue ends with the user")
    else:
        yield FILES[source.split], Example(id, turns, origin, tags)


def unfolded(row: Any, fallback: str) -> list[Any]:
    """A seed task as one row of Alpaca's an instance; any other row as it is."""
    found = (
        row.get(NESTED) if isinstance(row, dict) and "instruction" in row and "output" not in row else None
    )
    if not isinstance(found, list) or not found:
        return [row]
    shared = {key: value for key, value in row.items() if key != NESTED}
    parts = [one if isinstance(one, dict) else {} for one in found]
    if len(parts) == 1:
        return [shared | _said(parts[0])]
    own = row.get("id") or fallback
    return [shared | _said(one) | {"id": f"{own}-{number}"} for number, one in enumerate(parts, start=1)]


def _said(instance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in instance.items() if key in ("input", "output")}


def dialogue(row: Mapping[str, Any]) -> tuple[tuple[Turn, ...], str]:
    """The turns of a row, and the text of a system message in front of them.

    Raises:
        BadRow: the row is in none of the forms, or a turn is not text, or blank.
    """
    if "messages" in row:
        said = _spoken(row["messages"], "messages", "role", "content")
    elif "conversations" in row:
        said = _conversation(row["conversations"])
    elif "instruction" in row:
        said = _alpaca(row)
    else:
        raise BadRow(
            f"has none of messages, conversations and instruction, but {', '.join(map(str, row)) or 'nothing'}"
        )
    for number, (_, text) in enumerate(said, start=1):
        if not isinstance(text, str):
            raise BadRow(f"turn {number} is not text")
        if not text.strip():
            raise BadRow(f"turn {number} is blank")
    system = said.pop(0)[1] if said and said[0][0] == "system" else ""
    if not said:
        raise BadRow("has no turns")
    for number, (role, _) in enumerate(said, start=1):
        if role not in ROLES:
            raise BadRow(f"turn {number} is by {role!r}, who is none of {', '.join(ROLES)}")
    return tuple(Turn(ROLES[role], text) for role, text in said), system


def _spoken(said: Any, key: str, role: str, text: str) -> list[tuple[str, Any]]:
    if not isinstance(said, list) or not all(
        isinstance(turn, dict) and role in turn and text in turn for turn in said
    ):
        raise BadRow(f"{key} must be a list of objects with {role} and {text}")
    return [(str(turn[role]), turn[text]) for turn in said]


def _conversation(said: Any) -> list[tuple[str, Any]]:
    if isinstance(said, str):
        return [("user", said)]
    if isinstance(said, list) and said and all(isinstance(turn, str) for turn in said):
        return [("assistant" if number % 2 else "user", text) for number, text in enumerate(said)]
    return _spoken(said, "conversations", "from", "value")


def _alpaca(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    history = row.get("history") or []
    if not isinstance(history, list) or not all(
        isinstance(pair, list) and len(pair) == 2 for pair in history
    ):
        raise BadRow("history must be a list of [question, answer] pairs")
    said = [turn for asked, answered in history for turn in (("user", asked), ("assistant", answered))]
    parts = [row["instruction"], row.get("input") or ""]
    if not all(isinstance(part, str) for part in parts):
        raise BadRow("instruction and input must be text")
    said.append(("user", "\n\n".join(part for part in parts if part.strip())))
    output = row.get("output")
    if isinstance(output, str) and not output.strip():
        output = None
    return said if output is None else [*said, ("assistant", output)]


def _id(row: Mapping[str, Any], fallback: str, name: str) -> str:
    """The row's own id, made unlike those of other sources unless it says already where it is from."""
    id = row.get("id")
    if id is None or id == "":
        return fallback
    if not isinstance(id, str | int):
        raise BadRow("id must be text or a number")
    if CONTROL.search(str(id)):
        raise BadRow(f"the id {id!r} holds a control character")
    return str(id) if "/" in str(id) else f"{name}/{id}"


def _origin(row: Mapping[str, Any], where: str, name: str, source: Messages) -> Origin:
    def own(key: str, default: str = "") -> str:
        value = row.get(key)
        return value if isinstance(value, str) and value else default

    # Draws are even over communities: those of two sources of an exported data set stay apart.
    parts = dict.fromkeys(part for part in (own("source"), own("community")) if part)
    return Origin(
        source=name,
        community="/".join(parts) or name,
        item=where,
        url=own("url"),
        author=own("author", source.author),
        license=own("license", source.license),
        title=own("title"),
    )


def _tags(row: Mapping[str, Any]) -> tuple[str, ...]:
    tags = row.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
