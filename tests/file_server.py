"""A real server of one file on this machine, which misbehaves as it is told, request by request.

with file_server(content, Way(cut_after=1000), Way()) as server:
    ... server.url, server.asked, server.sent
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 16


@dataclass(frozen=True)
class Way:
    """How to answer one request."""

    status: int = 0
    """0: 200, or 206 where a part is asked for and may be had."""
    content: bytes | None = None
    """Other bytes than the server's."""
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    heeds_if_range: bool = True
    cut_after: int | None = None
    """Close the connection after so many bytes."""
    stall_after: int | None = None
    """Send no more after so many bytes, and keep the connection."""
    announced: int | None = None
    """A Content-Length that is not so."""
    says_length: bool = True
    chunked: bool = False
    piece_seconds: float = 0.0
    """Wait so long after each 64 KiB."""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FileServer:
    """`ways` are for the first requests; the last of them is for all that follow."""

    content: bytes
    ways: tuple[Way, ...]
    asked: list[dict[str, str]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    """Bytes of the file sent, a number a request."""
    root: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.root}/dumps/beer.stackexchange.com.7z"

    @property
    def ranges(self) -> list[str]:
        return [headers.get("Range", "") for headers in self.asked]


@contextmanager
def file_server(content: bytes, *ways: Way) -> Iterator[FileServer]:
    found = FileServer(content, ways or (Way(),))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = len(found.asked)
            found.asked.append({"path": self.path, **dict(self.headers.items())})
            found.sent.append(0)
            with suppress(ConnectionError):
                answer(self, found, number)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    found.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answer(handler: BaseHTTPRequestHandler, server: FileServer, number: int) -> None:
    way = server.ways[min(number, len(server.ways) - 1)]
    content = server.content if way.content is None else way.content
    start, status = 0, way.status or 200
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    holds = condition in (None, way.etag, way.modified) or not way.heeds_if_range
    if asked and way.ranges and holds and not way.status:
        start, status = int(asked[1]), 206
        if start >= len(content):
            start, status = len(content), 416
    send_head(handler, way, status, start, content)
    if status in (200, 206):
        send_body(handler, way, content[start:], server, number)


def send_head(handler: BaseHTTPRequestHandler, way: Way, status: int, start: int, content: bytes) -> None:
    handler.send_response(status)
    body = len(content) - start if status in (200, 206) else 0
    if way.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    elif way.says_length:
        handler.send_header("Content-Length", str(body if way.announced is None else way.announced))
    if status == 206:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    if status == 416:
        handler.send_header("Content-Range", f"bytes */{len(content)}")
    if way.etag:
        handler.send_header("ETag", way.etag)
    if way.modified:
        handler.send_header("Last-Modified", way.modified)
    for name, value in way.headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def send_body(
    handler: BaseHTTPRequestHandler, way: Way, body: bytes, server: FileServer, number: int
) -> None:
    limit = way.cut_after if way.cut_after is not None else way.stall_after
    end = len(body) if limit is None else min(limit, len(body))
    for place in range(0, end, PIECE):
        piece = body[place : min(place + PIECE, end)]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if way.chunked else piece)
        server.sent[number] += len(piece)
        if way.piece_seconds:
            time.sleep(way.piece_seconds)
    if way.stall_after is not None:
        server.over.wait(30)
    elif way.chunked and limit is None:
        handler.wfile.write(b"0\r\n\r\n")
