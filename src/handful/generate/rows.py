"""Rows of a file of responses: JSON lines, one JSON list, or CSV; each row is read by the names of its columns.

    {"prompt_id": "mine/1", "text": "…"}                                        as our own responses.jsonl
    {"instruction": "…", "input": "", "output": "…", "generator": "gpt4"}       as AlpacaEval's model_outputs.json
    {"question_id": 81, "model_id": "m", "choices": [{"turns": ["…", "…"]}]}    as MT-Bench's model_answer files
    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}  dialogues, also as `conversations`

A row that cannot be read is told in its place, and no guess is made. What a row answers is for `recorded` to find out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import msgspec

from handful.core.beginnings import ENOUGH, foreign
from handful.core.errors import DataError
from handful.core.types import Finish

IDS = ("prompt_id", "question_id", "id")
PROMPTS = ("prompt", "instruction", "question")
TEXTS = ("text", "output", "response", "answer", "completion")
SYSTEMS = ("system", "generator", "model_id", "model")
DIALOGUES = ("messages", "conversations")
USER, ASSISTANT = ("user", "human"), ("assistant", "gpt")
FINISHES: dict[str, Finish] = {"max_tokens": "length", **{word: word for word in get_args(Finish)}}
BOM = b"\xef\xbb\xbf"


class BadRow(ValueError):
    """A row that cannot be used. Says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, or one dialogue's, as a file tells it."""

    where: str
    """Such as "answers.jsonl:12"."""
    id: str
    """Of the prompt; empty where the row has none."""
    asked: tuple[str, ...]
    """The user's turns; empty where the row does not tell them."""
    answers: tuple[str, ...]
    """The system's turns, the last one last."""
    system: str
    sample: int | None
    finish: Finish | None


def read(path: Path) -> Iterator[Row]:
    """Every row of a file.

    Raises:
        DataError: there is no such file, it is of another kind, or a row cannot be read; says which line.
    """
    try:
        content = path.read_bytes().removeprefix(BOM)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if words := foreign(content[:ENOUGH]):
        raise DataError(f"{path}: {words}")
    if not content.strip():
        raise DataError(f"{path}: is empty")
    for where, found in _tables(path, content):
        try:
            yield from _rows(where, found)
        except BadRow as error:
            raise DataError(f"{path.parent / where}: {error}") from error


def _tables(path: Path, content: bytes) -> Iterator[tuple[str, Any]]:
    head = content.lstrip()[:1]
    if head == b"[":
        try:
            found = msgspec.json.decode(content, type=list[Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DataError(f"{path}: begins as a JSON list, and cannot be read as one ({error})") from error
        yield from ((f"{path.name}: row {number}", row) for number, row in enumerate(found, start=1))
    elif head == b"{":
        yield from _lines(path, content)
    else:
        yield from _csv(path, content)


def _lines(path: Path, content: bytes) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield f"{path.name}:{number}", msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DataError(
                f"{path}:{number}: not JSON ({error}); a file of responses holds one object a line, or one list of "
                "them, or CSV"
            ) from error


def _csv(path: Path, content: bytes) -> Iterator[tuple[str, Any]]:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start})") from error
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = table.fieldnames or ()
        if not set(names) & {*IDS, *PROMPTS} or not set(names) & set(TEXTS):
            raise DataError(
                f"{path}: is neither JSON nor a CSV table of responses: its first line must name a column "
                f"{_either(('prompt_id', *PROMPTS))}, and one {_either(TEXTS)}; found {', '.join(names)[:200]}"
            )
        for row in table:
            if None in row or None in row.values():
                raise BadRow(f"has not the {len(names)} columns of the first line")
            yield (
                f"{path.name}:{table.line_num}",
                {name: cell for name, cell in row.items() if cell or name in TEXTS},
            )
    except (csv.Error, BadRow) as error:
        raise DataError(f"{path}:{table.line_num}: {error}") from error


def _rows(where: str, row: Any) -> Iterator[Row]:
    """The row of an object; of MT-Bench's, one a choice."""
    if not isinstance(row, dict):
        raise BadRow(f"a row must be an object, found {str(row)[:60]!r}")
    if "choices" in row:
        for number, choice in enumerate(_list(row, "choices")):
            turns = choice.get("turns") if isinstance(choice, dict) else None
            if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
                raise BadRow("choices must be a list of objects with turns, a list of texts")
            yield _row(where, row, _asked(row), tuple(turns), choice.get("index", number))
        return
    if key := next((key for key in DIALOGUES if key in row), ""):
        asked, answers = _spoken(_list(row, key), key)
        yield _row(where, row, asked, answers)
        return
    text = _first(row, TEXTS)
    if not any(name in row for name in TEXTS) and row.get("finish") != "error":
        raise BadRow(f"has no answer: no column {_either(TEXTS)}, but {', '.join(map(str, row))[:200]}")
    if not isinstance(text, str | None):
        raise BadRow(f"the answer must be text, found {str(text)[:60]!r}")
    yield _row(where, row, _asked(row), (text or "",))


def _row(
    where: str,
    row: Mapping[str, Any],
    asked: tuple[str, ...],
    answers: tuple[str, ...],
    number: Any = None,
) -> Row:
    id, finish, sample = _first(row, IDS), row.get("finish"), row.get("sample", number)
    if id is None and not asked:
        raise BadRow(f"does not say which prompt it answers: no column {_either((*IDS, *PROMPTS))}")
    if finish is not None and str(finish) not in FINISHES:
        raise BadRow(f"finish {finish!r} is none of {', '.join(FINISHES)}")
    if sample is not None and not str(sample).isdecimal():
        raise BadRow(f"sample must be a number from 0, found {sample!r}")
    return Row(
        where,
        "" if id is None else str(id),
        asked,
        answers,
        system=str(_first(row, SYSTEMS) or ""),
        sample=None if sample is None else int(sample),
        finish=FINISHES[finish] if finish is not None else None,
    )


def _asked(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The prompt that a row states; Alpaca's input stands below its instruction, as the sources read it."""
    asked = _first(row, PROMPTS)
    if asked is None:
        return ()
    parts = [asked, row.get("input") or ""] if "instruction" in row else [asked]
    if not all(isinstance(part, str) for part in parts):
        raise BadRow("the prompt must be text")
    return ("\n\n".join(part for part in parts if part.strip()),)


def _spoken(said: Sequence[Any], key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the user and the system said, in turns that alternate; a system message in front is passed over."""
    turns: list[tuple[str, Any]] = []
    for place, turn in enumerate(said):
        if isinstance(turn, str):
            turns.append((ASSISTANT[0] if place % 2 else USER[0], turn))
        elif isinstance(turn, dict):
            turns.append((str(turn.get("role", turn.get("from"))), turn.get("content", turn.get("value"))))
    turns = turns[1:] if turns and turns[0][0] == "system" else turns
    fits = all(
        role in (ASSISTANT if place % 2 else USER) and isinstance(text, str)
        for place, (role, text) in enumerate(turns)
    )
    if not fits or not turns or len(turns) % 2:
        raise BadRow(f"{key} must alternate between user and assistant, in text, and end with the assistant")
    return tuple(text for _, text in turns[::2]), tuple(text for _, text in turns[1::2])


def _list(row: Mapping[str, Any], key: str) -> Sequence[Any]:
    if not isinstance(row[key], list) or not row[key]:
        raise BadRow(f"{key} must be a list that is not empty")
    return list(row[key])


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
