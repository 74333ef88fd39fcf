"""Writing an example of one's own, against the checklist: what a machine sees is told as one types."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from handful.core.types import Turn
from handful.desk.checklist import TICKS
from handful.desk.deeds import write as write_text
from handful.desk.desk import Desk
from handful.desk.queue import Filters
from handful.web.desk_deciding import LONGEST_TURN, Field, Fields, problem_of_texts
from handful.web.desk_pages import checks_of, common, plain_turns, reviewer, tags_of
from handful.web.guard import form_token, token_fits
from handful.web.rendering import message, page
from handful.web.sessions import OUT_OF_DATE, session_of

MOST_TURNS = 40
LONGEST_NAME = 200
NEEDED = "own"
"""The tick without which nothing is saved: that the text may be given on."""
LICENSE = "CC BY 4.0"


def add_writing(app: FastAPI, desk: Desk) -> None:
    @app.get("/write")
    def empty(request: Request) -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        return writing_page(
            request, desk, visitor.person, (Turn("user", ""), Turn("assistant", "")), visitor.person
        )

    @app.post("/write")
    def write(
        request: Request,
        turn: Fields,
        tick: Fields,
        token: Field = "",
        nonce: Field = "",
        do: Field = "",
        author: Field = "",
        license: Field = "",
        tags: Field = "",
    ) -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        if not token_fits(token, session_of(request), "write"):
            return message(OUT_OF_DATE, 403)
        person, ticks = visitor.person, tuple(name for name in TICKS if name in tick)
        turns = plain_turns([text[:LONGEST_TURN] for text in turn[:MOST_TURNS]])
        author, license = author.strip()[:LONGEST_NAME], license.strip()[:LONGEST_NAME]
        if do == "save":
            problem = problem_of_texts(desk, None, turns)
            if not problem and NEEDED not in ticks:
                problem = f"Tick “{TICKS[NEEDED]}”, or do not save it."
            if not problem and not license:
                problem = "Say under which licence it may be given on."
            if not problem:
                id = write_text(
                    desk, person, turns, author or person, license, ticks, tags_of(tags), nonce[:64]
                )
                return RedirectResponse(
                    f"/candidate?{Filters().query(id=id)}&notice=written", status_code=303
                )
        else:
            problem = ""
        if do == "more" and len(turns) < MOST_TURNS:
            turns = (*turns, Turn("user", ""), Turn("assistant", ""))
        return writing_page(
            request,
            desk,
            person,
            turns,
            author,
            license,
            ticks,
            tags,
            problem,
            checked=do in ("check", "save"),
        )

    @app.post("/check")
    def check(request: Request, turn: Fields, token: Field = "", id: Field = "") -> Response:
        """The checklist alone, for the script that asks while somebody types."""
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        session = session_of(request)
        item = desk.item(id) if id else None
        fits = token_fits(token, session, *(("decide", id, item.hash) if item else ("write",)))
        turns = plain_turns([text[:LONGEST_TURN] for text in turn[:MOST_TURNS]])
        if not fits or len(turns) < 2 or len(turns) % 2:
            return Response("", 403)
        return page("desk_checks.html", checks=checks_of(desk, turns, id))


def writing_page(
    request: Request,
    desk: Desk,
    person: str,
    turns: Sequence[Turn],
    author: str = "",
    license: str = LICENSE,
    ticks: Sequence[str] = (),
    tags: str = "",
    problem: str = "",
    checked: bool = False,
) -> HTMLResponse:
    whole = len(turns) >= 2 and len(turns) % 2 == 0 and all(turn.text for turn in turns)
    return page(
        "desk_write.html",
        400 if problem else 200,
        **common(request, desk, person),
        token=form_token(session_of(request), "write"),
        nonce=secrets.token_urlsafe(16),
        turns=turns,
        author=author,
        license=license,
        ticks=TICKS,
        ticked=ticks,
        tags=tags,
        problem=problem,
        checks=checks_of(desk, turns) if checked and whole else [],
    )
