"""What every request and response of the page goes through, and the tokens of its forms.

Covers: security headers, a limit on what is read of a request, forms that only our own page can have made.
Does not cover: encryption, and who someone is (`sessions`).
"""

from __future__ import annotations

import hashlib
import hmac
import os

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
"""Forms send a few hundred; a reason of 2,000 letters takes up to 24 KiB in a form's encoding."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses bodies over `max_body` bytes, announced or not, and adds HEADERS to every response.

    A response keeps a Cache-Control of its own: static files have one.
    """

    def __init__(self, app: ASGIApp, max_body: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                kept = headers.get("Cache-Control")
                headers.update(HEADERS)
                if kept:
                    headers["Cache-Control"] = kept
            await send(message)

        body = await read_body(receive, self.max_body)
        if body is None:
            too_large = PlainTextResponse("The request is too large.", 413, {"Connection": "close"})
            await too_large(scope, receive, send_guarded)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send_guarded)


class Assets(StaticFiles):
    """Static files, which a browser may keep for ever under the address that `rendering.asset` gives them."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        if scope.get("query_string", b"").startswith(b"v="):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def read_body(receive: Receive, limit: int = MAX_BODY_BYTES) -> bytes | None:
    """The whole body, or None once it is over the limit."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""  # half a form is no form
        body += bytes(message.get("body", b""))
        if len(body) > limit:
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
