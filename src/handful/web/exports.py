"""Everything that people said, as files: streamed, at any time, and never with a system's name.

CSV for spreadsheets: a cell that a spreadsheet would take for a formula begins with an apostrophe. JSON lines hold the
texts as they were typed. Hashes of links and sessions are in neither.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Literal

import msgspec
from fastapi.responses import Response, StreamingResponse

from handful.annotate.board import Board
from handful.annotate.items import PAIRS, SIDES, side_of
from handful.annotate.ledger import Answer, Ledger

Form = Literal["csv", "jsonl"]
Row = dict[str, Any]
LINES_AT_ONCE = 500
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell must not begin with: Excel, LibreOffice and Sheets run it."""
ANSWER_COLUMNS = (
    "id", "at", "person", "group", "task", "prompt", "subject", "item", "round", "shown", "choice", "side",
    "reason", "seconds", "supersedes",
)  # fmt: skip
PEOPLE_COLUMNS = (
    "name", "group", "state", "reason", "answered", "left", "skipped", "seconds", "last_seen", "checks_passed",
    "checks", "repeats_same", "repeats", "chose_first", "chose_a_side",
)  # fmt: skip
EVENT_COLUMNS = ("id", "at", "person", "kind", "reason")


def standing(ledger: Ledger, board: Board) -> Iterator[Row]:
    """The last word of everybody on everything; what was taken back is not there."""
    return answer_rows((a for a in ledger.answers() if a.choice is not None), ledger, board)


def history(ledger: Ledger, board: Board) -> Iterator[Row]:
    """Every row ever written: answers, answers taken back (no choice), answers given again."""
    return answer_rows(ledger.history(), ledger, board)


def answer_rows(answers: Iterable[Answer], ledger: Ledger, board: Board) -> Iterator[Row]:
    groups = {person.name: person.group for person in ledger.people()}
    for answer in answers:
        item = board.study.items.get(answer.item)
        known = item is not None and answer.task in PAIRS and answer.choice in SIDES
        yield {
            "id": answer.id,
            "at": answer.at,
            "person": answer.person,
            "group": groups.get(answer.person, ""),
            "task": answer.task,
            "prompt": item.prompt_id if item else "",
            "subject": answer.subject,
            "item": answer.item,
            "round": answer.round,
            "shown": answer.shown,
            "choice": answer.choice,
            "side": side_of(item, answer.shown, answer.first, answer.choice) if known else "",  # type: ignore[arg-type]
            "reason": answer.reason,
            "seconds": None if answer.ms is None else answer.ms / 1000,
            "supersedes": answer.supersedes,
        }


def people(ledger: Ledger, board: Board) -> Iterator[Row]:
    for row in board.progress().people:
        yield {
            "name": row.name,
            "group": row.group,
            "state": row.state,
            "reason": row.reason,
            "answered": row.answered,
            "left": row.left,
            "skipped": row.skipped,
            "seconds": row.seconds,
            "last_seen": row.last_seen,
            "checks_passed": row.checks[0],
            "checks": row.checks[1],
            "repeats_same": row.repeats[0],
            "repeats": row.repeats[1],
            "chose_first": row.first[0],
            "chose_a_side": row.first[1],
        }


def events(ledger: Ledger, board: Board) -> Iterator[Row]:
    for event in ledger.events():
        yield {name: getattr(event, name) for name in EVENT_COLUMNS}


Reader = Callable[[Ledger, Board], Iterator[Row]]
READERS: dict[str, tuple[tuple[str, ...], Reader]] = {
    "answers": (ANSWER_COLUMNS, standing),
    "history": (ANSWER_COLUMNS, history),
    "people": (PEOPLE_COLUMNS, people),
    "events": (EVENT_COLUMNS, events),
}
FILES: dict[str, tuple[str, str]] = {
    "answers": ("Answers that stand, with reasons, seconds and skips", "answers"),
    "history": ("Every answer ever given or taken back", "history"),
    "people": ("People and their figures", "people"),
    "events": ("What happened: consent, pauses, people dropped and kept", "events"),
}


def export(name: str, form: str, ledger: Ledger, board: Board, title: str) -> Response:
    """A file to download. The ledger is first asked before anything is sent, so that its failure is a page."""
    columns, read = READERS[name]
    rows = read(ledger, board)
    first = list(first_of(rows, LINES_AT_ONCE))
    lines = as_csv(columns, chain(first, rows)) if form == "csv" else as_jsonl(chain(first, rows))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-.") or "study"
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    return StreamingResponse(
        lines,
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{stem}-{name}.{form}"'},
    )


def first_of(rows: Iterator[Row], n: int) -> Iterator[Row]:
    for row in rows:
        yield row
        n -= 1
        if not n:
            return


def as_jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    for some in chunks(rows):
        yield b"".join(msgspec.json.encode(row) + b"\n" for row in some)


def as_csv(columns: tuple[str, ...], rows: Iterable[Row]) -> Iterator[bytes]:
    yield (",".join(columns) + "\r\n").encode()
    for some in chunks(rows):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([harmless(row[name]) for name in columns] for row in some)
        yield text.getvalue().encode()


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while some := list(first_of(rows, LINES_AT_ONCE)):
        yield some


def harmless(value: Any) -> str:
    """A cell that no spreadsheet runs. Numbers are ours, and stay numbers."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip(" ").startswith(RISKY) else text
