"""The annotators' app: from a personal link over consent, instructions and practice to the items.

`create_app` returns a value: an app over a board and a ledger, which knows neither the folder they came from nor the
key to it. Every page is a plain form and works without script. An answer is in the ledger, on the disk, before the
browser is told to go on; sending it twice changes nothing.

Other modules add to it by `add_X(app, ...)`: `sessions`, `admin`, `talking`. They find `app.state.ledger` and
`app.state.board`; the address that `app.state.onward(person)` gives, if any, is offered to whoever has finished.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from handful.annotate.board import Board
from handful.annotate.items import SKIP
from handful.annotate.ledger import Ledger
from handful.annotate.places import NotOffered, Offer, PartOver, Place
from handful.core.errors import DataError
from handful.web import pages
from handful.web.asking import SKIPS
from handful.web.booth import Booth
from handful.web.guard import Assets, Guard, token_fits
from handful.web.rendering import FOLDER, message
from handful.web.sessions import (
    add_sessions,
    person_of,
    refused,
    session_of,
    sessions_of,
    shut_out,
    visitor_of,
)

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
LONGEST_REASON = 2_000
"""Characters."""
LONGEST_MS = 86_400_000
NUMBER = re.compile(r"[0-9]{1,15}")

Field = Annotated[str, Form()]


def create_app(
    board: Board,
    ledger: Ledger,
    *,
    consent: str,
    reasons: bool = True,
    hosts: Sequence[str] = LOOPBACK_HOSTS,
    secure: bool = False,
) -> FastAPI:
    """The app in which people answer what `board` asks.

    Args:
        consent: Markdown that everybody agrees to first.
        reasons: whether a person may say why.
        hosts: host names that a request may be addressed to; others are refused, since a hostile site may point
            a name of its own at this machine. ("*",) takes any.
        secure: people come by https, even where a proxy in between does not say so: cookies travel no other way.
    """
    app = new_app("Handful study", ledger, hosts=hosts, secure=secure)
    app.state.board = board
    app.state.onward = lambda person: ""
    booth = Booth(board, ledger, consent, reasons)
    add_reading(app, booth)
    add_starting(app, booth)
    add_answering(app, booth)
    add_undoing(app, booth)
    return app


def new_app(title: str, ledger: Ledger, *, hosts: Sequence[str], secure: bool, **guard: Any) -> FastAPI:
    """An app with what all of ours share: links and sessions, guard, static files, pages for errors.

    `guard` goes to `Guard`: `max_body`, in bytes, where forms are larger.
    """
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)
    # Compression tells nothing here: no page repeats what a request brought beside a form's token, and tokens are of
    # one session and one form.
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(Guard, **guard)
    app.state.ledger = ledger
    app.state.secure = secure
    app.mount("/static", Assets(directory=FOLDER / "static"))
    add_sessions(app)
    add_errors(app)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    return app


def add_reading(app: FastAPI, booth: Booth) -> None:
    @app.get("/")
    def show(request: Request, notice: str = "") -> Response:
        visitor, session = visitor_of(request), session_of(request)
        if visitor is None:
            return shut_out(request)
        if visitor.role == "admin":
            return RedirectResponse("/admin", status_code=303)
        person = visitor.person
        place = booth.board.visit(person)
        if place.where in ("paused", "over"):
            return pages.shut(session, person, place.where)
        if place.where == "consent":
            return pages.consent(session, person, booth.consent)
        if place.offer is None:
            return pages.finished(session, person, place, notice, app.state.onward(person))
        task = place.offer.item.task
        if not booth.has_begun(person, task):
            told = booth.told(task)
            return pages.lesson(session, person, task, told, place.where == "practice")
        return item_page(booth, session, person, place, place.offer, notice=notice)

    @app.get("/ahead")
    def show_ahead(request: Request) -> Response:
        """The page that will come next, for a browser that may be offline by then; 204 where there is none."""
        visitor, session = person_of(request), session_of(request)
        place = booth.board.visit(visitor.person) if visitor else None
        if visitor is None or place is None or place.following is None:
            return Response(status_code=204)
        if not booth.has_begun(visitor.person, place.following.item.task):
            return Response(status_code=204)
        return item_page(booth, session, visitor.person, place, place.following, ahead=True)

    @app.get("/answer")
    @app.get("/skip")
    @app.get("/undo")
    @app.get("/practice")
    @app.get("/consent")
    @app.get("/begin")
    def reloaded() -> Response:
        return to_start()


def item_page(booth: Booth, session: str, person: str, place: Place, offer: Offer, **more: Any) -> Response:
    told = booth.told(offer.item.task)
    return pages.item(session, person, place, offer, told, reasons=booth.reasons, **more)


def add_starting(app: FastAPI, booth: Booth) -> None:
    @app.post("/consent")
    def agree(request: Request, token: Field = "", agreed: Field = "") -> Response:
        visitor = person_of(request)
        if visitor is None or not token_fits(token, session_of(request), "consent"):
            return refused(request)
        if agreed == "yes":
            booth.board.consent(visitor.person)
        return to_start()

    @app.post("/begin")
    def begin(request: Request, token: Field = "", task: Field = "") -> Response:
        visitor = person_of(request)
        if visitor is None or not token_fits(token, session_of(request), "begin", task):
            return refused(request)
        booth.begin(visitor.person, task)
        return to_start()

    @app.post("/practice")
    def practise(
        request: Request, token: Field = "", item: Field = "", nonce: Field = "", choice: Field = ""
    ) -> Response:
        visitor, session = person_of(request), session_of(request)
        place = booth.board.visit(visitor.person) if visitor else None
        offer = place.offer if place else None
        if visitor is None or place is None or not pages.shown_by(token, [session], item, nonce):
            return refused(request)
        if place.where != "practice" or offer is None or offer.item.key != item:
            return to_start()  # this one is done already
        refuse_skip(choice)
        number = place.practised + 1
        booth.board.give(
            visitor.person, item, round=offer.round, order=offer.order, choice=choice, nonce=nonce
        )
        found = booth.board.feedback(visitor.person, item)
        if number >= place.practice:
            booth.board.practised(visitor.person)
        if found is None:
            return to_start()
        return pages.practised(session, visitor.person, number, place.practice, offer, choice, found)


def add_answering(app: FastAPI, booth: Booth) -> None:
    @app.post("/answer")
    def answer(
        request: Request,
        token: Field = "",
        item: Field = "",
        nonce: Field = "",
        choice: Field = "",
        reason: Field = "",
        ms: Field = "",
    ) -> Response:
        visitor = person_of(request)
        sessions = sessions_of(request, visitor.person) if visitor else ()
        asked = pages.shown_by(token, sessions, item, nonce)
        if visitor is None or asked is None:
            return refused(request)
        refuse_skip(choice)
        said = reason.replace("\0", "").strip()[:LONGEST_REASON] if booth.reasons else ""
        seen_ms = min(int(ms), LONGEST_MS) if NUMBER.fullmatch(ms) else None
        _, same = booth.board.give(
            visitor.person,
            item,
            round=asked[0],
            order=asked[1],
            choice=choice,
            reason=said,
            ms=seen_ms,
            nonce=nonce,
        )
        return to_start("saved" if same else "stands")

    @app.post("/skip")
    def skip(
        request: Request, token: Field = "", item: Field = "", nonce: Field = "", reason: Field = ""
    ) -> Response:
        visitor = person_of(request)
        sessions = sessions_of(request, visitor.person) if visitor else ()
        asked = pages.shown_by(token, sessions, item, nonce)
        if visitor is None or asked is None:
            return refused(request)
        if reason not in SKIPS:
            return message("Say why you skip it: choose one of the reasons. Nothing was stored.", 400)
        stored = booth.board.skip(
            visitor.person, item, round=asked[0], order=asked[1], reason=reason, nonce=nonce
        )
        return to_start("skipped" if stored else "stands")


def add_undoing(app: FastAPI, booth: Booth) -> None:
    @app.post("/undo")
    def undo(request: Request, token: Field = "", id: Field = "") -> Response:
        visitor = person_of(request)
        if visitor is None or not token_fits(token, session_of(request), "undo", id):
            return refused(request)
        undone = bool(NUMBER.fullmatch(id)) and booth.board.undo(visitor.person, int(id))
        return to_start("undone" if undone else "")


def refuse_skip(choice: str) -> None:
    """A skip has a form of its own, which asks why."""
    if choice == SKIP:
        raise NotOffered("a skip is no answer")


def add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        text = {404: "There is no such page.", 405: "That is not a way to use this page."}
        return message(text.get(error.status_code, "That request cannot be read."), error.status_code)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        return message("That request cannot be read. Nothing was stored.", 400)

    @app.exception_handler(NotOffered)
    def not_offered(request: Request, error: NotOffered) -> Response:
        if isinstance(error, PartOver):
            return message(pages.TOO_LATE, 403, pages.SHUT["over"][0], go_on="")
        return message("That question or choice is not on offer. Nothing was stored.", 400)

    @app.exception_handler(DataError)
    def not_stored(request: Request, error: DataError) -> Response:
        # For the researcher: whoever sees the page cannot mend it.
        print(f"error: {error}", file=sys.stderr, flush=True)
        text = "Your answer could not be stored. Tell the person who runs this study, then go back and try again."
        return message(text, 503)


def to_start(notice: str = "") -> RedirectResponse:
    return RedirectResponse(f"/?notice={notice}" if notice else "/", status_code=303)
