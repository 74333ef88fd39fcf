"""Everything that people said, as files: streamed, at any time, and never with a system's name.

CSV for spreadsheets: a cell that a spreadsheet would take for a formula begins with an apostrophe. JSON lines hold the
texts as they were typed. Hashes of links and sessions are in neither.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, Literal

import msgspec
from fastapi.responses import Response, StreamingResponse

from handful.annotate.board import Board
from handful.annotate.items import PAIRS, SIDES, SKIP, side_of
from handful.annotate.ledger import Answer, Ledger
from handful.annotate.talks import Talks

Form = Literal["csv", "jsonl"]
Row = dict[str, Any]
LINES_AT_ONCE = 500
EVERY = 10**9
"""More items than any study has."""
PRACTICE, CHECK = "practice", "check"
"""What stands as the task of an answer that is to no item of the study."""
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell must not begin with: Excel, LibreOffice and Sheets run it."""
ANSWER_COLUMNS = (
    "id", "at", "person", "group", "task", "prompt", "subject", "item", "round", "shown", "choice", "side",
    "reason", "seconds", "supersedes", "counted", "not_counted",
)  # fmt: skip
PEOPLE_COLUMNS = (
    "name", "group", "state", "reason", "answered", "left", "skipped", "seconds", "last_seen", "checks_passed",
    "checks", "repeats_same", "repeats", "chose_first", "chose_a_side",
)  # fmt: skip
EVENT_COLUMNS = ("id", "at", "person", "kind", "reason")
TALK_COLUMNS = (
    "id", "person", "group", "prompt", "replies", "graded", "ended", "reason", "counted", "not_counted",
)  # fmt: skip
TURN_COLUMNS = ("conversation", "person", "prompt", "number", "role", "text", "grade")


def standing(ledger: Ledger, board: Board) -> Iterator[Row]:
    """The last word of everybody on everything but practice; what was taken back is not there."""
    found = (a for a in ledger.answers() if a.choice is not None and a.task != PRACTICE)
    return answer_rows(found, ledger, board, frozenset())


def history(ledger: Ledger, board: Board) -> Iterator[Row]:
    """Every row ever written: practice, answers, answers taken back (no choice), answers given again."""
    stand = {answer.id for answer in ledger.answers()}
    replaced = {answer.id for answer in ledger.history()} - stand
    return answer_rows(ledger.history(), ledger, board, replaced)


def not_counted(
    answer: Answer, dropped: AbstractSet[str], replaced: AbstractSet[int], asked: AbstractSet[str]
) -> str:
    """Why an answer is in no rate of the report; "" where it is in one."""
    if answer.person in dropped:
        return "dropped"
    if answer.task in (PRACTICE, CHECK):
        return answer.task
    if answer.choice is None or answer.id in replaced:
        return "taken back"
    if answer.item not in asked:
        return "not of this study"
    if answer.round:
        return "repeat"
    return SKIP if answer.choice == SKIP else ""


def answer_rows(
    answers: Iterable[Answer], ledger: Ledger, board: Board, replaced: AbstractSet[int]
) -> Iterator[Row]:
    everybody = ledger.people()
    groups = {person.name: person.group for person in everybody}
    dropped = {person.name for person in everybody if person.state == "dropped"}
    asked = {row.key for row in board.items(0, EVERY)[0]}  # those of live conversations too
    for answer in answers:
        why = not_counted(answer, dropped, replaced, asked)
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
            "counted": not why,
            "not_counted": why,
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


def conversations(ledger: Ledger, board: Board) -> Iterator[Row]:
    """Each live conversation. Neither its arm nor how long replies took is there: both would tell systems apart."""
    known = {person.name: person for person in ledger.people()}
    for talk in Talks(ledger).all():
        person = known.get(talk.person)
        dropped = person is not None and person.state == "dropped"
        why = "dropped" if dropped else "" if talk.ended else "not ended"
        yield {
            "id": talk.id,
            "person": talk.person,
            "group": person.group if person else "",
            "prompt": talk.prompt_id,
            "replies": len(talk.replies),
            "graded": sum(talk.grade_of(reply.number) is not None for reply in talk.replies),
            "ended": talk.ended or "",
            "reason": talk.reason,
            "counted": not why,
            "not_counted": why,
        }


def turns(ledger: Ledger, board: Board) -> Iterator[Row]:
    """Each message and reply of the live conversations, with the grade that stands."""
    for talk in Talks(ledger).all():
        for said in talk.said:
            yield {
                "conversation": talk.id,
                "person": talk.person,
                "prompt": talk.prompt_id,
                "number": said.number,
                "role": said.role,
                "text": said.text,
                "grade": talk.grade_of(said.number) or "",
            }


Reader = Callable[[Ledger, Board], Iterator[Row]]
READERS: dict[str, tuple[tuple[str, ...], Reader]] = {
    "answers": (ANSWER_COLUMNS, standing),
    "history": (ANSWER_COLUMNS, history),
    "people": (PEOPLE_COLUMNS, people),
    "events": (EVENT_COLUMNS, events),
    "conversations": (TALK_COLUMNS, conversations),
    "turns": (TURN_COLUMNS, turns),
}
FILES: dict[str, tuple[str, str]] = {
    "answers": ("Answers that stand, with reasons, seconds and skips", "answers"),
    "history": ("Every answer ever given or taken back, practice too", "history"),
    "people": ("People and their figures", "people"),
    "events": ("What happened: consent, pauses, people dropped and kept", "events"),
    "conversations": ("Live conversations: whose, on what, how far", "conversations"),
    "turns": ("What was said in them, turn by turn, with grades", "turns"),
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
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip(" ").startswith(RISKY) else text
