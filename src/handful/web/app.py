"""The annotators' page: one prompt, two anonymous responses, three choices.

`create_app` returns a value: an app over comparisons and a ledger, which knows neither the folder they came from
nor the key to it. Every page is a plain form and works without script. An answer is in the ledger, on the disk,
before the browser is told to go on; sending it twice changes nothing.
"""

from __future__ import annotations

import re
import secrets
import sys
import unicodedata
from collections.abc import Sequence
from typing import Annotated, get_args

from fastapi import Depends, FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from handful.annotate.assign import Place, deal, place_of
from handful.annotate.ledger import Ledger, Order, Shown, hash_of
from handful.annotate.pairs import Study, arranged, pairs_of
from handful.core.errors import DataError
from handful.web import pages
from handful.web.guard import Guard, form_token, token_fits

COOKIE = "handful_session"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
NAME = re.compile(r"\w[\w .-]{0,39}")
ROW = re.compile(r"[0-9]{1,15}")
OUT_OF_DATE = "This page is out of date, or did not come from here. Nothing was stored."

Field = Annotated[str, Form()]


class Desk:
    """A study on offer: what it asks, whom it has asked what, and where the answers go."""

    def __init__(self, study: Study, ledger: Ledger, people: int, seed: int) -> None:
        self.instructions = study.instructions
        self.pairs = pairs_of(study)
        self.ledger = ledger
        self.people = people
        self.seed = seed
        self.dealt: dict[str, dict[str, Order]] = {}
        self.offered: dict[str, str] = {}
        """Person -> the pair on their screen, so that a reload shows the same, whatever others answer meanwhile."""

    def orders(self, person: str) -> dict[str, Order]:
        if person not in self.dealt:
            self.dealt[person] = deal(self.seed, person, self.pairs)
        return self.dealt[person]

    def place(self, person: str) -> Place:
        return place_of(person, self.orders(person), self.ledger.entries(), self.people)

    def next_pair(self, person: str, place: Place) -> str | None:
        if self.offered.get(person) not in place.open:
            if not place.open:
                return None
            self.offered[person] = place.open[0]
        return self.offered[person]

    def answer(self, person: str, pair: str, order: Order, choice: Shown) -> bool:
        """Store an answer. False where another one by this person stands, which is kept."""
        comparison = self.pairs[pair]
        standing, _ = self.ledger.record(
            person=person,
            shown=pair,
            comparison_id=comparison.id,
            order=order,
            first=hash_of(arranged(comparison, order).left),
            choice=choice,
        )
        return standing.choice == choice

    def undo(self, person: str, id: int) -> bool:
        taken_back = self.ledger.undo(person, id)
        if taken_back and taken_back.shown in self.pairs:
            self.offered[person] = taken_back.shown
        return taken_back is not None


def session_of(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


Session = Annotated[str, Depends(session_of)]


def create_app(
    study: Study, ledger: Ledger, *, people: int = 1, seed: int = 0, hosts: Sequence[str] = LOOPBACK_HOSTS
) -> FastAPI:
    """The page for `study`.

    Args:
        people: answers wanted for each pair; a pair that has them is not offered any more.
        seed: of each person's order of pairs and sides.
        hosts: host names that a request may be addressed to; others are refused, since a hostile site may point
            a name of its own at this machine. ("*",) takes any.
    """
    desk = Desk(study, ledger, people, seed)
    app = FastAPI(title="Handful study", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(Guard)
    app.mount("/static", StaticFiles(directory=pages.FOLDER / "static"))
    add_reading(app, desk)
    add_entering(app, desk)
    add_answering(app, desk)
    add_errors(app)
    return app


def add_reading(app: FastAPI, desk: Desk) -> None:
    @app.get("/")
    def show(request: Request, session: Session, notice: str = "") -> Response:
        person = desk.ledger.person_of(session) if session else None
        if person is None:
            return with_session(request, session, lambda token: pages.welcome(desk.instructions, token))
        place = desk.place(person)
        pair = desk.next_pair(person, place)
        if pair is None:
            return pages.finished(session, person, place, notice)
        order = desk.orders(person)[pair]
        shown = arranged(desk.pairs[pair], order)
        return pages.task(session, person, place, shown, pair, order, desk.instructions, notice)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @app.get("/enter")
    @app.get("/answer")
    @app.get("/undo")
    @app.get("/leave")
    def reloaded() -> Response:
        return to_start()


def add_entering(app: FastAPI, desk: Desk) -> None:
    @app.post("/enter")
    def enter(
        request: Request, session: Session, token: Field = "", name: Field = "", again: Field = ""
    ) -> Response:
        if not session or not token_fits(token, session, "enter"):
            return pages.message(OUT_OF_DATE, 403)
        person = person_named(name)
        if person is None:
            problem = "A pseudonym is 1 to 40 letters, digits, spaces, dots, dashes or underscores."
            return pages.welcome(desk.instructions, form_token(session, "enter"), name[:80], problem)
        if desk.ledger.person_of(session):
            return to_start()  # the form was sent twice
        if desk.ledger.knows(person) and again != "yes":
            return pages.known(form_token(session, "enter"), person)
        desk.ledger.enter(person, session)
        return to_start()

    @app.post("/leave")
    def leave(session: Session, token: Field = "") -> Response:
        if not session or not token_fits(token, session, "leave"):
            return pages.message(OUT_OF_DATE, 403)
        response = to_start()
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response


def add_answering(app: FastAPI, desk: Desk) -> None:
    @app.post("/answer")
    def answer(
        session: Session, token: Field = "", pair: Field = "", order: Field = "", choice: Field = ""
    ) -> Response:
        person = desk.ledger.person_of(session) if session else None
        if person is None or not token_fits(token, session, "answer", pair, order):
            return pages.message(OUT_OF_DATE, 403)
        if pair not in desk.pairs or order not in get_args(Order) or choice not in get_args(Shown):
            return pages.message("That pair or choice is not on offer. Nothing was stored.", 400)
        stored = desk.answer(person, pair, order, choice)  # type: ignore[arg-type]
        return to_start("saved" if stored else "stands")

    @app.post("/undo")
    def undo(session: Session, token: Field = "", id: Field = "") -> Response:
        person = desk.ledger.person_of(session) if session else None
        if person is None or not token_fits(token, session, "undo", id):
            return pages.message(OUT_OF_DATE, 403)
        undone = bool(ROW.fullmatch(id)) and desk.undo(person, int(id))
        return to_start("undone" if undone else "")


def add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        text = {404: "There is no such page.", 405: "That is not a way to use this page."}
        return pages.message(text.get(error.status_code, "That request cannot be read."), error.status_code)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        return pages.message("That request cannot be read. Nothing was stored.", 400)

    @app.exception_handler(DataError)
    def not_stored(request: Request, error: DataError) -> Response:
        print(
            f"error: {error}", file=sys.stderr, flush=True
        )  # for the researcher: the annotator cannot mend it
        text = "Your answer could not be stored. Tell the person who runs this study, then go back and try again."
        return pages.message(text, 503)


def with_session(request: Request, session: str, page: pages.PageOf) -> Response:
    """A page whose form has a token; a browser without a session gets one, a random id that says nothing."""
    session = session or secrets.token_urlsafe(24)
    response = page(form_token(session, "enter"))
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, session, max_age=90 * 86_400, httponly=True, samesite="lax", secure=secure)
    return response


def to_start(notice: str = "") -> RedirectResponse:
    return RedirectResponse(f"/?notice={notice}" if notice else "/", status_code=303)


def person_named(name: str) -> str | None:
    """A pseudonym in the one form that it is stored in, or None where it will not do: "Anna " and "anna" are one."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return plain if NAME.fullmatch(plain) else None
