"""What every request and response of the page goes through, and the tokens of its forms.

Covers: security headers, a limit on what is read of a request, forms that only our own page can have made.
Does not cover: encryption, and who someone is (a pseudonym is taken on trust).
"""

from __future__ import annotations

import hashlib
import hmac

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 16 * 1024
"""Our forms send a few hundred."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses bodies over MAX_BODY_BYTES, announced or not, and adds HEADERS to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        body = await read_body(receive)
        if body is None:
            too_large = PlainTextResponse("The request is too large.", 413, {"Connection": "close"})
            await too_large(scope, receive, send_guarded)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send_guarded)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None once it is over the limit."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""  # half a form is no form
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def form_token(session: str, *facts: str) -> str:
    """A form's proof that our page made it, for this session, with these `facts` in it.

    Another site can neither read nor guess the session's cookie, so it cannot make one. It needs no memory on
    the server: a form that was open while the server restarted is still good.
    """
    return hmac.new(session.encode(), "\n".join(facts).encode(), hashlib.sha256).hexdigest()


def token_fits(token: str, session: str, *facts: str) -> bool:
    return hmac.compare_digest(token.encode(), form_token(session, *facts).encode())
