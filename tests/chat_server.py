"""A real server on this machine that speaks the chat protocol, and misbehaves as it is told.

with serving(lambda body, number: completion("Hello.")) as server:
    ... server.base_url, server.asked
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[[socket.socket], None]
"""What is done to the connection in place of an answer."""
Script = Callable[[dict[str, Any], int], "Answer | Fault"]


@dataclass
class ChatServer:
    """Asks `script(body, number)` for each answer, `number` counting from 1, and keeps what it was asked."""

    script: Script
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    """The most requests that were open at a time."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    base_url: str = ""


def completion(text: str | None, finish: str = "stop", **more: Any) -> Answer:
    """A whole and proper answer."""
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        **more,
    }
    return 200, {}, json.dumps(body).encode()


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """An error in the form that servers of the protocol give it."""
    body = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    return (
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        json.dumps(body).encode(),
    )


def hang(seconds: float) -> Answer:
    """An answer that comes too late."""
    time.sleep(seconds)
    return completion("late")


def reset(connection: socket.socket) -> None:
    """The connection breaks before any answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def cut(content: bytes, length: int) -> Fault:
    """An answer of `length` bytes, it says, of which `content` comes."""

    def send(connection: socket.socket) -> None:
        connection.sendall(HEAD % length + content)
        connection.shutdown(socket.SHUT_RDWR)

    return send


def drip(seconds: float, times: int = 1000) -> Fault:
    """An answer that comes by a byte every so many seconds."""

    def send(connection: socket.socket) -> None:
        connection.sendall(HEAD % (times + 1))
        for _ in range(times):
            connection.sendall(b" ")
            time.sleep(seconds)

    return send


def drip_head(seconds: float, times: int = 1000) -> Fault:
    """Headers that come by a byte every so many seconds."""

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(times):
            connection.sendall(b"x")
            time.sleep(seconds)

    return send


def flood(megabytes: int) -> Fault:
    """An answer that does not say how long it is, and is long. `connection` is left as soon as nobody reads."""

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(megabytes):
            connection.sendall(b"x" * 2**20)
        connection.shutdown(socket.SHUT_RDWR)

    return send


@contextmanager
def serving(script: Script) -> Iterator[ChatServer]:
    """A running server that answers as `script` says."""
    state = ChatServer(script)
    handler = type("ChatHandler", (Handler,), {"state": state})
    server = Quiet(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    state.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class Quiet(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that left is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    state: ChatServer

    def do_POST(self) -> None:
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.busy += 1
            state.busiest = max(state.busiest, state.busy)
            state.asked.append(body)
            state.keys.append(self.headers["Authorization"])
            number = len(state.asked)
        answer = state.script(body, number)
        with state.lock:
            state.busy -= 1
        if callable(answer):
            with suppress(OSError):
                answer(self.connection)
            self.close_connection = True
            return
        status, headers, content = answer
        with suppress(OSError):  # a client that timed out has left
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
