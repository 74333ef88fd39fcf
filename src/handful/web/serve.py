"""Run an app on a socket until Ctrl-C."""

from __future__ import annotations

import errno
import signal
import socket

import uvicorn
from starlette.types import ASGIApp

from handful.core.errors import HandfulError


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections at once, before any page is ready to answer them.

    Raises:
        HandfulError: the port is taken, or the host is not this machine's.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise HandfulError(f"--host {host}: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise HandfulError(
                f"port {port} is in use at {host}; choose another with --port (0 takes any)"
            ) from error
        raise HandfulError(f"cannot listen at {host}, port {port}: {error.strerror}") from error
    return listener


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server for `app`.

    h11 rather than the faster httptools: it refuses headers without end. uvloop is taken where it is installed.
    No access log: it would hold who answered when. Proxy headers are believed from this machine alone.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            http="h11",
            ws="none",
            timeout_graceful_shutdown=5,
        )
    )


def run_app(app: ASGIApp, listener: socket.socket, ready: str) -> None:
    """Print `ready`, and serve until Ctrl-C; requests under way are answered first.

    From `ready` on, Ctrl-C sets a flag and raises nothing: an exception would be lost where Python ignores those (in a
    weak reference's callback, say, while a library is imported), or would leave a library's lock held for ever.
    """
    server = server_of(app)
    before = signal.signal(signal.SIGINT, server.handle_exit)
    try:
        print(ready, flush=True)
        server.run(sockets=[listener])
    finally:
        signal.signal(signal.SIGINT, before)
