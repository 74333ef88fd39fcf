"""What a reviewer does with a candidate: accept, reject, edit, and take the last decision back."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from handful.desk.deeds import decide as decide_text
from handful.desk.deeds import undo as undo_last
from handful.desk.desk import Desk, Item
from handful.desk.queue import Filters
from handful.web.desk_pages import REASONS, candidate_page, checks_of, plain_turns, reviewer, tags_of
from handful.web.guard import token_fits
from handful.web.rendering import message
from handful.web.sessions import OUT_OF_DATE, session_of

LONGEST_REASON = 2_000
LONGEST_TURN = 100_000
CHANGED = (
    "This text has changed since the page was made, or the page did not come from here. Nothing was stored."
)
Field = Annotated[str, Form()]
Fields = Annotated[list[str], Form(default_factory=list)]


def sent_filters(
    source: Field = "", community: Field = "", tag: Field = "", q: Field = "", which: Field = ""
) -> Filters:
    return Filters(source[:200], community[:200], tag[:200], q[:200], which)


Sent = Annotated[Filters, Depends(sent_filters)]


def add_deciding(app: FastAPI, desk: Desk) -> None:
    @app.post("/decide")
    def decide(
        request: Request,
        asked: Sent,
        turn: Fields,
        token: Field = "",
        id: Field = "",
        nonce: Field = "",
        do: Field = "",
        reason: Field = "",
        tags: Field = "",
    ) -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        item = desk.item(id)
        if item is None or not token_fits(token, session_of(request), "decide", id, item.hash):
            return message(CHANGED, 403)
        person = visitor.person
        draft = plain_turns([text[:LONGEST_TURN] for text in turn]) if do == "edit" else None
        problem = problem_of(desk, item, do, draft)
        if problem:
            typed = {"draft": draft, "tags": tags, "reason": reason[:LONGEST_REASON]}
            return candidate_page(request, desk, item, person, asked, problem=problem, **typed)  # type: ignore[arg-type]
        following = desk.around(id, asked, person)[1]
        decision, _, why = do.partition(":")
        said = "; ".join(filter(None, (REASONS.get(why, ""), reason[:LONGEST_REASON].strip())))
        told = decide_text(desk, person, item, decision, said, tags_of(tags), draft, nonce[:64])
        if told == "locked" or not following:
            return went(asked, id, told if told == "locked" else "end")
        return went(asked, following, told)

    @app.post("/undo")
    def undo(request: Request, asked: Sent, token: Field = "", last: Field = "") -> Response:
        visitor = reviewer(request)
        if isinstance(visitor, Response):
            return visitor
        if not last or not token_fits(token, session_of(request), "undo", last):
            return message(OUT_OF_DATE, 403)
        id, told = undo_last(desk, visitor.person, int(last))
        if desk.item(id) is None:  # what was written is gone with its decision
            return RedirectResponse(f"/?notice={told}", status_code=303)
        return went(asked, id, told)

    @app.get("/decide")
    @app.get("/undo")
    def reloaded() -> Response:
        return RedirectResponse("/", status_code=303)


def went(asked: Filters, id: str, notice: str) -> Response:
    return RedirectResponse(f"/candidate?{asked.query(id=id, notice=notice)}", status_code=303)


def problem_of(desk: Desk, item: Item, do: str, draft: tuple[object, ...] | None) -> str:
    """Why a decision cannot be taken as it was sent, in words for the reviewer."""
    decision, _, why = do.partition(":")
    if decision == "reject":
        return "" if why in REASONS else "Say why it is rejected."
    if decision == "accept":
        return ""
    if decision != "edit":
        return "Press Accept, a reason to reject, or Save the edit."
    return problem_of_texts(desk, item, draft)


def problem_of_texts(desk: Desk, item: Item | None, draft: object) -> str:
    """Why texts may not be saved: an empty turn, or a check that must hold and does not."""
    turns = tuple(draft) if isinstance(draft, tuple) else ()
    if item is not None and len(turns) != len(item.example.turns):
        return "The form was incomplete. Nothing was stored; your text is below."
    if len(turns) < 2 or len(turns) % 2:
        return "An example needs a prompt and an answer, and ends with an answer."
    if not all(turn.text.strip() for turn in turns):
        return "A turn is empty. Write something there, or leave the example as it came."
    failed = [
        check for check in checks_of(desk, turns, item.id if item else "") if check.must and not check.holds
    ]
    return f"This cannot be saved: {failed[0].words}" if failed else ""
