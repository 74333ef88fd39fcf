"""One request for a file, or for the rest of one: what the server said, in plain values, and its bytes.

Errors come in two kinds. `Passing` is worth another try: a cut, a stall, a server that is busy. A DataError is not: no
such file, no permission, a redirect that may not be followed. Addresses are shown without user names, passwords and
what follows "?", which may be a signature. Proxies are those of the environment (HTTPS_PROXY, NO_PROXY …).
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib import metadata
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from handful.core.errors import DataError

CHUNK = 1 << 18
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
EXCESS_SECONDS = 1.0
RANGE = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)")


class Passing(Exception):
    """What may go well another time. `wait` is how many seconds the server asks for, if it does."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class NoAnswer(Passing):
    """Nobody there: no such host, or no server at that port."""


class Excess(DataError):
    """More bytes came than the server had announced."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said before the bytes. Sizes in bytes, None where it did not say."""

    status: int
    start: int
    """Where in the file the bytes that follow begin."""
    length: int | None
    """Of the bytes that follow."""
    total: int | None
    """Of the whole file."""
    etag: str
    modified: str
    kind: str
    """The media type, as "text/html"."""
    packed: str
    """The content encoding, as "gzip", where the server packs what it sends."""
    body: http.client.HTTPResponse

    @property
    def validator(self) -> str:
        """What names these very bytes in an If-Range: a strong ETag, or else the date. Empty where there is neither."""
        return self.etag if self.etag.startswith('"') else self.modified

    @property
    def tells_its_end(self) -> bool:
        """Whether a cut would be noticed: there is a length, or the bytes come in counted chunks."""
        return self.length is not None or bool(self.body.chunked)

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come.

        Raises:
            Passing: the connection is cut, or nothing comes for the time-out.
            Excess: more comes than was announced.
        """
        left = self.length
        while left is None or left > 0:
            with troubles():
                chunk = self.body.read1(CHUNK)
            if not chunk:
                if left:
                    raise Passing("the connection was cut")
                return
            left = None if left is None else left - len(chunk)
            yield chunk
        if self.has_more():
            raise Excess(f"the server sends more than the {self.length:,} bytes that it announces")

    def has_more(self) -> bool:
        """Whether bytes follow those announced: we asked for the connection to be closed, so its end should."""
        try:
            if not select.select([self.body], [], [], EXCESS_SECONDS)[0]:
                return False
            return bool(self.body.fp.peek(1))
        except (OSError, ValueError, AttributeError):
            return False  # closed: nothing follows


class Redirects(urllib.request.HTTPRedirectHandler):
    """Ten at most, as in the standard library; to HTTP and HTTPS alone, and never from HTTPS down to HTTP."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https"):
            raise DataError(f"{shown(req.full_url)}: redirects to a {scheme} address, which is not followed")
        if scheme == "http" and urlsplit(req.full_url).scheme == "https":
            raise DataError(
                f"{shown(req.full_url)}: redirects from https to {shown(newurl)}, where anyone on the way could change "
                "the bytes; not followed. If that is settled, give the http address itself, with its #sha256="
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def shown(url: str) -> str:
    """An address as it may be printed: no user name, no password, no query."""
    parts = urlsplit(url)
    return urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "…" if parts.query else "", "")
    )


def sendable(url: str) -> str:
    """The same address in ASCII: what a person typed may have blanks and letters that HTTP has not."""
    parts = urlsplit(url)
    try:
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except UnicodeError as error:
        raise DataError(f"{shown(url)}: {parts.netloc!r} is no host's name") from error
    path, query = quote(parts.path, safe="/%:=&~+!$,;'@()*"), quote(parts.query, safe="/%:=&?~+!$,;'@()*")
    return urlunsplit((parts.scheme, host, path, query, ""))


@contextmanager
def ask(url: str, start: int, validator: str, timeout: float) -> Iterator[Reply]:
    """Ask for a file from byte `start` on, on the condition that it is still the one that `validator` names.

    A server may answer 200 with the whole file, 206 with the rest, or 416 where there is no rest.

    Args:
        timeout: seconds without a byte after which the connection counts as lost.

    Raises:
        Passing: no answer, or a server that is busy.
        DataError: a status that another try will not change.
    """
    headers = {"User-Agent": f"handful/{metadata.version('handful')}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    request = urllib.request.Request(sendable(url), headers=headers)
    with troubles():
        try:
            response = opener().open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                with error:
                    raise refusal(url, error.code, error.headers) from None
            response = error
    with response:
        yield reply(response)


def opener() -> urllib.request.OpenerDirector:
    """Only what is needed: no files, no FTP, no passwords."""
    director = urllib.request.OpenerDirector()
    handlers = (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    )
    for handler in handlers:
        director.add_handler(handler)
    return director


def reply(response: Any) -> Reply:
    headers = response.headers
    length = whole_number(headers.get("Content-Length"))
    if (headers.get("Transfer-Encoding") or "").lower() == "chunked":
        length = None
    start, total = 0, length
    found = RANGE.fullmatch((headers.get("Content-Range") or "").strip())
    if response.status != HTTPStatus.OK:
        start = int(found[1]) if found and found[1] else -1
        total = whole_number(found[3]) if found else None
    return Reply(
        status=response.status,
        start=start,
        length=length,
        total=total,
        etag=(headers.get("ETag") or "").strip(),
        modified=(headers.get("Last-Modified") or "").strip(),
        kind=headers.get_content_type() if "Content-Type" in headers else "",
        packed=(headers.get("Content-Encoding") or "").strip().lower().replace("identity", ""),
        body=response,
    )


def whole_number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdecimal() else None


def refusal(url: str, status: int, headers: Message[str, str]) -> Exception:
    """The error for a status of 300 and above."""
    phrase = http.client.responses.get(status, "")
    said = f"{shown(url)}: the server says {status}{f' ({phrase})' if phrase else ''}"
    if status in BUSY:
        return Passing(said, seconds_to_wait(headers.get("Retry-After")))
    if status in (401, 403, 407):
        return DataError(
            f"{said}: it wants a login, or refuses programs; fetch it by hand with a browser (docs/fetching.md)"
        )
    if status in (404, 410):
        return DataError(f"{said}: there is no such file; check the address")
    if 300 <= status < 400:
        return DataError(f"{said}: it redirects too often, or to nowhere")
    return DataError(said)


def seconds_to_wait(stated: str | None) -> float | None:
    """What a Retry-After asks for: seconds, or the time of a date. None where it says nothing that can be read."""
    if not stated:
        return None
    if stated.strip().isdecimal():
        return float(stated)
    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
    except ValueError:
        return None


@contextmanager
def troubles() -> Iterator[None]:
    """Turn what goes wrong with a connection into Passing, or into a DataError where it will not pass."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        raise trouble(error.reason if isinstance(error.reason, Exception) else error) from error
    except http.client.InvalidURL as error:
        raise DataError(f"not an address that can be asked: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise trouble(error) from error


def trouble(error: Exception) -> Exception:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DataError(f"the server's certificate cannot be trusted: {error.verify_message}")
    if isinstance(error, socket.gaierror):
        return NoAnswer(f"the host's name is not known ({error.strerror})")
    if isinstance(error, ConnectionRefusedError):
        return NoAnswer("no server answers there (connection refused)")
    if isinstance(error, TimeoutError):
        return Passing("nothing came for too long")
    if isinstance(error, http.client.IncompleteRead | ConnectionResetError | http.client.RemoteDisconnected):
        return Passing("the connection was cut")
    return Passing(f"the connection failed ({error or type(error).__name__})")
