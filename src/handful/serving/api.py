"""One model over HTTP, in OpenAI's protocol: chat and text completions, whole or streamed.

    GET /v1/models   POST /v1/chat/completions   POST /v1/completions   GET /health

`create_app` returns an app over an engine that runs. What a request does not say is sampled as the paper does,
repetition penalty included. Answers are JSON and never HTML. Nothing that is asked or answered is kept. It does not
encrypt, and knows one key at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.models.sampling import Sampling
from handful.serving import engine as engines
from handful.serving.bodies import ChatBody, Common, Refused, TextBody, messages_of, read
from handful.serving.engine import Busy, Engine, Piece
from handful.serving.replies import GONE, HEADERS, Chat, Form, Text, error_response, stream, whole

MAX_BODY_BYTES = 8 * 1024 * 1024


def create_app(
    engine: Engine, name: str, sampling: Sampling, key: str = "", hosts: Sequence[str] = ("*",)
) -> FastAPI:
    """The app.

    Args:
        engine: running.
        name: what clients call the model.
        sampling: of requests that do not say otherwise.
        key: that clients must send; "" lets everybody in.
        hosts: names that the server answers to. A page of another site that calls this machine by a name of its own
            is refused by it.
    """
    app = FastAPI(title="handful", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    desk = Desk(engine, name, sampling, key)
    answer_refusals(app)
    tell_what_is_here(app, desk)
    complete_texts(app, desk)
    return app


def answer_refusals(app: FastAPI) -> None:
    """Errors as clients of the protocol read them."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return error_response(error)

    @app.exception_handler(ClientDisconnect)
    async def left(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=GONE)

    @app.exception_handler(HTTPException)
    async def wrong_address(request: Request, error: HTTPException) -> Response:
        return error_response(
            Refused(f"{request.method} {request.url.path}: {error.detail}", status=error.status_code)
        )


def tell_what_is_here(app: FastAPI, desk: Desk) -> None:
    """The addresses that say how the server is, and which model it has."""
    engine = desk.engine

    @app.get("/health")
    async def health() -> Response:
        healthy = engine.thread.is_alive()
        state = {
            "status": "ok" if healthy else "stopped",
            "answering": engine.under_way,
            "waiting": len(engine.waiting),
        }
        return JSONResponse(state, 200 if healthy else 503, HEADERS)

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        desk.check_key(request)
        return JSONResponse({"object": "list", "data": [desk.model_card()]}, headers=HEADERS)

    @app.get("/v1/models/{model:path}")
    async def model(request: Request, model: str) -> Response:
        desk.check_key(request)
        desk.check_model(model)
        return JSONResponse(desk.model_card(), headers=HEADERS)


def complete_texts(app: FastAPI, desk: Desk) -> None:
    """The addresses at which the model speaks."""
    speaker = desk.engine.speaker

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        desk.check_key(request)
        body = read(ChatBody, await raw_body(request))
        desk.check_model(body.model)
        messages = messages_of(body)
        ids = await desk.encoded(lambda: speaker.encode(messages), "messages")
        return await desk.answer(request, body, ids, body.max_completion_tokens or body.max_tokens, Chat)

    @app.post("/v1/completions")
    async def complete(request: Request) -> Response:
        desk.check_key(request)
        body = read(TextBody, await raw_body(request))
        desk.check_model(body.model)
        ids = await desk.encoded(lambda: speaker.encode_text(body.prompt), "prompt")
        return await desk.answer(request, body, ids, body.max_tokens, Text)


class Desk:
    """Where requests are checked, handed to the engine, and answered."""

    def __init__(self, engine: Engine, name: str, sampling: Sampling, key: str) -> None:
        self.engine, self.name, self.sampling, self.key = engine, name, sampling, key
        self.since = int(time.time())

    def model_card(self) -> dict[str, Any]:
        window = self.engine.speaker.context
        return {
            "id": self.name,
            "object": "model",
            "created": self.since,
            "owned_by": "handful",
            "max_model_len": window,
        }

    def check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self.key and not hmac.compare_digest(given.encode("latin-1"), self.key.encode()):
            raise Refused("the key is missing or wrong", status=401, code="invalid_api_key")

    def check_model(self, name: str) -> None:
        if name != self.name:
            raise Refused(
                f"model: there is no {name!r} here; this server answers as {self.name!r}",
                status=404,
                param="model",
                code="model_not_found",
            )

    async def encoded(self, encode: Callable[[], list[int]], param: str) -> list[int]:
        """The prompt's tokens. Raises Refused where they make no prompt for this model."""
        try:
            return await asyncio.to_thread(encode)  # a long prompt would hold up everybody's stream
        except DataError as error:
            raise Refused(str(error), param=param) from error

    async def answer(
        self, request: Request, body: Common, ids: list[int], max_tokens: int | None, form: Form
    ) -> Response:
        """Ask the engine, and answer in whole or as a stream."""
        asks = self.requests(body, ids, max_tokens)
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[int, Piece]] = asyncio.Queue()

        def tell(place: int, piece: Piece) -> None:
            with contextlib.suppress(RuntimeError):  # the server has stopped, and its loop is closed
                loop.call_soon_threadsafe(pieces.put_nowait, (place, piece))

        try:
            jobs = self.engine.submit(asks, tell)
        except Busy as error:
            raise Refused(str(error), status=429, kind="rate_limit_error", code="busy") from error
        head = {
            "id": f"{form.prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": self.name,
        }
        if body.stream:
            usage = bool(body.stream_options and body.stream_options.include_usage)
            events = stream(pieces, jobs, {**head, "object": form.chunk}, form, len(ids), usage)
            return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)
        return await whole(request, pieces, jobs, {**head, "object": form.whole}, form, len(ids))

    def requests(self, body: Common, ids: list[int], max_tokens: int | None) -> list[engines.Request]:
        """A request for each of the `n` answers; the first has the seed itself.

        Raises:
            Refused: the prompt leaves no room for an answer.
        """
        sampling = self.sampling
        asked = {
            "temperature": body.temperature,
            "top_p": body.top_p,
            "repetition_penalty": body.repetition_penalty,
            "penalty_scope": body.penalty_scope,
            "max_tokens": max_tokens,
            "limit": "new" if max_tokens else None,
        }
        changes: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        sampling = replace(sampling, **changes)
        window = self.engine.speaker.window(sampling)
        if window is not None and len(ids) >= window:
            remedy = (
                ""
                if window == self.engine.speaker.context
                else "; or say max_tokens, which counts the answer alone"
            )
            raise Refused(
                f"the prompt has {len(ids)} tokens, which leaves no room in the {window} that prompt and answer "
                f"have together; shorten it{remedy}",
                param="messages" if isinstance(body, ChatBody) else "prompt",
                code="context_length_exceeded",
            )
        seed = secrets.randbits(63) if body.seed is None else body.seed % 2**64
        seeds = [seed, *(rng_for(seed, "choice", str(k)).getrandbits(63) for k in range(1, body.n or 1))]
        return [engines.Request(ids, sampling, each, body.stops()) for each in seeds]


async def raw_body(request: Request) -> bytes:
    """The whole body, of a limited size, and announced as JSON: a page of another site cannot send that unasked."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(f"content-type: must be application/json, found {kind!r}", status=415)
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_BODY_BYTES:
            raise Refused(f"the body is larger than {MAX_BODY_BYTES // 1024**2} MiB", status=413)
    return raw
