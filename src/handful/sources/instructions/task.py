"""A task file as the collection has it, in all its layouts: unpacked, decoded, and no more of it than is needed.

A task is a JSON object: a definition, and instances with an input and one or more outputs. Early layouts have text
where later ones have lists, and say less of themselves; instances have an id only in the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, BufferedReader
from pathlib import Path
from typing import IO, Any

import msgspec

from handful.core.beginnings import ENOUGH, foreign
from handful.core.errors import DataError
from handful.core.optional import need

ZSTD = b"\x28\xb5\x2f\xfd"
BOM = b"\xef\xbb\xbf"
MEASURED = 100
"""Instances of a task, its first, whose answers are measured. The collection tests on these, and so has put different
answers first: a task that shows few among them has few."""
HEAD = 1 << 16
"""Bytes in which these are looked for before the whole file is read."""
CUTS = 20
"""Places to try to cut the head at: a brace may also stand in a text."""
PIECE = 1 << 18
"""Bytes unpacked at a time: a few packed ones may make a gigabyte."""
LONE_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Group 1, where it matches, is half a surrogate pair. The rest is what must be stepped over to tell."""


class Unused(Exception):
    """Why a task is passed over: the rule, and what it saw."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(rule, detail)
        self.rule, self.detail = rule, detail


class Task(msgspec.Struct):
    """What is read of a task. The instances are told apart and left as bytes: few of them are needed."""

    definition: Any = msgspec.field(name="Definition")
    instances: list[msgspec.Raw] = msgspec.field(name="Instances")
    categories: Any = msgspec.field(name="Categories", default=None)
    instruction_language: Any = msgspec.field(name="Instruction_language", default=None)
    input_language: Any = msgspec.field(name="Input_language", default=None)
    output_language: Any = msgspec.field(name="Output_language", default=None)
    license: Any = msgspec.field(name="Instance License", default=None)
    contributors: Any = msgspec.field(name="Contributors", default=None)
    url: Any = msgspec.field(name="URL", default=None)


class Instance(msgspec.Struct, gc=False):
    input: str
    output: list[str] | str
    id: Any = None

    @property
    def answer(self) -> str:
        """The first output that is not blank, or ""."""
        for output in [self.output] if isinstance(self.output, str) else self.output:
            if text := output.strip():
                return text
        return ""


TASK = msgspec.json.Decoder(Task)
INSTANCE = msgspec.json.Decoder(Instance)
INSTANCES = msgspec.json.Decoder(list[Instance])
INSTANCES_KEY = re.compile(rb'"Instances"\s*:\s*\[')
BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def task_name(path: Path) -> str:
    return path.name.removesuffix(".zst").removesuffix(".json")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A task file's content as a stream, unpacked.

    Raises:
        Unused: what is read is no zstd.
        DataError: the file cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            if path.suffix != ".zst":
                yield file
                return
            need("zstandard", f"reading {path.name}")
            import zstandard

            try:
                unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 31)
                with unpacker.stream_reader(file, read_across_frames=True) as stream:
                    yield stream
            except zstandard.ZstdError as error:
                with path.open("rb") as start:
                    head = start.read(ENOUGH)
                words = "" if head.startswith(ZSTD) else foreign(head)
                why = (
                    f"is no .zst file: it {words}"
                    if words
                    else f"cannot be unpacked ({error}); fetch it again"
                )
                raise Unused("bad_task", f"{path.name}: {why}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def peek(stream: IO[bytes]) -> tuple[bytes, Task | None]:
    """The first bytes of a task, and the task as far as these show it: what it says of itself, and MEASURED instances.

    None in its place where they do not show so much. Most tasks of the collection are passed over, and can be by this.
    """
    head = stream.read(HEAD)
    if not (start := INSTANCES_KEY.search(head)):
        return head, None
    end = len(head)
    for _ in range(CUTS):
        end = head.rfind(b"}", start.end(), end)
        try:
            task = TASK.decode(head[: end + 1].removeprefix(BOM) + b"]}")
        except BAD_JSON:
            continue
        whole = task.categories and task.input_language and task.output_language
        return head, task if whole and len(task.instances) >= MEASURED else None
    return head, None


def rest(stream: IO[bytes], head: bytes, limit: int, where: str) -> Task:
    """The whole task, of which `head` was read before; Unused where it is none, or has more than `limit` bytes."""
    too_large = Unused(
        "bad_task", f"{where}: holds more than {limit / 1e6:,.0f} MB; raise max_unpacked_mb to read it"
    )
    if isinstance(stream, BufferedReader):  # a plain file: its size is known, and it is read into one piece
        if stream.seek(0, SEEK_END) > limit:
            raise too_large
        stream.seek(0)
        return decode(stream.read(), where)
    pieces = [head]
    size = len(head)
    while piece := stream.read(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise too_large
    return decode(b"".join(pieces), where)


def decode(content: bytes, where: str) -> Task:
    """The task in a file's bytes.

    Half a surrogate pair, which no text can hold, is read as NUL: that spoils its instance rather than the task.
    """
    if words := foreign(content[:ENOUGH]):
        raise Unused("bad_task", f"{where}: {words}")
    content = content.removeprefix(BOM)
    if not content.strip():
        raise Unused("bad_task", f"{where}: is empty, or cut off before its first byte; fetch it again")
    try:
        try:
            return TASK.decode(content)
        except msgspec.DecodeError:
            repaired = LONE_SURROGATE.sub(lambda escape: rb"\u0000" if escape[1] else escape[0], content)
            return TASK.decode(repaired)
    except BAD_JSON as error:
        raise Unused("bad_task", f"{where}: is not a task ({error})") from error


def readable(raw: msgspec.Raw) -> Instance | None:
    """An instance, or None where it is not one."""
    try:
        return INSTANCE.decode(raw)
    except BAD_JSON:
        return None


def texts(value: Any) -> list[str]:
    """The texts of a key that is text in one layout and a list of texts in another, without blank ones."""
    values = value if isinstance(value, list) else [value]
    return [text.strip() for text in values if isinstance(text, str) and text.strip()]
