"""The pages of live conversations (Section 6): one address, `/talk`, whatever the conversation and the system.

`add_talking(app, room)` adds them to the annotators' app. A person writes, reads the reply as it appears, grades it
Fail, Pass or Excellent, and only then writes on; `annotate.talks` checks what the page allows. Every page is a plain
form. With script a reply appears as it is streamed (server-sent events, one a tick, whatever the system does);
without, the page asks again every few seconds and shows the reply whole, no sooner than a reader with script has it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from handful.annotate.people import Visitor
from handful.annotate.talks import GRADES, MAX_MESSAGE, MAX_REASON, OutOfTurn, Talk
from handful.web import pages
from handful.web.guard import form_token, token_fits
from handful.web.pace import Reply, storable
from handful.web.rendering import message, page
from handful.web.sessions import OUT_OF_DATE, person_of, session_of, shut_out
from handful.web.talkroom import Room, View

AGAIN_SECONDS = 3
"""After which a page without script asks whether the reply is there."""
FAILED = "The assistant could not answer. Try again, or end the conversation."
OUT_OF_TURN = (
    "That does not follow what is stored of this conversation: {}. Go on from there; nothing is lost."
)
NOTICES = {"graded": "Grade saved.", "undone": "Your last grade is taken back. Grade the reply again."}
CHOICES = tuple({"value": grade, "key": grade[0], "text": grade.capitalize()} for grade in GRADES)

Field = Annotated[str, Form()]


def add_talking(app: FastAPI, room: Room) -> None:
    app.state.onward = lambda person: "" if room.view(person).where == "finished" else "/talk"
    add_reading(app, room)
    add_stream(app, room)
    add_saying(app, room)
    add_grading(app, room)


def add_reading(app: FastAPI, room: Room) -> None:
    @app.get("/talk")
    def show(request: Request, notice: str = "") -> Response:
        visitor = person_of(request)
        if visitor is None:
            return shut_out(request)
        if elsewhere := kept_out(room, visitor):
            return elsewhere
        return talk_page(session_of(request), visitor.person, room.view(visitor.person), room, notice)

    @app.get("/talk/begin")
    @app.get("/talk/say")
    @app.get("/talk/again")
    @app.get("/talk/grade")
    @app.get("/talk/undo")
    @app.get("/talk/end")
    def reloaded() -> Response:
        return to_talk()


def kept_out(room: Room, visitor: Visitor) -> Response | None:
    """Where somebody is sent who may not talk now: paused, or without consent."""
    if visitor.state != "active":
        return RedirectResponse("/", status_code=303)
    if room.board is not None and room.board.visit(visitor.person).where in ("paused", "over", "consent"):
        return RedirectResponse("/", status_code=303)
    return None


def add_stream(app: FastAPI, room: Room) -> None:
    @app.get("/talk/stream")
    async def stream(request: Request) -> Response:
        visitor = await run_in_threadpool(person_of, request)
        found = await run_in_threadpool(room.appearing, visitor.person) if visitor else None
        if found is None:
            return Response(status_code=204)  # tells EventSource not to come back
        return StreamingResponse(events(room, *found), media_type="text/event-stream")


async def events(room: Room, talk: Talk, reply: Reply) -> AsyncIterator[str]:
    """What has appeared so far, then an event a tick, a comment where nothing new is due, and the end."""
    shown, done = reply.advance()
    yield event(shown, "start")
    while not (done and (reply.finish == "error" or not talk.awaits_reply)):
        await asyncio.sleep(reply.next_tick())
        if talk.ended is not None or room.is_over(talk, reply):
            break
        now, done = reply.advance()
        yield event(now[len(shown) :]) if len(now) > len(shown) else ":\n\n"
        shown = now
    yield event("", "done")


def event(text: str, kind: str = "message") -> str:
    return f"event: {kind}\ndata: {json.dumps(text)}\n\n"


def add_saying(app: FastAPI, room: Room) -> None:
    @app.post("/talk/begin")
    def begin(request: Request, token: Field = "", had: Field = "") -> Response:
        visitor = person_of(request)
        if visitor is None or not token_fits(token, session_of(request), "talk begin", had):
            return message(OUT_OF_DATE, 403)
        if elsewhere := kept_out(room, visitor):
            return elsewhere
        room.begin(visitor.person, int(had))
        return to_talk()

    @app.post("/talk/say")
    def say(
        request: Request, token: Field = "", talk: Field = "", number: Field = "", text: Field = ""
    ) -> Response:
        found = found_by(room, request, "say", token, talk, number)
        if isinstance(found, Response):
            return found
        return done(lambda: room.say(found, int(number), storable(text.replace("\r\n", "\n"))))

    @app.post("/talk/again")
    def again(request: Request, token: Field = "", talk: Field = "", number: Field = "") -> Response:
        found = found_by(room, request, "again", token, talk, number)
        if isinstance(found, Response):
            return found
        return done(lambda: room.again(found))

    @app.post("/talk/end")
    def end(
        request: Request, token: Field = "", talk: Field = "", number: Field = "", reason: Field = ""
    ) -> Response:
        found = found_by(room, request, "end", token, talk, number)
        if isinstance(found, Response):
            return found
        return done(lambda: room.end(found, storable(reason)))


def add_grading(app: FastAPI, room: Room) -> None:
    @app.post("/talk/grade")
    def grade(
        request: Request, token: Field = "", talk: Field = "", number: Field = "", grade: Field = ""
    ) -> Response:
        found = found_by(room, request, "grade", token, talk, number)
        if isinstance(found, Response):
            return found
        return done(lambda: room.grade(found, int(number), grade), "graded")

    @app.post("/talk/undo")
    def undo(request: Request, token: Field = "", talk: Field = "", number: Field = "") -> Response:
        found = found_by(room, request, "undo", token, talk, number)
        if isinstance(found, Response):
            return found
        return done(lambda: room.talks.undo(found, int(number)), "undone")


def found_by(room: Room, request: Request, what: str, token: str, nonce: str, number: str) -> Talk | Response:
    """The visitor's own conversation that a form speaks of, or the page for a form that is not ours, or too old."""
    visitor = person_of(request)
    if visitor is None or not token_fits(token, session_of(request), f"talk {what}", nonce, number):
        return message(OUT_OF_DATE, 403, go_on="/talk")
    found = room.current(visitor.person, nonce)
    return kept_out(room, visitor) or (found if found is not None else to_talk())


def done(act: Any, notice: str = "") -> Response:
    try:
        act()
    except OutOfTurn as error:
        return message(OUT_OF_TURN.format(error), 409, go_on="/talk")
    return to_talk(notice)


def to_talk(notice: str = "") -> Response:
    return RedirectResponse(f"/talk?notice={notice}" if notice else "/talk", status_code=303)


# --- values to HTML


def talk_page(session: str, person: str, view: View, room: Room, notice: str) -> Response:
    values = {
        **pages.foot(session, person),
        "had": view.had,
        "left": view.left,
        "notice": NOTICES.get(notice, ""),
        "again_seconds": AGAIN_SECONDS,
    }
    if view.where == "opening":
        token = form_token(session, "talk begin", str(view.had))
        return page("talk_opening.html", **values, opening=view.opening, token=token)
    if view.talk is None:
        return page("talk_wait.html", **values, warming=view.where == "warming")
    return page("talk.html", **values, **conversation(session, view, view.talk, room))


def conversation(session: str, view: View, talk: Talk, room: Room) -> dict[str, Any]:
    """What the page of a conversation shows. A reply that still appears is not among its turns."""
    last = len(talk.said) - 1
    said = talk.said[:-1] if view.appearing and not talk.awaits_reply else talk.said
    waits = None if view.appearing else talk.ungraded
    number = last if view.appearing or view.failed or talk.ungraded is not None else last + 1
    graded = not view.appearing and talk.said[-1].role == "assistant" and waits is None
    tokens = {
        what: form_token(session, f"talk {what}", talk.nonce, str(number))
        for what in ("say", "again", "end", "grade")
    }
    return {
        "said": [(one, talk.grade_of(one.number)) for one in said],
        "shown": view.shown,
        "appearing": view.appearing,
        "failed": FAILED if view.failed else "",
        "grading": waits is not None,
        "may_write": graded and len(talk.replies) < room.params.talk_turns,
        "may_end": graded or view.failed,
        "last_grade": last if graded else None,
        "undo_token": form_token(session, "talk undo", talk.nonce, str(last)),
        "choices": CHOICES,
        "talk": talk.nonce,
        "number": number,
        "tokens": tokens,
        "turn": len(talk.replies) + (not graded),
        "turns": room.params.talk_turns,
        "max_message": MAX_MESSAGE,
        "max_reason": MAX_REASON,
    }
