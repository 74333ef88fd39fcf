"""Texts of which two reviewers said different things, and the third decision that settles each."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from handful.desk.deeds import settle as settle_text
from handful.desk.desk import Desk
from handful.desk.difference import of_turns
from handful.web.desk_deciding import CHANGED, LONGEST_REASON, Field
from handful.web.desk_pages import DECIDED, common, reviewer
from handful.web.guard import form_token, token_fits
from handful.web.rendering import message, page
from handful.web.sessions import admin_of, session_of


def add_disputes(app: FastAPI, desk: Desk) -> None:
    @app.get("/disputes")
    def disputes(request: Request, notice: str = "") -> Response:
        visitor = None if admin_of(request) else reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        person = visitor.person if visitor else ""
        session = session_of(request)
        found = []
        for own in desk.disputed():
            item = desk.item(own.candidate)
            if item is None:
                continue
            texts = [
                (review, of_turns(item.example.turns, review.text.turns) if review.text else [])
                for review in own.reviews.values()
            ]
            token = form_token(session, "settle", item.id, item.hash)
            found.append({"item": item, "reviews": texts, "token": token})
        return page(
            "desk_disputes.html",
            **common(request, desk, person, notice),
            found=found,
            decided=DECIDED,
            agreement=desk.agreement(),
        )

    @app.post("/settle")
    def settle(
        request: Request, token: Field = "", id: Field = "", do: Field = "", reason: Field = ""
    ) -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        item = desk.item(id)
        if item is None or not token_fits(token, session_of(request), "settle", id, item.hash):
            return message(CHANGED, 403)
        told = settle_text(desk, visitor.person, item, do, reason[:LONGEST_REASON].strip())
        if not told:
            return message(
                "That is not one of the ways to settle it. Nothing was stored.", 400, go_on="/disputes"
            )
        return RedirectResponse(f"/disputes?notice={told}", status_code=303)

    @app.get("/settle")
    def reloaded() -> Response:
        return RedirectResponse("/disputes", status_code=303)
