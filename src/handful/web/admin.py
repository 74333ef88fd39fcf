"""The researcher's pages, under /admin: how far people are, who they are, and what may be done about it.

`add_admin(app, console)` adds them. They are there for the admin's session alone: for everybody else they do not
exist. Every change is a form that works without script, is a row in the ledger before the page answers, and can be
undone. Which system wrote what is on none of them: a study that runs is blind to the researcher too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from handful.annotate.ledger import Ledger
from handful.core.errors import DataError
from handful.web.admin_pages import Console as Console
from handful.web.admin_pages import common, overview_page, person_page, prompts_page
from handful.web.exports import FILES, export
from handful.web.guard import token_fits
from handful.web.rendering import message, page
from handful.web.sessions import OUT_OF_DATE, admin_of, session_of

LONGEST_REASON = 200
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

RESTARTED = (
    "The server was started again: use the researcher's link that it printed. Each start prints a new one, and ends "
    "those before it. Nothing was lost."
)

Field = Annotated[str, Form()]


class NoLonger(Exception):
    """A session of the researcher's that was ended by a newer link."""


def admin_session(request: Request) -> str:
    """The session of the researcher; for anybody else the page is not there."""
    session = session_of(request)
    if admin_of(request) is not None:
        return session
    ledger: Ledger = request.app.state.ledger
    if session and ledger.former(session) == ("admin", ""):
        raise NoLonger
    raise HTTPException(404)


Admin = Annotated[str, Depends(admin_session)]


def add_admin(app: FastAPI, console: Console) -> None:
    @app.exception_handler(NoLonger)
    def ended(request: Request, error: NoLonger) -> Response:
        return message(RESTARTED, 403, "This link is an older one", go_on="")

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
    """The event says who got it, when and from where, and never the link."""
    name = console.person(name).name
    response = show_link(console, session, name)
    console.ledger.event("linked", name, "by the researcher's page")
    return response


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
