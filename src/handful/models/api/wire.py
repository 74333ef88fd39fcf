"""What every adapter's HTTP client is given: an end to each request, and to what a server may send back.

A client's own time-out is for each read, so a server that sends a byte now and then would hold it for ever; and a
client reads a body of any length into memory. Both are seen to by two event hooks, so proxies and certificates stay
as the client has them:

    httpx.Client(event_hooks=hooks(httpx, seconds), headers=HEADERS)

A connection's `read` is replaced as it is made (httpcore's "trace" tells of each): all that comes, headers too, goes
through it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from handful.models.api.provider import Failure

LARGEST_BODY = 4 * 2**20
"""Bytes. A long answer has some 30,000."""
LARGEST_ENCODED = 2**18
"""Bytes, of a body that comes compressed though we ask for none: it may be a thousand times as large inside."""
HEADERS = {"Accept-Encoding": "identity"}
CONNECT_SECONDS = 5.0
"""Longer than a connection takes whose first two packets are lost."""
MADE = ("connect_tcp.complete", "start_tls.complete")
"""How httpcore calls the moment when there is a connection to read from."""


def hooks(httpx: ModuleType, seconds: float) -> dict[str, list[Callable[[Any], None]]]:
    """Hooks that end a request after `seconds` with a ReadTimeout, and a body that is too large with a Failure.

    Args:
        httpx: the module that the client is of: httpx, or httpx2, which is alike.
    """
    streams: Any = httpx.SyncByteStream
    asked = threading.local()  # a request is sent and read by one thread

    class Guarded(streams):  # type: ignore[misc]
        def __init__(self, stream: Any, largest: int) -> None:
            self.stream, self.largest = stream, largest

        def __iter__(self) -> Iterator[bytes]:
            read = 0
            for chunk in self.stream:
                read += len(chunk)
                if read > self.largest:
                    raise too_large(read, self.largest)
                yield chunk

        def close(self) -> None:
            self.stream.close()

    def hurry(event: str, told: Any) -> None:
        """Let a new connection read no longer than its request may take."""
        if not event.endswith(MADE):
            return
        connection = told["return_value"]
        read = connection.read

        def in_time(most: int, timeout: float | None = None) -> Any:
            left = asked.ends - time.monotonic()
            if left <= 0:
                raise httpx.ReadTimeout("the answer did not end in time")
            return read(most, timeout=left if timeout is None else min(timeout, left))

        connection.read = in_time

    def begin(request: Any) -> None:
        asked.ends = time.monotonic() + seconds
        request.extensions["trace"] = hurry
        request.extensions.setdefault("timeout", {})["connect"] = min(seconds, CONNECT_SECONDS)

    def guard(response: Any) -> None:
        encoded = response.headers.get("content-encoding", "identity") != "identity"
        largest = LARGEST_ENCODED if encoded else LARGEST_BODY
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > largest:
            raise too_large(int(length), largest)
        response.stream = Guarded(response.stream, largest)

    return {"request": [begin], "response": [guard]}


def too_large(found: int, largest: int) -> Failure:
    """Not asked again: the model may well write as much, and be paid for it, once more."""
    return Failure(
        f"the server's answer is too large: {found:,} bytes or more, where {largest:,} are read at most",
        "refused",
        status=200,
    )
