"""Bring a file of a dump here, and go on where a cut connection or a kill left off.

The bytes go into NAME.part, and what the server said of them into NAME.part.json; NAME itself appears only when all
are there and the checksum, if one is given, agrees. The rest of a file is asked for on the condition that it is still
the same one (If-Range); where that cannot be known, it is fetched anew rather than patched together.

Not a stage: `run` reads files that lie on the disk. No logins, no torrents (docs/fetching.md says what needs them).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from handful.core.errors import DataError, Locked
from handful.core.files import write_whole
from handful.run.address import Wanted
from handful.run.checksum import MAX_LIST, Checksum, listed
from handful.run.patience import Patience
from handful.run.progress import progress
from handful.run.request import Excess, NoAnswer, Passing, Reply, ask, shown

MARGIN_BYTES = 64_000_000
MARGIN_SHARE = 0.01
"""What must stay free on the disk beside the file: the greater of the two."""
PACKED_NAMES = (".gz", ".tgz", ".br", ".zst", ".bz2", ".xz", ".Z")
WEB_PAGES = (".html", ".htm", ".xhtml", "")

Say = Callable[[str], None]


class Notes(msgspec.Struct, frozen=True):
    """What the server said of the file whose first bytes are in the part. The address only as its sha256: an
    address may hold a signature that should not lie about."""

    address: str
    etag: str
    modified: str
    validator: str
    total: int | None

    def fits(self, reply: Reply) -> bool:
        """Whether the rest that is offered belongs to the same file."""
        pairs = ((self.etag, reply.etag), (self.modified, reply.modified), (self.total, reply.total))
        return all(not before or not now or before == now for before, now in pairs)


def fetch(file: Wanted, patience: Patience | None = None, say: Say = lambda line: None) -> bool:
    """Bring the file here. Returns False where it was here already.

    Args:
        say: called with a line for a person whenever something does not go straight on.

    Raises:
        DataError: it cannot be had, is not what it should be, or does not fit on the disk. What came is kept.
        Locked: another process fetches it.
    """
    patience = patience or Patience()
    file.target.parent.mkdir(parents=True, exist_ok=True)
    for path in (file.target, file.part):
        if path.is_dir():
            raise DataError(f"{path}: is a folder, where a file should go; choose another folder with --to")
    if file.target.exists():
        check_present(file, patience, say)
        file.notes.unlink(missing_ok=True)
        return False
    with held(file.part) as part:
        receive(file, part, patience, say)
        part.flush()
        os.fsync(part.fileno())
        settle(file)
    return True


def check_present(file: Wanted, patience: Patience, say: Say) -> None:
    """Raise DataError where the file that is here differs from the one that is wanted. It is never overwritten."""
    if file.checksum:
        found = file.checksum.of(file.target)
        if found != file.checksum.value:
            raise DataError(
                f"{file.target}: is there already, with {file.checksum.algorithm} {found} where "
                f"{file.checksum.value} is wanted; move it away to fetch it again"
            )
        return
    size = file.target.stat().st_size
    try:
        with ask(file.url, 0, "", patience.stall_seconds) as reply:
            total = reply.total
    except Passing as trouble:
        say(f"{file.target}: is there already; whether it is still the server's cannot be asked ({trouble})")
        return
    if total is not None and total != size:
        raise DataError(
            f"{file.target}: is there already, with {size:,} bytes; the server has {total:,}. "
            "Move it away to fetch it again"
        )


@contextmanager
def held(path: Path) -> Iterator[BinaryIO]:
    """The part, open for writing at its end, and nobody else's meanwhile."""
    with path.open("ab") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"{path}: another process is fetching this file; wait for it") from error
        try:
            yield part
        except BaseException:
            if not part.tell():
                path.unlink(missing_ok=True)
            raise


def receive(file: Wanted, part: BinaryIO, patience: Patience, say: Say) -> None:
    """Try until the part is whole, or until too many tries in a row brought nothing new."""
    farthest, failed, answered = part.tell(), 0, False
    while True:
        try:
            attempt(file, part, patience, say)
            return
        except Passing as trouble:
            part.flush()
            here = part.tell()
            answered = answered or not isinstance(trouble, NoAnswer)
            failed = 1 if here > farthest else failed + 1
            farthest = max(here, farthest)
            if failed > patience.retries or not answered:
                raise DataError(given_up(file, trouble, here, failed)) from trouble
            wait = patience.wait(failed, trouble.wait)
            if wait is None:
                raise DataError(
                    f"{trouble}, and asks to wait {trouble.wait:,.0f} seconds; run the same command then"
                ) from trouble
            say(f"{file.target.name}: {trouble}, at {here:,} bytes; trying again in {wait:.1f} s")
            time.sleep(wait)


def given_up(file: Wanted, trouble: Passing, here: int, failed: int) -> str:
    tries = f" (tried {failed} times in a row)" if failed > 1 else ""
    kept = f"; the {here:,} bytes so far are kept, and the same command goes on from there" if here else ""
    said = str(trouble) if shown(file.url) in str(trouble) else f"{shown(file.url)}: {trouble}"
    return f"{said}{tries}{kept}"


def attempt(file: Wanted, part: BinaryIO, patience: Patience, say: Say) -> None:
    """One request: append what comes. Returns when the part is whole."""
    notes = remembered(file)
    if part.tell() and (reason := unfit(file, notes)):
        say(f"{file.target.name}: begins anew: {reason}")
        clear(part)
    have = part.tell()
    if have and notes and notes.total == have:
        return
    with ask(file.url, have, notes.validator if have and notes else "", patience.stall_seconds) as reply:
        if reply.status == 416 and notes and notes.total is None and reply.total == have:
            return
        if reply.status == 200 and have:
            say(
                f"{file.target.name}: begins anew: the server has another file now, or cannot send a part of one"
            )
            clear(part)
        elif reply.status != 200 and not (have and reply.start == have and notes and notes.fits(reply)):
            clear(part)
            raise Passing(f"the server has changed its file, or gives no such part of it ({reply.status})")
        check_reply(file, reply, say)
        check_room(file, reply.length or 0)
        if reply.status == 200:
            write_notes(file, reply)
        append(file, part, reply)
    total = reply.total
    if total is not None and part.tell() != total:
        raise Passing(f"{total:,} bytes were announced, and another number came")


def unfit(file: Wanted, notes: Notes | None) -> str:
    """Why the bytes that are here cannot be gone on from, or an empty string."""
    if notes is None:
        return "nothing is known of the bytes that are here"
    if notes.address != digest(file.url):
        return "what is here came from another address"
    if not notes.validator and not file.checksum:
        return "the server names neither version nor date, so that nobody knows whether it is the same file"
    return ""


def clear(part: BinaryIO) -> None:
    part.seek(0)
    part.truncate()


def check_reply(file: Wanted, reply: Reply, say: Say) -> None:
    """Raise DataError where what comes is not the file: a login page, or something packed on the way."""
    if reply.kind in ("text/html", "application/xhtml+xml") and file.target.suffix.lower() not in WEB_PAGES:
        raise DataError(
            f"{shown(file.url)}: the server sends a web page where {file.target.name} should be, "
            "perhaps for a login; fetch it by hand with a browser (docs/fetching.md)"
        )
    if reply.packed and file.target.suffix not in PACKED_NAMES:
        raise DataError(
            f"{shown(file.url)}: the server sends it packed ({reply.packed}), though asked not to; "
            "fetch it by hand with a browser, which unpacks it"
        )
    if not reply.tells_its_end and not file.checksum:
        say(
            f"{file.target.name}: the server does not say how long it is: a cut would go unseen without a checksum"
        )


def check_room(file: Wanted, needed: int) -> None:
    """Raise DataError unless the disk has room for `needed` bytes more, and a margin."""
    free = shutil.disk_usage(file.target.parent).free
    margin = max(MARGIN_BYTES, int(needed * MARGIN_SHARE))
    missing = needed + margin - free
    if needed and missing > 0:
        raise DataError(
            f"{file.target.parent}: no room for {file.target.name}: {in_gb(needed)} are to come and {in_gb(free)} are "
            f"free, of which {in_gb(margin)} should stay so: {in_gb(missing)} are missing; "
            "make room, or choose another folder with --to"
        )


def in_gb(size: float) -> str:
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def append(file: Wanted, part: BinaryIO, reply: Reply) -> None:
    """Write what comes at the end of the part, saying how far and how fast it goes."""
    start, received = time.monotonic(), 0
    total = None if reply.length is None else reply.length / 1e6
    with progress(f"fetching {file.target.name}", total, "MB") as advance:
        try:
            for chunk in reply.chunks():
                part.write(chunk)
                received += len(chunk)
                seconds = time.monotonic() - start
                advance(len(chunk) / 1e6, f"{received / 1e6 / seconds:.1f} MB/s" if seconds > 0 else "")
        except Excess as excess:
            if not file.checksum:  # else it says whether these are the bytes
                clear(part)
                raise DataError(
                    f"{shown(file.url)}: {excess}; without a checksum nobody knows what it is"
                ) from None
        finally:
            part.flush()


def settle(file: Wanted) -> None:
    """Give the whole part its name, if the checksum agrees.

    Raises:
        DataError: it does not; the bytes are kept as NAME.bad.
    """
    if file.checksum and (found := file.checksum.of(file.part)) != file.checksum.value:
        file.part.replace(file.bad)
        file.notes.unlink(missing_ok=True)
        raise DataError(
            f"{shown(file.url)}: wrong bytes: their {file.checksum.algorithm} is {found}, and should be "
            f"{file.checksum.value}; they are kept as {file.bad}. The same command fetches the file anew"
        )
    file.part.replace(file.target)
    folder = os.open(file.target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    file.notes.unlink(missing_ok=True)


def digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def remembered(file: Wanted) -> Notes | None:
    """What was written down of the part, or None where that cannot be read."""
    try:
        return msgspec.json.decode(file.notes.read_bytes(), type=Notes)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_notes(file: Wanted, reply: Reply) -> None:
    notes = Notes(digest(file.url), reply.etag, reply.modified, reply.validator, reply.total)
    write_whole(file.notes, msgspec.json.encode(notes))


def published_checksum(where: str, name: str, patience: Patience | None = None) -> Checksum:
    """The checksum of the file `name` in a list of checksums, a file or an address.

    Raises:
        DataError: the list cannot be read, or does not name the file.
    """
    if not where.startswith(("http://", "https://")):
        try:
            return listed(Path(where).read_bytes()[:MAX_LIST], name, where)
        except OSError as error:
            raise DataError(f"{where}: cannot be read ({error.strerror})") from error
    try:
        with ask(where, 0, "", (patience or Patience()).stall_seconds) as reply:
            content = b""
            for chunk in reply.chunks():
                content += chunk
                if len(content) > MAX_LIST:
                    raise DataError(f"{shown(where)}: too long for a list of checksums")
    except Passing as trouble:
        raise DataError(f"{shown(where)}: {trouble}") from trouble
    return listed(content, name, shown(where))
