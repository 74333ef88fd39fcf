"""The curation desk: people accept, reject and edit candidates, and write examples of their own.

`create_desk` returns an app over a `Desk` (what there is, what stands) and a ledger. Every page is a plain form and
works without script. A decision is on the disk before the browser is told to go on; sending it twice changes nothing.
A reviewer does not see what another decided of a text before both have. Writing is in `desk_writing`, disputes in
`desk_disputes`, the page of whoever runs the desk in `desk_admin`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from handful.core.errors import DataError
from handful.desk.coverage import bin_in_words
from handful.desk.desk import Desk
from handful.desk.queue import PAGE, WHICH, Filters
from handful.web.desk_admin import add_admin
from handful.web.desk_deciding import add_deciding
from handful.web.desk_disputes import add_disputes
from handful.web.desk_pages import LINES, candidate_page, common, reviewer, row_of
from handful.web.desk_writing import add_writing
from handful.web.guard import Assets, Guard
from handful.web.rendering import FOLDER, message, page
from handful.web.sessions import add_sessions, admin_of

MAX_BODY_BYTES = 1024 * 1024
"""A dialogue of 20,000 characters in a script of three bytes each, with every byte escaped, is 180 KiB."""
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def asked_of(source: str = "", community: str = "", tag: str = "", q: str = "", which: str = "") -> Filters:
    return Filters(source[:200], community[:200], tag[:200], q[:200], which)


Asked = Annotated[Filters, Depends(asked_of)]


def create_desk(
    desk: Desk,
    ledger: Any,
    *,
    name: str = "",
    out: Path | None = None,
    hosts: Sequence[str] = LOOPBACK_HOSTS,
    origin: str = "",
    secure: bool = False,
) -> FastAPI:
    """The app.

    Args:
        name: of the recipe.
        out: where "Write decisions" writes to; None offers the download alone.
        hosts: host names that a request may be addressed to; ("*",) takes any.
        origin: what people's links begin with.
        secure: whether they come over TLS, so that cookies travel encrypted alone.
    """
    app = FastAPI(title="Handful desk", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(Guard, max_body=MAX_BODY_BYTES)
    app.mount("/static", Assets(directory=FOLDER / "static"))
    app.state.ledger = ledger
    app.state.secure = secure
    add_sessions(app)
    add_reading(app, desk)
    add_deciding(app, desk)
    add_writing(app, desk)
    add_disputes(app, desk)
    add_admin(app, desk, name, out, origin)
    add_refusals(app)
    return app


def add_reading(app: FastAPI, desk: Desk) -> None:
    @app.get("/")
    def queue_page(request: Request, asked: Asked, number: int = 1, notice: str = "") -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        ids = desk.queue(asked, visitor.person)
        pages = max(1, -(-len(ids) // PAGE))
        number = min(max(1, number), pages)
        shown = ids[(number - 1) * PAGE : number * PAGE]
        rows = [row for id in shown if (row := row_of(desk, id, visitor.person, asked))]
        return page(
            "desk.html",
            **common(request, desk, visitor.person, notice),
            rows=rows,
            filters=asked,
            which=WHICH,
            choices=desk.choices(),
            found=len(ids),
            number=number,
            pages=pages,
            before=asked.query(number=str(number - 1)),
            after=asked.query(number=str(number + 1)),
        )

    @app.get("/candidate")
    def show(request: Request, asked: Asked, id: str = "", notice: str = "") -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        item = desk.item(id)
        if item is None:
            return message("There is no such candidate: it may have been taken back.", 404)
        return candidate_page(request, desk, item, visitor.person, asked, notice=notice)

    @app.get("/coverage")
    def covered(request: Request) -> Response:
        admin = admin_of(request)
        visitor = None if admin else reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        found = desk.coverage()
        lengths = [(bin_in_words(start), found.lengths[start]) for start in sorted(found.lengths)]
        person = visitor.person if visitor else ""
        return page(
            "desk_coverage.html",
            **common(request, desk, person),
            coverage=found,
            quota=desk.quota,
            lengths=lengths,
            lines=LINES,
        )

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)


def add_refusals(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        text = {404: "There is no such page.", 405: "That is not a way to use this page."}
        return message(text.get(error.status_code, "That request cannot be read."), error.status_code)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        return message("That request cannot be read. Nothing was stored.", 400)

    @app.exception_handler(DataError)
    def not_stored(request: Request, error: DataError) -> Response:
        print(f"error: {error}", file=sys.stderr, flush=True)  # for whoever runs the desk
        text = "Your decision could not be stored. Tell the person who runs the desk, then go back and try again."
        return message(text, 503)
