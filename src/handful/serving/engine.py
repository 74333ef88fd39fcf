"""One model, one thread that computes, any number of askers.

    with Engine(speaker, max_batch=16) as engine:
        for piece in engine.stream(Request(ids, sampling, seed=0)):
            print(piece.text, end="")

Requests wait in line until one of the `max_batch` places is free, and then join the answers under way. Only the
engine's thread touches the model. It does not know HTTP, and keeps nothing of what it was asked.
"""

from __future__ import annotations

import contextlib
import queue
import random
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import torch

from handful.core.errors import HandfulError
from handful.core.types import Finish
from handful.models.sampling import Sampling
from handful.serving.flight import Flight, Row
from handful.serving.speaker import Speaker
from handful.serving.text import Reader

MAX_WAITING = 512
"""Answers in line. Beyond that a request is refused, so that its asker hears of it at once."""


class Busy(HandfulError):
    """Too many answers wait already."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one answer is made of. `sampling.room` says how long it may get."""

    ids: Sequence[int]
    sampling: Sampling
    seed: int
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more text of an answer; the last piece says why it ended."""

    text: str
    tokens: int = 0
    """Of the answer so far."""
    finish: Finish | None = None
    error: str = ""
    """With finish "error": what went wrong, in words."""


@dataclass(eq=False, slots=True)
class Job:
    """A request in line or under way."""

    request: Request
    tell: Callable[[Piece], None]
    gone: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Nobody waits for it any more: it is computed no further."""
        self.gone.set()


class Engine:
    """The thread that answers, as a context: on leaving, what is under way is given up."""

    def __init__(self, speaker: Speaker, max_batch: int = 16) -> None:
        self.speaker = speaker
        self.max_batch = max_batch
        self.waiting: deque[Job] = deque()
        self.news = threading.Condition()
        self.closed = False
        self.jobs: dict[Row, Job] = {}
        self.steps = 0
        """Passes through the model since the start."""
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def __enter__(self) -> Engine:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.news:
            self.closed = True
            self.news.notify()
        self.thread.join()

    def submit(self, requests: Sequence[Request], tell: Callable[[int, Piece], None]) -> list[Job]:
        """Ask for answers. `tell` hears (place in `requests`, piece), on the engine's thread, and must not block.

        Raises:
            Busy: too many wait; none of the requests was taken.
        """
        jobs = [
            Job(request, lambda piece, place=place: tell(place, piece))  # type: ignore[misc]
            for place, request in enumerate(requests)
        ]
        with self.news:
            if len(self.waiting) + len(jobs) > MAX_WAITING:
                raise Busy(f"{len(self.waiting)} answers wait already; ask again later")
            self.waiting += jobs
            self.news.notify()
        return jobs

    def stream(self, request: Request) -> Generator[Piece, None, None]:
        """The pieces of one answer as they come. Leaving early stops the computing."""
        pieces: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        (job,) = self.submit([request], lambda place, piece: pieces.put(piece))
        try:
            while True:
                piece = pieces.get()
                yield piece
                if piece.finish is not None:
                    return
        finally:
            job.cancel()

    @property
    def under_way(self) -> int:
        return len(self.jobs)

    # --- the engine's own thread

    def _run(self) -> None:
        flight = Flight(self.speaker.model, self.speaker.ends)
        while True:
            newcomers = self._next(flight)
            if self.closed:
                break
            rows = [self._row(job) for job in newcomers]
            try:
                self._work(flight, rows)
            except Exception as error:
                self._fail(list(self.jobs), error)
                flight = Flight(self.speaker.model, self.speaker.ends)
            aboard = set(flight.rows)
            self.jobs = {row: job for row, job in self.jobs.items() if row in aboard}
        for job in [*self.jobs.values(), *self.waiting]:
            job.tell(Piece("", finish="error", error="the server is stopping"))

    def _next(self, flight: Flight) -> list[Job]:
        """Those from the line that there is room for. Waits while there is nothing to do."""
        with self.news:
            while True:
                while self.waiting and self.waiting[0].gone.is_set():
                    self.waiting.popleft()
                if self.closed or flight.rows or self.waiting:
                    break
                self.news.wait()
            newcomers: list[Job] = []
            while flight.open and self.waiting and len(flight.rows) + len(newcomers) < self.max_batch:
                job = self.waiting.popleft()
                if not job.gone.is_set():
                    newcomers.append(job)
            return newcomers

    def _work(self, flight: Flight, newcomers: list[Row]) -> None:
        """One token for everybody aboard, and the first for the newcomers."""
        if flight.rows:
            self.steps += 1
            flight.step()
        if newcomers:
            self.steps += 1
            try:
                batch, left = flight.read(newcomers)
            except Exception as error:  # such as a prompt that is too much for the memory that is left
                self._fail(newcomers, error)
                return
            flight.board(batch, left)

    def _row(self, job: Job) -> Row:
        request, context = job.request, self.speaker.context
        row = Row(
            prompt=request.ids,
            sampling=request.sampling,
            draws=random.Random(request.seed),
            room=request.sampling.room(len(request.ids), context),
            reader=Reader(self.speaker.decode, request.stops),
            tell=lambda text, finish: job.tell(Piece(text, row.made, finish)),
            cancelled=job.gone.is_set,
        )
        self.jobs[row] = job
        return row

    def _fail(self, rows: list[Row], error: Exception) -> None:
        """End these rows with an error. Details go to the terminal, not to whoever asked."""
        traceback.print_exception(error, file=sys.stderr)
        said = (
            "out of memory" if isinstance(error, torch.OutOfMemoryError | MemoryError) else "the model failed"
        )
        for row in rows:
            if row.finish is None:
                job = self.jobs[row]
                with contextlib.suppress(Exception):
                    job.tell(Piece("", row.made, "error", said))
