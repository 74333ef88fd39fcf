"""The page of whoever runs the desk: how far reviewers are and agree, their links, and the file of decisions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from handful.core.errors import DataError
from handful.desk.desk import Desk
from handful.desk.files import content_of, write_decisions
from handful.web.desk_deciding import Field
from handful.web.desk_pages import common
from handful.web.guard import form_token, token_fits
from handful.web.rendering import message, page
from handful.web.sessions import OUT_OF_DATE, admin_of, session_of, stranger

JSONL = "application/x-ndjson; charset=utf-8"


def add_admin(app: FastAPI, desk: Desk, name: str, out: Path | None, origin: str) -> None:
    def shown(
        request: Request, notice: str = "", problem: str = "", link: tuple[str, str] | None = None
    ) -> Response:
        session = session_of(request)
        return page(
            "desk_admin.html",
            400 if problem else 200,
            **common(request, desk, "", notice),
            name=name,
            problem=problem,
            link=link,
            people=[
                {"it": person, **done(desk, person.name)} for person in request.app.state.ledger.people()
            ],
            agreement=desk.agreement(),
            counts=Counter(line.decision for line in desk.decisions()),
            stale=len(desk.stale()),
            coverage=desk.coverage(),
            out=out,
            token=form_token(session, "desk"),
        )

    @app.get("/admin")
    def admin(request: Request, notice: str = "") -> Response:
        return shown(request, notice) if admin_of(request) else stranger()

    @app.get("/admin/reviews.jsonl")
    def download(request: Request) -> Response:
        if not admin_of(request):
            return stranger()
        headers = {"Content-Disposition": 'attachment; filename="reviews.jsonl"'}
        return Response(content_of(desk.decisions()), media_type=JSONL, headers=headers)

    @app.post("/admin/write")
    def write(request: Request, token: Field = "") -> Response:
        if not admin_of(request) or not token_fits(token, session_of(request), "desk"):
            return message(OUT_OF_DATE, 403, go_on="/admin")
        if out is None:
            return message("This desk was started without a file to write to.", 400, go_on="/admin")
        write_decisions(out, desk.decisions())
        return RedirectResponse("/admin?notice=file", status_code=303)

    @app.post("/admin/people")
    def add(request: Request, token: Field = "", person: Field = "", do: Field = "") -> Response:
        if not admin_of(request) or not token_fits(token, session_of(request), "desk"):
            return message(OUT_OF_DATE, 403, go_on="/admin")
        ledger = request.app.state.ledger
        person = " ".join(person.split())
        if do == "revoke":
            ledger.event("revoked", person)
            return RedirectResponse("/admin?notice=revoked", status_code=303)
        try:
            if do == "add":
                ledger.add_person(person)
            else:
                ledger.event("restored", person)
            token = ledger.new_token("person", person)
        except DataError as error:
            return shown(request, problem=str(error))
        return shown(request, link=(person, f"{origin}/link/{token}"))

    @app.get("/admin/people")
    @app.get("/admin/write")
    def reloaded() -> Response:
        return RedirectResponse("/admin", status_code=303)


def done(desk: Desk, person: str) -> dict[str, Any]:
    """How much one reviewer decided, by decision."""
    own = [found.reviews[person] for found in desk.standings().values() if person in found.reviews]
    counts = Counter(str(review.decision) for review in own)
    return {"total": len(own), "counts": counts}
