"""Who is there: personal links, the cookie that they are exchanged for, and leaving.

For modules of routes, which find the app's ledger at `app.state.ledger`:

- `visitor_of(request)` -> Visitor | None (role, person, state); None where there is no session or its link is revoked
- `person_of(request)` -> a person's Visitor | None; `admin_of(request)` -> the admin's Visitor | None
- `session_of(request)` -> the cookie's value, the key of `guard.form_token(session, "what", facts...)`; "" without one
- `add_sessions(app)` adds GET /link/TOKEN (to / or /admin) and POST /leave (form token: "leave")
- `STRANGER` and `stranger()`: the page for whoever has no link
- `shut_out(request)`: the same, or what to do where a link was replaced; `refused(request)`: of a form that
  does not fit
- `sessions_of(request, person)`: the session, and the one before it where it was the same person's: forms of that one
  wait in a browser when a link is replaced. It tells what a page showed, and lets nobody in

The token of a link is exchanged for a random session at once, so that addresses in a browser's history and in
proxies' logs stop mattering when the link is revoked, and a form's token can be made without storing the link's.
Wrong and revoked links get one and the same answer, after the same work.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from handful.web.guard import token_fits
from handful.web.rendering import message

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger
    from handful.annotate.people import Visitor

COOKIE = "handful_session"
EARLIER = "_earlier"
"""Of a cookie's name: a session that this browser had before. It lets nobody in."""
COOKIE_SECONDS = 90 * 86_400
WINDOW_SECONDS = 600.0
GUESSES_BY_ADDRESS = 10
"""Wrong links from one address in ten minutes, after which it has to wait."""
GUESSES_IN_TOTAL = 1_000
"""From everywhere. A token has 256 bits, so this keeps the database free rather than the links safe."""

OUT_OF_DATE = "This page is out of date, or did not come from here. Nothing was stored."
STRANGER = (
    "This study is open by personal links only. Open the link that you were given: it works on every device, and "
    "shows where you left off. If you have none, ask the person who runs the study."
)
REPLACED = (
    "Your link was replaced or withdrawn. Open the newest link that you were sent: it works on every device, and shows "
    "where you left off. If you have none, ask the person who runs the study."
)
KEEP = {"X-Answers": "keep"}
"""Tells the script that answers which wait in the browser were not read, and are to wait for a link that works."""
WRONG_LINK = (
    "This link does not work, or does not work any more. Check that it was copied whole; if it was, ask the person who "
    "runs the study for a new one. Nothing that you answered is lost."
)
TOO_MANY = (
    "Too many links that do not work were tried from here. Wait ten minutes, then open your link again."
)


def cookie_name(request: Request) -> str:
    """Browsers send cookies to every port of a host, so two of our apps on one machine need two names."""
    port = request.url.port
    return f"{COOKIE}_{port}" if port else COOKIE


def session_of(request: Request) -> str:
    return request.cookies.get(cookie_name(request), "")


def visitor_of(request: Request) -> Visitor | None:
    session = session_of(request)
    if not session:
        return None
    ledger: Ledger = request.app.state.ledger
    return ledger.visitor(session)


def person_of(request: Request) -> Visitor | None:
    visitor = visitor_of(request)
    return visitor if visitor and visitor.role == "person" else None


def admin_of(request: Request) -> Visitor | None:
    visitor = visitor_of(request)
    return visitor if visitor and visitor.role == "admin" else None


def stranger() -> HTMLResponse:
    return message(STRANGER, 403, "A link of your own is needed", go_on="")


def shut_out(request: Request) -> HTMLResponse:
    """For whoever has no session now. Whether a cookie ever was one is not told."""
    was = bool(session_of(request))
    page = message(REPLACED, 403, "This link is not in use any more", go_on="") if was else stranger()
    page.headers.update(KEEP)
    return page


def refused(request: Request) -> HTMLResponse:
    """A form that is nobody's here, or is not of this session."""
    return shut_out(request) if visitor_of(request) is None else message(OUT_OF_DATE, 403)


def not_active(state: str, kept: str) -> HTMLResponse:
    """The page of somebody whose link is paused, or who takes no part any more. `kept`: what stays, as a sentence."""
    if state == "paused":
        return message(
            f"Your link is paused for now. {kept} Ask the person who sent it.", 403, "Paused", go_on=""
        )
    thanks = f"Thank you for your work. {kept} If this surprises you, ask the person who sent you the link."
    return message(thanks, 403, "Your part is over", go_on="")


def sessions_of(request: Request, person: str) -> list[str]:
    ledger: Ledger = request.app.state.ledger
    earlier = request.cookies.get(cookie_name(request) + EARLIER, "")
    return [session_of(request), *([earlier] if earlier and ledger.once(earlier) == person else [])]


class Guesses:
    """Wrong links lately, by address and in total. In memory: a restart forgets, and need not remember."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._all: deque[float] = deque()
        self._by_address: dict[str, deque[float]] = defaultdict(deque)

    def too_many(self, address: str) -> bool:
        with self._lock:
            self._forget()
            return (
                len(self._by_address.get(address, ())) >= GUESSES_BY_ADDRESS
                or len(self._all) >= GUESSES_IN_TOTAL
            )

    def wrong(self, address: str) -> None:
        with self._lock:
            now = self._clock()
            self._all.append(now)
            self._by_address[address].append(now)

    def _forget(self) -> None:
        since = self._clock() - WINDOW_SECONDS
        while self._all and self._all[0] < since:
            self._all.popleft()
        for address in [name for name, times in self._by_address.items() if times[-1] < since]:
            del self._by_address[address]
        for times in self._by_address.values():
            while times[0] < since:
                times.popleft()


def may_be_sent(request: Request, before: str, person: str) -> bool:
    """Whether forms of the session `before` may still come once `person` has another: it is this person's, or the dead
    one of somebody whose new link may be opened here later."""
    ledger: Ledger = request.app.state.ledger
    holder = ledger.once(before)
    if not holder or holder == person:
        return bool(holder)
    earlier = request.cookies.get(cookie_name(request) + EARLIER, "")
    return ledger.visitor(before) is None and ledger.once(earlier) != person


def keep(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https" or getattr(request.app.state, "secure", False),
    )


def add_sessions(app: FastAPI) -> None:
    guesses = Guesses()

    @app.get("/link/{token}")
    def exchange(request: Request, token: str) -> Response:
        address = request.client.host if request.client else ""
        if guesses.too_many(address):
            return message(TOO_MANY, 429, "Please wait a little", go_on="")
        ledger: Ledger = request.app.state.ledger
        session = ledger.open_session(token)
        visitor = ledger.visitor(session) if session else None
        if session is None or visitor is None:
            guesses.wrong(address)
            return message(WRONG_LINK, 404, "This link does not work", go_on="")
        # So that answers which wait in this browser can still be sent.
        before = session_of(request)
        if visitor_of(request) == visitor:
            session = before
        response = RedirectResponse("/admin" if visitor.role == "admin" else "/", status_code=303)
        keep(request, response, cookie_name(request), session)
        if before != session and may_be_sent(request, before, visitor.person):
            keep(request, response, cookie_name(request) + EARLIER, before)
        return response

    @app.post("/leave")
    def leave(request: Request, token: str = Form("")) -> Response:
        session = session_of(request)
        if not session or not token_fits(token, session, "leave"):
            return refused(request)
        ledger: Ledger = request.app.state.ledger
        ledger.close_session(session)
        response = message(
            "You are signed out on this device. To go on, here or elsewhere, open your personal link.",
            200,
            "See you soon",
            go_on="",
        )
        for name in (cookie_name(request), cookie_name(request) + EARLIER):
            response.delete_cookie(name, httponly=True, samesite="lax")
        return response

    @app.get("/leave")
    def reloaded() -> Response:
        return RedirectResponse("/", status_code=303)
