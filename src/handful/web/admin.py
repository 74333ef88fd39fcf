"""The researcher's pages, under /admin: how far people are, who they are, and what may be done about it.

`add_admin(app, console)` adds them. They are there for the admin's session alone: for everybody else they do not
exist. Every change is a form that works without script, is a row in the ledger before the page answers, and can be
undone. Which system wrote what is on none of them: a study that runs is blind to the researcher too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from handful.annotate.board import Board
from handful.annotate.items import PAIRS
from handful.annotate.ledger import Ledger
from handful.annotate.people import Person
from handful.core.errors import DataError
from handful.recipe.evaluation import Annotate
from handful.web import overview
from handful.web.exports import FILES, export
from handful.web.guard import form_token, token_fits
from handful.web.rendering import page
from handful.web.sessions import OUT_OF_DATE, admin_of, session_of
from handful.web.wording import amount, event_text, figures, share, taken, task_name

PROMPTS_A_PAGE = 50
LONGEST_REASON = 200
EVERY = 10**9
"""More items than any study has."""
NOTICES = {
    "paused": "Paused: they are given no more items.",
    "resumed": "They may answer again.",
    "revoked": "Revoked: their link and their devices are out. What they answered still counts.",
    "dropped": "Dropped: their answers are kept, and left out of the results.",
    "kept": "Their answers count again.",
    "released": "What was opened and not answered goes to others now.",
    "study_paused": "The study is paused: nobody is given an item.",
    "study_resumed": "The study goes on.",
}
"""What a redirect may say: the address names one of these, and never brings text of its own."""

Field = Annotated[str, Form()]


@dataclass(slots=True)
class Console:
    """A served study, as its researcher sees it."""

    board: Board
    ledger: Ledger
    params: Annotate
    title: str
    origin: str
    """What links begin with, as https://study.example.org."""
    command: str
    """What gives the report once people are done."""
    changed: Callable[[], str] = lambda: ""
    """What to tell of a recipe that is no longer the one served; "" while it is."""
    words: overview.Words = field(init=False)
    unseen: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """A secret to show once: number in the address -> (session that may see it, person, link)."""

    def __post_init__(self) -> None:
        self.words = overview.Words(self.ledger)

    def person(self, name: str) -> Person:
        """The person of that name; 404 where there is none."""
        for person in self.ledger.people():
            if person.name == name:
                return person
        raise HTTPException(404)


def admin_session(request: Request) -> str:
    """The session of the researcher; for anybody else the page is not there."""
    if admin_of(request) is None:
        raise HTTPException(404)
    return session_of(request)


Admin = Annotated[str, Depends(admin_session)]


def add_admin(app: FastAPI, console: Console) -> None:
    add_reading(app, console)
    add_exports(app, console)
    add_acting(app, console)


def add_reading(app: FastAPI, console: Console) -> None:
    @app.get("/admin")
    def admin(session: Admin, notice: str = "") -> Response:
        return overview_page(console, session, NOTICES.get(notice, ""))

    @app.get("/admin/prompts")
    def prompts(session: Admin, page: str = "1", sort: str = "") -> Response:
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
        return prompts_page(console, session, number, "open" if sort == "open" else "")

    @app.get("/admin/person/{name}")
    def person(session: Admin, name: str, notice: str = "") -> Response:
        return person_page(console, session, name, NOTICES.get(notice, ""))

    @app.get("/admin/link/{number}")
    def link(session: Admin, number: str) -> Response:
        owner, name, address = console.unseen.get(number, ("", "", ""))
        if owner != session:
            return page("admin_link.html", name="", link="", **common(console, session))
        del console.unseen[number]
        return page("admin_link.html", name=name, link=address, **common(console, session))


def add_exports(app: FastAPI, console: Console) -> None:
    @app.get("/admin/export/{file}")
    def exported(session: Admin, file: str) -> Response:
        name, _, form = file.rpartition(".")
        if name not in FILES or form not in ("csv", "jsonl"):
            raise HTTPException(404)
        return export(name, form, console.ledger, console.board, console.title)


def add_acting(app: FastAPI, console: Console) -> None:
    @app.post("/admin/{action}")
    def act(
        session: Admin,
        action: str,
        token: Field = "",
        name: Field = "",
        group: Field = "",
        reason: Field = "",
    ) -> Response:
        if action not in ACTIONS:
            raise HTTPException(404)
        proven = "" if action == "add" else name
        if not token_fits(token, session, "admin", action, proven):
            return overview_page(console, session, problem=OUT_OF_DATE, status=403)
        try:
            return ACTIONS[action](console, session, name, group, reason)
        except DataError as error:
            return overview_page(console, session, problem=f"Nothing was changed. {error}", status=400)

    @app.get("/admin/{action}")
    def reloaded(session: Admin, action: str) -> Response:
        if action not in ACTIONS:
            raise HTTPException(404)
        return RedirectResponse("/admin", status_code=303)


def add_person(console: Console, session: str, name: str, group: str, reason: str) -> Response:
    name, group = plain(name), plain(group)
    console.ledger.add_person(name, group)
    return show_link(console, session, name)


def new_link(console: Console, session: str, name: str, group: str, reason: str) -> Response:
    return show_link(console, session, console.person(name).name)


def restore(console: Console, session: str, name: str, group: str, reason: str) -> Response:
    """The link that was revoked may be in the wrong hands, so there is a new one."""
    console.ledger.event("restored", console.person(name).name)
    return show_link(console, session, name)


def show_link(console: Console, session: str, name: str) -> Response:
    """Make a link and show it on a page of its own, once: the redirect keeps a reload from making another."""
    token = console.ledger.new_token("person", name)
    number = secrets.token_urlsafe(8)
    while len(console.unseen) >= 100:  # links made and never looked at
        console.unseen.pop(next(iter(console.unseen)))
    console.unseen[number] = (session, name, f"{console.origin}/link/{token}")
    return RedirectResponse(f"/admin/link/{number}", status_code=303)


def happens(kind: str, *, frees: bool = False) -> Callable[..., Response]:
    """An action that is one event about one person; `frees` what they hold."""

    def act(console: Console, session: str, name: str, group: str, reason: str) -> Response:
        person = console.person(name)
        reason = plain(reason)[:LONGEST_REASON]
        if kind == "dropped" and not reason:
            raise DataError("Say why they are dropped: the report's readers will ask")
        console.ledger.event(kind, person.name, reason if kind == "dropped" else "")
        if frees:
            console.board.release(person.name)
        return to_person(person.name, kind)

    return act


def whole(kind: str) -> Callable[..., Response]:
    """An action that is one event about the whole study."""

    def act(console: Console, session: str, name: str, group: str, reason: str) -> Response:
        console.ledger.event(kind)
        return RedirectResponse(f"/admin?notice={kind}", status_code=303)

    return act


def release(console: Console, session: str, name: str, group: str, reason: str) -> Response:
    console.board.release(console.person(name).name)
    return to_person(name, "released")


def release_all(console: Console, session: str, name: str, group: str, reason: str) -> Response:
    console.board.release()
    return RedirectResponse("/admin?notice=released", status_code=303)


def plain(text: str) -> str:
    """One line, without the blanks that pasting leaves."""
    return " ".join(text.split())


def to_person(name: str, notice: str) -> Response:
    return RedirectResponse(f"/admin/person/{quote(name, safe='')}?notice={notice}", status_code=303)


ACTIONS: dict[str, Callable[[Console, str, str, str, str], Response]] = {
    "add": add_person,
    "link": new_link,
    "pause": happens("paused", frees=True),
    "resume": happens("resumed"),
    "revoke": happens("revoked", frees=True),
    "restore": restore,
    "drop": happens("dropped", frees=True),
    "keep": happens("kept"),
    "release": release,
    "release-all": release_all,
    "pause-study": whole("study_paused"),
    "resume-study": whole("study_resumed"),
}


def common(console: Console, session: str, notice: str = "", problem: str = "") -> dict[str, Any]:
    return {
        "study": console.title,
        "notice": notice,
        "problem": problem,
        "token_for": lambda action, name="": form_token(session, "admin", action, name),
        "leave_token": form_token(session, "leave"),
    }


def overview_page(
    console: Console, session: str, notice: str = "", problem: str = "", status: int = 200
) -> Response:
    board, params = console.board, console.params
    progress = board.progress()
    words = console.words.standing()
    times = overview.seconds_by(words, "task")
    items, _ = board.items(0, EVERY)
    prompts = {item.subject: item.prompt_id for item in board.study.items.values()}
    verdicts = {task: board.verdicts(task) for task in board.study.tasks if task in PAIRS}
    found = overview.agreed(board.study.tasks, verdicts, items, prompts)
    return page(
        "admin.html",
        status,
        **common(console, session, notice, problem),
        asked=params,
        changed=console.changed(),
        command=console.command,
        exports=[(name, text) for name, (text, _) in FILES.items()],
        paused=progress.paused,
        now=datetime.now(UTC).strftime("%H:%M"),
        tasks=[
            {
                "name": task_name(row.task),
                "given": row.given,
                "wanted": row.wanted,
                "count": amount(row.items),
                "seconds": taken(times.get(row.task)),
            }
            for row in progress.tasks
        ],
        shared=max((row.shared for row in progress.tasks), default=0),
        people=[figures(row) for row in progress.people],
        skips=overview.skip_reasons(words, board.study.items),
        agreement=[agreement_row(row) for row in found],
    )


def agreement_row(row: overview.Agreed) -> dict[str, str]:
    score = share(row.score) if row.score is not None else f"too few yet ({overview.LEAST_SHARED} are needed)"
    if row.low is not None and row.high is not None:
        score += f" [{share(row.low)}, {share(row.high)}]"
    return {
        "name": task_name(row.task),
        "count": amount(row.items),
        "score": score,
        "chance": share(row.chance),
        "always_tie": share(row.always_tie),
    }


def person_page(console: Console, session: str, name: str, notice: str = "") -> Response:
    person = console.person(name)
    rows = [row for row in console.board.progress().people if row.name == name]
    if not rows:  # added a moment ago by the command, and read by the board at its next look
        raise HTTPException(404)
    events = [
        {"when": event.at[:16].replace("T", " "), "text": event_text(event.kind), "reason": event.reason}
        for event in reversed(console.ledger.events(name))
    ]
    return page(
        "admin_person.html",
        person=person,
        row=figures(rows[0]),
        events=events,
        **common(console, session, notice),
    )


def prompts_page(console: Console, session: str, number: int, sort: str) -> Response:
    board = console.board
    items, _ = board.items(0, EVERY)
    times = overview.seconds_by(console.words.standing(), "item")
    rows = overview.by_prompt(items, board.study.items, times)
    if sort == "open":
        rows.sort(key=lambda row: row.missing, reverse=True)
    pages = max(1, -(-len(rows) // PROMPTS_A_PAGE))
    number = min(max(1, number), pages)
    start = (number - 1) * PROMPTS_A_PAGE
    shown = rows[start : start + PROMPTS_A_PAGE]
    return page(
        "admin_prompts.html",
        **common(console, session),
        rows=[
            {
                "prompt": row.prompt_id,
                "text": beginning(row),
                "count": row.items,
                "given": row.given,
                "wanted": row.wanted,
                "skips": row.skips,
                "seconds": taken(row.seconds),
            }
            for row in shown
        ],
        first=start + 1 if shown else 0,
        last=start + len(shown),
        total=len(rows),
        page=number,
        pages=pages,
        sort=sort,
    )


def beginning(row: overview.PromptRow, letters: int = 90) -> str:
    """The first words of a prompt; nothing where its file is gone, which the overview says."""
    try:
        text = " ".join(row.item.load().turns[0].text.split())
    except DataError:
        return ""
    return text if len(text) <= letters else text[:letters].rsplit(" ", 1)[0] + " …"
