"""The researcher's side of the choice between epochs: the votes, who reads, their links, and what the recipe needs.

Open to the admin's link alone. The same functions that the stage `choose` uses count the votes, so what this page says
is what a run will do with the file of picks that it hands out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from handful.choose.page import DASH, number, share
from handful.choose.picks import PICKS, Pick
from handful.choose.records import Row
from handful.choose.tally import Tally, tally
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Interval
from handful.web.guard import form_token, token_fits
from handful.web.rendering import message, page
from handful.web.sessions import OUT_OF_DATE, admin_of, session_of, stranger

if TYPE_CHECKING:
    from handful.web.choosing import Choosing

Field = Annotated[str, Form()]
SAID = {
    "revoked": "The link no longer lets anybody in. What was picked is kept, and counts.",
    "dropped": "What this person picked counts for nothing now. It is kept.",
    "kept": "What this person picked counts again.",
}
STATES = {"active": "reads", "paused": "paused", "revoked": "link revoked", "dropped": "not counted"}


def add_results(app: FastAPI, choosing: Choosing, origin: str) -> None:
    """GET /admin and its forms.

    Args:
        origin: what links begin with; empty takes the address that the request came to.
    """
    add_pages(app, choosing)
    add_people(app, choosing, origin)


def add_pages(app: FastAPI, choosing: Choosing) -> None:
    @app.get("/admin")
    def show(request: Request, notice: str = "") -> Response:
        if admin_of(request) is None:
            return stranger()
        return results(request, choosing, SAID.get(notice, ""))

    @app.get(f"/admin/{PICKS}")
    def picks(request: Request) -> Response:
        if admin_of(request) is None:
            return stranger()
        body = b"".join(map(jsonl.dumps, choosing.standing_picks()))
        headers = {"Content-Disposition": f'attachment; filename="{PICKS}"'}
        return Response(body, media_type="application/x-ndjson", headers=headers)


def add_people(app: FastAPI, choosing: Choosing, origin: str) -> None:
    def link(request: Request, name: str) -> Response:
        token = choosing.ledger.new_token("person", name)
        begins = origin or str(request.base_url).rstrip("/")
        return page("choice_link.html", name=name, link=f"{begins}/link/{token}", notice="", problem="")

    @app.post("/admin/add")
    def add(request: Request, token: Field = "", name: Field = "") -> Response:
        if not allowed(request, token, "add"):
            return message(OUT_OF_DATE, 403, go_on="/admin")
        plain = " ".join(name.split())
        try:
            choosing.ledger.add_person(plain)
        except DataError as error:
            return results(request, choosing, "", str(error), 400)
        return link(request, plain)

    @app.post("/admin/link")
    def renew(request: Request, token: Field = "", name: Field = "") -> Response:
        if not allowed(request, token, "link", name):
            return message(OUT_OF_DATE, 403, go_on="/admin")
        state = {one.name: one.state for one in choosing.ledger.people()}.get(name)
        if state == "revoked":
            choosing.ledger.event("restored", name)
        shown = link(request, name)
        choosing.ledger.event("linked", name, "by the researcher's page")
        return shown

    @app.post("/admin/revoke")
    def revoke(request: Request, token: Field = "", name: Field = "") -> Response:
        return said(request, token, "revoked", name)

    @app.post("/admin/drop")
    def drop(request: Request, token: Field = "", name: Field = "", reason: Field = "") -> Response:
        if not reason.strip():
            return results(
                request, choosing, "", f"Say why {name} is not to count; nothing was changed.", 400
            )
        return said(request, token, "dropped", name, reason.strip()[:2_000])

    @app.post("/admin/keep")
    def keep(request: Request, token: Field = "", name: Field = "") -> Response:
        return said(request, token, "kept", name)

    def said(request: Request, token: str, kind: str, name: str, reason: str = "") -> Response:
        if not allowed(request, token, kind, name):
            return message(OUT_OF_DATE, 403, go_on="/admin")
        choosing.ledger.event(kind, name, reason)
        return RedirectResponse(f"/admin?notice={kind}", status_code=303)

    for path in ("add", "link", "revoke", "drop", "keep"):
        app.get(f"/admin/{path}")(back)


def back() -> Response:
    return RedirectResponse("/admin", status_code=303)


def allowed(request: Request, token: str, *facts: str) -> bool:
    return admin_of(request) is not None and token_fits(token, session_of(request), "admin", *facts)


def results(
    request: Request, choosing: Choosing, notice: str, problem: str = "", status: int = 200
) -> Response:
    picks = choosing.standing_picks()
    found = tally(picks, choosing.offers, choosing.candidates)
    session = session_of(request)
    return page(
        "choice_results.html",
        status,
        name=choosing.name,
        notice=notice,
        problem=problem,
        found=found,
        firm=f"{found.again:.0%}" if found else "",
        agreed=agreed(found),
        epochs=[epoch_row(row, found) for row in choosing.table if row.candidate],
        people=[
            person_row(choosing, one.name, one.state, one.reason, one.link)
            for one in choosing.ledger.people()
        ],
        reasons=[(said, places(said, choosing)) for said in picks if said.reason],
        prompts=len(choosing.offers),
        file=PICKS,
        token_for=lambda *facts: form_token(session, "admin", *facts),
    )


def epoch_row(row: Row, found: Tally | None) -> dict[str, object]:
    """An epoch's line: its votes, and beside them what was known before anybody read."""
    votes = found.shares[row.epoch] if found else None
    return {
        "epoch": row.epoch,
        "leads": found is not None and found.epoch == row.epoch,
        "share": share(votes.estimate) if votes else DASH,
        "percent": f"{100 * (votes.estimate or 0):.1f}" if votes else "0",
        "bounds": bounds(votes),
        "perplexity": number(row.perplexity, 2),
        "eot": share(row.eot_rate),
        "words": number(row.mean_words, 0),
    }


def bounds(votes: Interval | None) -> str:
    if votes is None or votes.low is None or votes.high is None:
        return DASH
    return f"{votes.low:.0%} to {votes.high:.0%}"


def agreed(found: Tally | None) -> str:
    """How far people mark the same answers, in a sentence; empty where no two read the same prompt."""
    if found is None or found.agreement is None:
        return ""
    agreement = found.agreement
    span = "" if agreement.overlap.low is None else f" ({bounds(agreement.overlap)})"
    return (
        f"Two people who read the same prompt overlap by {share(agreement.overlap.estimate)}{span} in what they mark; "
        f"by chance it would be {agreement.by_chance:.0%}. Prompts read by two or more: {agreement.overlap.n}."
    )


def person_row(choosing: Choosing, name: str, state: str, reason: str, link: bool) -> dict[str, object]:
    place = choosing.place(name)
    return {
        "name": name,
        "state": state,
        "text": STATES[state] + (f": {reason}" if reason else "" if link else ", no link"),
        "answered": place.answered,
        "total": place.total,
    }


def places(pick: Pick, choosing: Choosing) -> str:
    """What a reason was said of: the epochs that were marked."""
    if set(pick.best) == set(choosing.candidates):
        return "no difference"
    return ("epoch " if len(pick.best) == 1 else "epochs ") + ", ".join(map(str, pick.best))
