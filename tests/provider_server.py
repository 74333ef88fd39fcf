"""A real server on this machine that speaks Anthropic's Messages API and Google's Gemini API, and misbehaves as told.

Its answers have the fields that the two makers document; its checks are theirs, too: a request that the real service
would refuse (no version, no limit of tokens, a temperature that models since Claude Opus 4.7 refuse, two turns of one
speaker) is refused here.

    with serving(lambda asked, number: message("Hello.")) as server:
        ... server.base_url, server.asked
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
GEMINI = re.compile(r"/(v1|v1beta)/models/([\w.-]+):generateContent")


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]


@dataclass
class ProviderServer:
    script: Callable[[Asked, int], Answer]
    asked: list[Asked] = field(default_factory=list)
    base_url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


def message(text: str | None = "Hello.", stop_reason: str = "end_turn", **more: Any) -> Answer:
    """An answer of the Messages API; thoughts stand before the text, as of a model that thinks."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-20260101",
        "content": [thought] + ([] if text is None else [{"type": "text", "text": text, "citations": None}]),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 7},
        **more,
    }
    return 200, {}, json.dumps(body).encode()


def anthropic_error(status: int, kind: str, text: str, **headers: str) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}
    return (
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        json.dumps(body).encode(),
    )


def candidate(text: str | None = "Hello.", reason: str = "STOP", **more: Any) -> Answer:
    """An answer of the Gemini API."""
    parts = [{"text": "Hm.", "thought": True}] + ([] if text is None else [{"text": text}])
    body = {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 5,
            "candidatesTokenCount": 7,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 15,
        },
        "modelVersion": "gemini-x-001",
        **more,
    }
    return 200, {}, json.dumps(body).encode()


def google_error(status: int, word: str, text: str, details: list[Any] | None = None) -> Answer:
    body = {"error": {"code": status, "message": text, "status": word, "details": details or []}}
    return status, {}, json.dumps(body).encode()


def refused(asked: Asked) -> Answer | None:
    """What the real service would say of a request that does not fit."""
    if asked.path == "/v1/messages":
        if "anthropic-version" not in asked.headers:
            return anthropic_error(400, "invalid_request_error", "anthropic-version: header is required")
        for name in ("temperature", "top_p", "top_k", "seed", "response_format"):
            if name in asked.body:
                return anthropic_error(400, "invalid_request_error", f"{name}: not permitted")
        if not asked.body.get("max_tokens"):
            return anthropic_error(400, "invalid_request_error", "max_tokens: Field required")
        roles = [turn["role"] for turn in asked.body["messages"]]
        if roles != (["user", "assistant"] * len(roles))[: len(roles)]:
            return anthropic_error(400, "invalid_request_error", "roles must alternate")
        return None
    if GEMINI.fullmatch(asked.path):
        if unknown := set(asked.body) - {"contents", "generationConfig", "systemInstruction"}:
            return google_error(400, "INVALID_ARGUMENT", f"Unknown name {unknown}")
        if {turn["role"] for turn in asked.body["contents"]} - {"user", "model"}:
            return google_error(400, "INVALID_ARGUMENT", "Please use a valid role: user, model.")
        return None
    return 404, {}, b'{"error": {"message": "no such path", "type": "not_found_error"}}'


@contextmanager
def serving(script: Callable[[Asked, int], Answer]) -> Iterator[ProviderServer]:
    """A running server that answers as `script` says, `number` counting from 1."""
    state = ProviderServer(script)
    handler = type("ProviderHandler", (Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    state.base_url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    state: ProviderServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path.partition("?")[0], headers, json.loads(content))
        with self.state.lock:
            self.state.asked.append(asked)
            number = len(self.state.asked)
        status, more, body = refused(asked) or self.state.script(asked, number)
        with suppress(OSError):  # a client that timed out has left
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
