"""Replies that were paid for, kept for good: a request that was answered once is not sent again.

A reply is a line of JSON under the sha256 of its whole request (protocol, address, model, messages, sampling, schema
and which sample), in `$HANDFUL_REPLIES`, else in `replies` beside the converted models of `$HANDFUL_CACHE` or
`~/.cache/handful`. HANDFUL_REPLIES=off keeps and reads none. Each server's model has a folder, and each process that
is answered a file of its own in it, to which it adds one line by one write: so processes never meet, a kill loses
nothing, and half a line at the end of a file (a power cut, a full disk) is passed over, as is a file that is another
user's: they are for their owner's eyes, since they hold what was asked and answered. Beside them lies `rung`, one word:
how the server held the last reply to a schema. A file for each reply would
be simpler, but took a third of the time of 2,000 requests at 64 at a time. Nothing expires: a server whose model
changed should call it by another name. The key of the API is part of neither name nor content.

What this does not keep: failures, and replies that a content filter took, which may come another day. What another
process is answered meanwhile is found by the next `Replies`, not by this one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from handful.core.files import write_whole
from handful.models.api.provider import RUNGS, Completion, Request, Rung, Server


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line."""

    key: str
    text: str
    finish: str
    input_tokens: int
    output_tokens: int
    model: str
    rung: Rung


ENCODER = msgspec.json.Encoder(order="deterministic")
DECODER = msgspec.json.Decoder(Kept)
PROCESS = secrets.token_hex(4)
"""With the process's number the name of its files: numbers come again."""
BEFORE_KEY = len('{"key":"')
KEY = 64
RUNG = "rung"
Place = tuple[Path, int, int]
"""A line in a file: where it begins, and how long it is."""


def folder() -> Path | None:
    """Where the replies are; None where none are to be kept."""
    place = os.environ.get("HANDFUL_REPLIES", "")
    if place.lower() == "off":
        return None
    cache = os.environ.get("HANDFUL_CACHE") or Path.home() / ".cache" / "handful"
    return Path(place) if place else Path(cache) / "replies"


def key_of(server: Server, request: Request, sample: int) -> str:
    """The sha256 of the request as canonical JSON, as 64 hex digits. How it was held to its schema is no part."""
    whole: dict[str, Any] = {
        "api": server.api,
        "base_url": server.base_url,
        "model": request.model,
        "messages": list(request.messages),
        "sampling": dict(request.sampling),
        "schema": request.schema,
        "sample": sample,
    }
    return hashlib.sha256(ENCODER.encode(whole)).hexdigest()


def shelf_of(server: Server) -> str:
    """The name of the folder for one server's model."""
    named = ENCODER.encode([server.api, server.base_url, server.model])
    return hashlib.sha256(named).hexdigest()[:16]


class Replies:
    """The cache of one server's model. Many threads may use it; other processes have their own."""

    def __init__(self, place: Path | None, server: Server) -> None:
        """`place` is the folder of all replies; None keeps none."""
        self.shelf = place and place / shelf_of(server)
        self.known: dict[str, Place | bytes] = {}
        """What stands in the files of earlier processes, and the lines of this one."""
        self.file = -1
        self.closed = False
        self.turn = threading.Lock()
        for path in sorted(self.shelf.glob("*.jsonl")) if self.shelf else ():
            with suppress(PermissionError):
                self.known.update(lines(path))

    def rung(self) -> Rung | None:
        """How this server held its last reply to a schema; None where that is not known."""
        try:
            told = self.shelf and (self.shelf / RUNG).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return next((rung for rung in RUNGS if rung == told), None)

    def prove(self, rung: Rung) -> None:
        """Remember a rung that has brought an answer. Where the disk does not take it, the next run finds out anew."""
        if self.shelf is not None and self.rung() != rung:
            with suppress(OSError):
                make(self.shelf)
                write_whole(self.shelf / RUNG, f"{rung}\n".encode())

    def get(self, key: str) -> tuple[Completion, Rung] | None:
        """The reply; None where there is none that can be read."""
        found = self.known.get(key)
        if found is None:
            return None
        try:
            kept = DECODER.decode(found if isinstance(found, bytes) else read(*found))
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        completion = Completion(kept.text, kept.finish, kept.input_tokens, kept.output_tokens, kept.model)
        return (completion, kept.rung) if kept.key == key else None

    def put(self, key: str, said: Completion, rung: Rung) -> None:
        """Keep a reply. Raises OSError where the disk does not take it."""
        if self.shelf is None:
            return
        kept = Kept(key, said.text, said.finish, said.input_tokens, said.output_tokens, said.model, rung)
        line = ENCODER.encode(kept)
        with self.turn:
            if self.file < 0:
                make(self.shelf)
                name = f"{os.getpid()}-{PROCESS}.jsonl"
                self.file = os.open(self.shelf / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            if os.write(self.file, line + b"\n") <= len(line):
                raise OSError(errno.ENOSPC, "no room for a reply", str(self.shelf))
            self.known[key] = line
            if self.closed:
                self.settle()

    def close(self) -> None:
        """A reply that comes later, to a thread that nobody waits for, is kept all the same."""
        with self.turn:
            self.closed = True
            self.settle()

    def settle(self) -> None:
        if self.file >= 0:
            os.fsync(self.file)
            os.close(self.file)
            self.file = -1


def make(shelf: Path) -> None:
    """The folder and the one around it, for the owner alone; what is there already keeps its rights."""
    shelf.parent.parent.mkdir(parents=True, exist_ok=True)
    for folder in (shelf.parent, shelf):
        folder.mkdir(mode=0o700, exist_ok=True)


def lines(path: Path) -> Iterator[tuple[str, Place]]:
    """The key of each whole line, and where it is."""
    content = path.read_bytes()
    begin = 0
    while (end := content.find(b"\n", begin)) >= 0:
        key = content[begin + BEFORE_KEY : begin + BEFORE_KEY + KEY]
        yield key.decode("ascii", "replace"), (path, begin, end - begin)
        begin = end + 1


def read(path: Path, begin: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(length)
