"""The live conversations of a study that is being served: whose turn it is, and replies while they are made and shown.

A `Room` brings together what the ledger has (`annotate.talks`), the systems (`voices`) and the pace. A reply is in the
ledger as soon as it is made, before anybody has seen it whole. One that was being made when the server was killed is
made again when the person is back.

It makes no page, and says nothing of systems: what it gives out are texts, places and the pace.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from handful.annotate.talk_files import Plan, pairs
from handful.annotate.talk_order import dealt
from handful.annotate.talks import CUT, FAILED, STALLED, Talk, Talks, complete
from handful.core.errors import DataError
from handful.core.types import Turn
from handful.recipe.evaluation import Annotate
from handful.web.pace import Meter, Pace, Reply
from handful.web.voices import Voice, seed_of, tell

if TYPE_CHECKING:
    from handful.annotate.board import Board

Where = Literal["warming", "opening", "talking", "finished"]


@dataclass(frozen=True, slots=True)
class View:
    """What one person has before them."""

    where: Where
    had: int
    """Conversations that have ended."""
    left: int
    """With the one that goes on."""
    opening: str = ""
    """Of the next conversation."""
    talk: Talk | None = None
    shown: str = ""
    """Of the reply that appears now."""
    appearing: bool = False
    failed: bool = False
    """The system could not answer."""


class Room:
    """Thread-safe: requests come from many threads, replies from others."""

    def __init__(
        self,
        plan: Plan,
        params: Annotate,
        talks: Talks,
        voices: Mapping[str, Voice],
        board: Board | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.params = params
        self.talks = talks
        self.voices = voices
        self.board = board
        self.clock = clock
        self.meter = Meter()
        self.ready = threading.Event()
        """Set once the pace is: nobody talks before that."""
        self._lock = threading.Lock()
        self._closed = False
        self._replies: dict[int, Reply] = {}
        self._tries: dict[int, int] = {}
        self._paces: dict[int, Pace] = {}
        self._touched = {(t.prompt_id, t.person): clock() for t in talks.all()}
        if board is not None:
            for one in pairs(plan, talks.all(), params.seed):
                board.add_items([one.item], one.person)

    # --- where a person is

    def view(self, person: str) -> View:
        own = [talk for talk in self.talks.all() if talk.person == person and talk.arm in self.plan.arms]
        had = sum(talk.ended is not None for talk in own)
        going = next((talk for talk in own if talk.ended is None), None)
        coming = self._coming(person, own)
        left = len(coming) + (going is not None)
        if not self.ready.is_set() and left:
            return View("warming", had, left)
        if going is not None:
            return self._talking(going, had, left)
        if not coming:
            return View("finished", had, 0)
        return View("opening", had, left, opening=self.plan.openings[coming[0][0]])

    def _talking(self, talk: Talk, had: int, left: int) -> View:
        reply = self._reply_of(talk)
        if reply is None:
            return View("talking", had, left, talk=talk)
        shown, done = reply.advance()
        if not done:
            return View("talking", had, left, talk=talk, shown=shown, appearing=True)
        self._shown(talk, reply)
        failed = talk.awaits_reply and reply.finish == "error"
        # Made, and on its way to the disk: it stays "appearing" for these milliseconds.
        return View(
            "talking",
            had,
            left,
            talk=talk,
            shown=shown,
            appearing=talk.awaits_reply and not failed,
            failed=failed,
        )

    def _coming(self, person: str, own: list[Talk]) -> list[tuple[str, str]]:
        """(prompt, arm) of the conversations that the person has still to begin, in their order."""
        begun = {(talk.prompt_id, talk.arm) for talk in own}
        mine = {prompt for prompt, _ in begun}
        order = dealt(self.params.seed, person, list(self.plan.openings), list(self.plan.arms))
        rest = [place for place in order if place not in begun]
        claimed = self._claimed(person) if rest else {}
        return [(p, a) for p, a in rest if p in mine or claimed.get(p, 0) < max(1, self.params.people)]

    def _claimed(self, person: str) -> dict[str, int]:
        """Prompt -> how many others have talked about it, or do so now."""
        gone = {one.name for one in self.talks.ledger.people() if one.state in ("dropped", "revoked")}
        by_person: dict[tuple[str, str], list[Talk]] = {}
        for talk in self.talks.all():
            if talk.arm in self.plan.arms and talk.person != person and talk.person not in gone:
                by_person.setdefault((talk.prompt_id, talk.person), []).append(talk)
        fresh = self.clock() - 60 * self.params.lease_minutes
        found: dict[str, int] = {}
        for key, own in by_person.items():
            if complete(own, self.plan.arms) or self._touched.get(key, fresh) > fresh:
                found[key[0]] = found.get(key[0], 0) + 1
        return found

    def current(self, person: str, nonce: str) -> Talk | None:
        """The conversation that a form speaks of, where it goes on."""
        for talk in self.talks.all():
            if talk.person == person and secrets.compare_digest(talk.nonce.encode(), nonce.encode()):
                return talk
        return None

    def appearing(self, person: str) -> tuple[Talk, Reply] | None:
        """The reply that appears now before `person`, and where."""
        view = self.view(person)
        if view.talk is None or not view.appearing:
            return None
        reply = self._reply_of(view.talk)
        return None if reply is None else (view.talk, reply)

    def is_over(self, talk: Talk, reply: Reply) -> bool:
        """Whether another reply has taken the place of this one."""
        with self._lock:
            return self._replies.get(talk.id) is not reply

    # --- what a person does

    def begin(self, person: str, had: int) -> None:
        """Begin the next conversation with its opening message, where the person has ended `had` so far."""
        with self._lock:
            view = self.view(person)
            if view.where != "opening" or view.had != had:
                return  # sent twice
            own = [talk for talk in self.talks.all() if talk.person == person and talk.arm in self.plan.arms]
            prompt, arm = self._coming(person, own)[0]
            talk = self.talks.begin(person, prompt, arm)
        self.say(talk, 0, self.plan.openings[prompt])

    def say(self, talk: Talk, number: int, text: str) -> None:
        """Raises OutOfTurn where it is not the person's turn, or the last reply has no grade."""
        if number // 2 < self.params.talk_turns and self.talks.say(talk, number, text):
            self._touch(talk)
            self._ask(talk)

    def again(self, talk: Talk) -> None:
        """Ask once more for a reply that failed."""
        reply = self._replies.get(talk.id)
        if talk.awaits_reply and reply is not None and reply.finish == "error":
            self._ask(talk)

    def grade(self, talk: Talk, number: int, grade: str) -> None:
        """Raises OutOfTurn where that reply cannot be graded now."""
        reply = self._replies.get(talk.id)
        if reply is not None and not reply.advance()[1]:
            return  # not read yet
        self._touch(talk)
        if self.talks.grade(talk, number, grade) and len(talk.replies) >= self.params.talk_turns:
            self.end(talk, "", "turns")

    def end(self, talk: Talk, reason: str, by: Literal["person", "turns"] = "person") -> None:
        """Raises OutOfTurn where the last reply has no grade."""
        if not self.talks.end(talk, reason, by):
            return
        self._touch(talk)
        with self._lock:
            reply = self._replies.pop(talk.id, None)
        if reply is not None:
            reply.cancel()
        own = [t for t in self.talks.all() if (t.person, t.prompt_id) == (talk.person, talk.prompt_id)]
        if self.board is not None:
            for one in pairs(self.plan, own, self.params.seed):
                self.board.add_items([one.item], one.person)

    def _touch(self, talk: Talk) -> None:
        self._touched[talk.prompt_id, talk.person] = self.clock()

    # --- replies

    def _reply_of(self, talk: Talk) -> Reply | None:
        """The reply that appears now; asked for where the message waits and nobody makes one (after a restart)."""
        with self._lock:
            reply = self._replies.get(talk.id)
        return self._ask(talk) if reply is None and talk.awaits_reply else reply

    def _ask(self, talk: Talk) -> Reply:
        """Have the next reply made, once: two tabs that ask get the same."""
        with self._lock:
            standing, number = self._replies.get(talk.id), len(talk.said)
            if standing is not None and standing.number == number and standing.finish != "error":
                return standing
            tried = self._tries[talk.id] = self._tries.get(talk.id, -1) + 1
            pace = self._paces.setdefault(talk.id, self.meter.pace())
            reply = self._replies[talk.id] = Reply(pace, self.clock, number=number)
        turns = [Turn(said.role, said.text) for said in talk.said]
        seed = seed_of(talk.nonce, number) + (tried if standing is not None else 0)
        try:
            self.voices[talk.arm].answer(turns, seed, reply, lambda: self._made(talk, reply))
        except Exception as error:  # whatever it is: the person goes on, and the researcher sees it
            tell(self.plan.arms[talk.arm], str(error) or type(error).__name__)
            reply.end("error")
            self._made(talk, reply)
        return reply

    def _made(self, talk: Talk, reply: Reply) -> None:
        """Write the reply down, or that there is none. On a thread of a voice."""
        if self._closed:
            return
        try:
            if reply.finish == "error":
                self.talks.note(talk, FAILED, "no reply")
                return
            assert reply.finish is not None
            self.talks.reply(talk, reply.number, reply.text, reply.finish, reply.ms)
            if reply.left_out:
                self.talks.note(talk, CUT, f"{reply.left_out} of the oldest exchanges left out")
        except DataError as error:  # a full disk, say: the person may try again
            print(f"error: {error}", file=sys.stderr, flush=True)
            reply.lose()
            return
        if measured := reply.measured():
            self.meter.note(talk.arm, *measured)

    def _shown(self, talk: Talk, reply: Reply) -> None:
        """The reply is read whole: count it where it was late, once."""
        with self._lock:
            late, reply.behind = reply.stalled, 0
        if late:
            self.talks.note(talk, STALLED, f"{1000 * late:.0f} ms late")

    def close(self) -> None:
        """Stop what is being made; it is made again after the next start."""
        with self._lock:
            self._closed, going = True, list(self._replies.values())
        for reply in going:
            reply.cancel()
