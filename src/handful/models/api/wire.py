"""What every adapter's HTTP client is given: an end to each request, and to what a server may send back.

A client's own time-out is for each read, so a server that sends a byte now and then would hold it for ever; and a
client reads a body of any length into memory. Both are seen to while the body comes in, by two event hooks, so
proxies and certificates stay as the client has them:

    httpx.Client(event_hooks=hooks(httpx, seconds), headers=HEADERS)

What this does not do: a server that sends its *headers* byte by byte is bounded by their size alone.
"""

from __future__ import annotations

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


def hooks(httpx: ModuleType, seconds: float) -> dict[str, list[Callable[[Any], None]]]:
    """Hooks that end a request after `seconds` with a ReadTimeout, and a body that is too large with a Failure.

    Args:
        httpx: the module that the client is of: httpx, or httpx2, which is alike.
    """
    streams: Any = httpx.SyncByteStream

    class Guarded(streams):  # type: ignore[misc]
        def __init__(self, stream: Any, ends: float, largest: int) -> None:
            self.stream, self.ends, self.largest = stream, ends, largest

        def __iter__(self) -> Iterator[bytes]:
            read = 0
            for chunk in self.stream:
                read += len(chunk)
                if read > self.largest:
                    raise too_large(read, self.largest)
                if time.monotonic() > self.ends:
                    raise httpx.ReadTimeout("the answer did not end in time")
                yield chunk

        def close(self) -> None:
            self.stream.close()

    def begin(request: Any) -> None:
        request.extensions["ends"] = time.monotonic() + seconds

    def guard(response: Any) -> None:
        encoded = response.headers.get("content-encoding", "identity") != "identity"
        largest = LARGEST_ENCODED if encoded else LARGEST_BODY
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > largest:
            raise too_large(int(length), largest)
        response.stream = Guarded(response.stream, response.request.extensions["ends"], largest)

    return {"request": [begin], "response": [guard]}


def too_large(found: int, largest: int) -> Failure:
    """Not asked again: the model may well write as much, and be paid for it, once more."""
    return Failure(
        f"the server's answer is too large: {found:,} bytes or more, where {largest:,} are read at most",
        "refused",
        status=200,
    )
