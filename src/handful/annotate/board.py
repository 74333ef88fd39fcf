"""What stands in a study that is being served: who is asked what next, and how far everybody is.

    board = Board(study, ledger, params, practice=..., checks=...)
    place = board.visit("ann")              # what to show; a reload shows the same
    board.give("ann", place.offer.item.key, round=place.offer.round, order=place.offer.order, choice="first")

It is filled from the ledger at the start and kept by its own writes; that is truthful, since one process serves a
ledger. People, their states and what happens to them are read on from the ledger at every visit. What it holds for
somebody (leases) is in memory only: after a restart everything that is not answered is open.

It never refuses an answer for being late: what a person said is kept, if need be beyond `people`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from handful.annotate import progress
from handful.annotate.items import PAIRS, SKIP, Item, Study, order_seen, verdict_of
from handful.annotate.ledger import Answer, Ledger
from handful.annotate.places import Feedback, NotOffered, Offer, PartOver, Place, Where
from handful.annotate.progress import ItemProgress, PersonProgress, Progress, TaskProgress
from handful.annotate.rows import hash_of
from handful.annotate.seats import Seat
from handful.annotate.standing import AHEAD, Standing
from handful.core.types import Task, Verdict
from handful.recipe.evaluation import Annotate

__all__ = [
    "Board",
    "Feedback",
    "ItemProgress",
    "NotOffered",
    "Offer",
    "PersonProgress",
    "Place",
    "Progress",
    "TaskProgress",
]


class Board:
    """The read model of one served study. Thread-safe; no lock is held while the ledger writes."""

    def __init__(
        self,
        study: Study,
        ledger: Ledger,
        params: Annotate,
        *,
        practice: Sequence[Item] = (),
        checks: Sequence[Item] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.study = study
        self.params = params
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.RLock()
        self._standing = Standing(study, params, practice, checks)
        self._paused = False
        self._seen_event = 0
        for one in ledger.people():
            self._standing.stand(self._standing.seat(one.name), one.group, one.state, one.reason)
        for answer in ledger.answers():
            self._standing.recall(answer)
        self._read_on()

    # What pages call

    def visit(self, person: str) -> Place:
        """Where `person` stands; keeps for them what it offers. NotOffered: there is nobody of this name."""
        self._read_on(person)
        with self._lock:
            seat = self._seat(person)
            self._standing.lapse(self._clock())
            if (shut := self._shut(seat)) is not None:
                return self._standing.place(seat, shut)
            if not seat.practised and (pair := self._standing.next_practice(seat)):
                side = self._standing.side_of(seat, pair, 0)
                return self._standing.place(seat, "practice", Offer(pair, 0, side))
            self._standing.fill(seat, self._clock())
            offers = [hold.offer for hold in seat.holds.values()][:AHEAD]
            return self._standing.place(seat, "item" if offers else "finished", *offers)

    def consent(self, person: str) -> None:
        """Store that the person agreed."""
        self._tell("consented", person)

    def practised(self, person: str) -> None:
        """Store that the person is done with the practice, or passed it over."""
        self._tell("practised", person)

    def give(
        self,
        person: str,
        key: str,
        *,
        round: int,
        order: str,
        choice: str,
        reason: str = "",
        ms: int | None = None,
        nonce: str | None = None,
    ) -> tuple[bool, bool]:
        """Store an answer to an item, a check or a practice pair. When this returns, it is on the disk.

        Args:
            order: as offered: "forward", "swapped", or empty where one text was graded.
            choice: "first" (what stood first), "second", "neither"; or a grade; or "skip".
            ms: how long it was on the screen; None takes the time since this board offered it.
            nonce: of the form; what is sent twice is stored once.

        Returns:
            Whether it is new, and whether what stands now is `choice` for this `reason`.

        Raises:
            NotOffered: nothing was stored.
            DataError: the ledger could not store it.
        """
        self._read_on(person)
        with self._lock:
            seat = self._seat(person)
            item = self._asked(seat, key, round, order, choice)
            if ms is None:
                ms = seat.on_screen((key, round), self._clock())
        first = item.first if order != "swapped" else hash_of(item.load(order).texts[0])
        answer, new = self._ledger.answer(
            person=person, item=key, round=round, task=item.task if item.kind == "item" else item.kind,
            subject=item.subject, shown=order, first=first, choice=choice, reason=reason, ms=ms, nonce=nonce,
        )  # fmt: skip
        with self._lock:
            if new or self._missed(seat, answer):
                self._standing.take(seat, answer)
                seat.shown_from = self._clock()
        return new, (answer.choice, answer.reason) == (choice, reason)

    def skip(
        self, person: str, key: str, *, round: int, order: str, reason: str, nonce: str | None = None
    ) -> bool:
        """As `give`, of what the person will not answer: they are not offered it again. Whether that stands now."""
        return self.give(person, key, round=round, order=order, choice=SKIP, reason=reason, nonce=nonce)[1]

    def undo(self, person: str, id: int | None = None) -> bool:
        """Take back an answer or a skip (None: the last); the person gets it again at once, as it stood."""
        self._read_on(person)
        with self._lock:
            seat = self._seat(person)
            if id is None:
                id = seat.last(self._standing.practice)
        taken = self._ledger.undo(person, id) if id is not None else None
        if taken is None:
            return False
        with self._lock:
            self._standing.untake(seat, taken, self._clock())
        return True

    def feedback(self, person: str, key: str) -> Feedback | None:
        """On the practice pair `key`, once the person has answered it."""
        self._read_on(person)
        with self._lock:
            answer = self._seat(person).answers.get((key, 0))
            item = self._standing.practice.get(key)
        if item is None or answer is None or item.known is None:
            return None
        order = order_seen(item, answer.shown, answer.first)
        first, second = ("left", "right") if order == "forward" else ("right", "left")
        places = {first: "first", second: "second"}
        better = places.get(item.known, "neither")
        return Feedback(answer.choice == better, better, item.explanation)  # type: ignore[arg-type]

    # What the researcher's page calls

    def release(self, person: str | None = None) -> int:
        """Free what `person` (None: everybody) holds and has not answered. Returns how many items."""
        self._read_on(person or "")
        with self._lock:
            seats = list(self._standing.seats.values()) if person is None else [self._seat(person)]
            return sum(self._standing.free_all(seat) for seat in seats)

    def add_items(self, items: Iterable[Item], person: str = "") -> None:
        """Ask more than the study does (live dialogues, say): `person` gets these first, others only where `people`
        is above 1 or that person passes them over. What is asked already is passed over here."""
        with self._lock:
            for item in items:
                self._standing.add_for(item, person)

    def progress(self) -> Progress:
        """Of tasks and people, those too who were added a moment ago and have not come yet."""
        self._read_on(everybody=True)
        with self._lock:
            self._standing.lapse(self._clock())
            return Progress(
                [progress.of_task(task, self._standing) for task in self._standing.pools],
                [
                    progress.of_person(
                        seat, self._standing.left(seat), self._standing.checks, self._standing.items
                    )
                    for seat in self._standing.seats.values()
                ],
                self._paused,
            )

    def items(self, start: int = 0, count: int = 50) -> tuple[list[ItemProgress], int]:
        """A page of the items' progress, in the study's order, and how many items there are."""
        self._read_on()
        with self._lock:
            asked = list(self._standing.items.items())
            return [
                progress.of_item(item, self._standing.tallies[key], self.params.people)
                for key, item in asked[start : start + count]
            ], len(asked)

    def verdicts(self, task: Task = "preference") -> list[Verdict]:
        """What stands of a task of pairs by people who are not dropped, for live agreement."""
        self._read_on()
        with self._lock:
            items = self._standing.items
            return [
                verdict_of(items[key], seat.name_of_judge(), answer)
                for seat in self._standing.seats.values()
                if seat.counts
                for (key, round), answer in seat.answers.items()
                if round == 0 and answer.choice != SKIP and key in items and items[key].task == task
            ]

    # Who is there

    def _seat(self, person: str) -> Seat:
        seat = self._standing.seats.get(person)
        if seat is None or not seat.known:
            raise NotOffered(f"there is nobody of the name {person!r}")
        return seat

    def _shut(self, seat: Seat) -> Where | None:
        """Why a person is given nothing now."""
        if seat.state in ("revoked", "dropped"):
            return "over"
        if self._paused or not seat.active:
            return "paused"
        return None if seat.consented else "consent"

    def _read_on(self, person: str = "", everybody: bool = False) -> None:
        """What happened to people and to the study since the last time; one small query where nothing did.

        It is read before the lock is taken, so that a slow database holds up nobody else.
        """
        events = self._ledger.events_after(self._seen_event)
        known = not person or (person in self._standing.seats and self._standing.seats[person].known)
        people = self._ledger.people() if events or everybody or not known else []
        with self._lock:
            newest = bool(events) and events[-1].id > self._seen_event
            for event in events:
                if event.id > self._seen_event:
                    self._seen_event = event.id
                    self._heed(event.kind, event.person)
            for one in people:
                seat = self._standing.seat(one.name)
                if newest or not seat.known:  # else another request has read later ones
                    self._standing.stand(seat, one.group, one.state, one.reason)

    def _heed(self, kind: str, person: str) -> None:
        if kind in ("study_paused", "study_resumed"):
            self._paused = kind == "study_paused"
        elif kind == "consented":
            self._standing.seat(person).consented = True
        elif kind == "practised":
            self._standing.seat(person).practised = True

    def _missed(self, seat: Seat, answer: Answer) -> bool:
        """Whether an answer stands that is not known here: its connection was lost after the commit, and nobody was
        told. Without this its item would be asked for ever."""
        known = seat.answers.get((answer.item, answer.round))
        return answer.id not in seat.undone and (known is None or known.id < answer.id)

    def _tell(self, kind: str, person: str) -> None:
        self._read_on(person)
        with self._lock:
            seat = self._seat(person)
            done = seat.consented if kind == "consented" else seat.practised
        if not done:
            self._ledger.event(kind, person)

    # What a person may answer, and where they are

    def _asked(self, seat: Seat, key: str, round: int, order: str, choice: str) -> Item:
        """The item that an answer is to, if it may be answered so.

        An answer that comes late, after a lease or while the study is paused, is welcome.
        """
        standing = self._standing
        item = standing.items.get(key) or standing.checks.get(key) or standing.practice.get(key)
        if item is None:
            raise NotOffered("this study does not ask that")
        if seat.state in ("revoked", "dropped"):
            raise PartOver("this person takes no part any more")
        if choice not in (*item.choices, SKIP):
            raise NotOffered("that is no choice of this task")
        if order not in (("forward", "swapped") if item.task in PAIRS else ("",)):
            raise NotOffered("these sides were not offered")
        if round and (round != 1 or item.kind != "item" or (key, 0) not in seat.answers):
            raise NotOffered("this was not asked a second time")
        return item
