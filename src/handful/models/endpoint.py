"""Ask a model behind a server, many dialogues at a time, and pay for each answer once.

Serves every stage that asks a server: none of them imports another.

    for reply in chat(entry, enumerate(dialogues), temperature=0.7, top_p=0.9, max_tokens=512):
        reply.index, reply.text, reply.finish, reply.tokens, reply.error

Replies come as they complete, in no order. A dialogue that fails is a reply with `error` set and an empty
text: the caller records it. What would fail every dialogue alike (no key, no such model, nobody there), and a budget
that is used up, raises.

How a server is spoken to is in `models.api`, one adapter a protocol; here is what all have in common: which requests
are sent at all (the cache of replies), when (`api.flow`), for how much (`run.spending`), and how often again. What
this does not do: it reads no meaning out of a reply, and streams nothing. The key is read from the environment and is
never part of a message.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from handful.core.errors import BudgetReached, EndpointError, RecipeError
from handful.models.api import cache, prices
from handful.models.api.connect import advice, connect, place
from handful.models.api.flow import Flow
from handful.models.api.provider import (
    RUNGS,
    Completion,
    Failure,
    Provider,
    Request,
    Rung,
    Server,
    retry_after,
)
from handful.models.api.provider import Message as Message
from handful.models.api.reply import FILTERED, REFUSED, Question, Reply, reply_of
from handful.run.progress import say
from handful.run.spending import Account, current

__all__ = ["FILTERED", "REFUSED", "Message", "Question", "Reply", "Server", "chat", "retry_after"]

TRIES = 8
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 600.0
"""A server that asks for more (a day's quota is used up) ends the run."""
NOBODY_SECONDS = 5.0
"""How long connections may be refused before the first is taken: a server that starts is waited for a little."""
WAKE_SECONDS = 0.2
"""How long a waiting thread may take to see that the run has stopped."""
GIVE_UP_AFTER = 10
"""Dialogues that fail in a row before the run stops: an outage must not become 1,500 recorded failures.

What the server refuses for its own sake (a filter, a context too long) counts only while nothing has gone well.
"""
TOO_MANY = (429, 503, 529)
"""What a server says that is asked too much."""


FollowUp = Callable[[Sequence[Message], Reply], Sequence[Message] | None]


def chat(
    server: Server,
    dialogues: Iterable[Question | tuple[int, Sequence[Message]]],
    follow_up: FollowUp = lambda messages, reply: None,
    *,
    schema: Mapping[str, Any] | None = None,
    later: int = 0,
    **sampling: Any,
) -> Iterator[Reply]:
    """Yield one reply for each question, as they complete, `server.concurrency` at a time.

    Args:
        dialogues: messages as {"role": …, "content": …}; read lazily.
        follow_up: what to ask after a reply, or None where it will do; asked once, and that reply counts.
        schema: a JSON schema (an object) that replies are to fit. The server is asked to hold the model to it, or
            to any JSON object, or neither: the first of these that it knows, which each reply names (`rung`).
        later: how many questions the caller has for another call: they are told with those that are left.
        sampling: passed on: temperature, top_p, max_tokens, stop, seed …

    Raises:
        EndpointError: the key or the model is refused, nobody answers at all, or too many fail in a row.
        BudgetReached: the run may spend no more; says how many questions are left.
        RecipeError: the run has a budget, and the price is not known.
            Replies that were yielded before either stand; those that were not are in the cache.
    """
    line = Line(server, iter(dialogues), follow_up, schema, sampling)
    workers = [threading.Thread(target=line.work, daemon=True) for _ in range(server.concurrency)]
    for worker in workers:
        worker.start()
    running, failures, reached = len(workers), 0, False
    spent: BudgetReached | None = None
    try:
        while running:
            item = line.done.get()
            if item is None:
                running -= 1
            elif isinstance(item, BudgetReached):  # what is under way is paid for: it is waited for
                spent = spent or item
            elif isinstance(item, Exception):
                raise item
            else:
                line.answered += 1
                yield item
                reached |= item.error == "" or item.finish == FILTERED
                failures = failures + 1 if item.error and (not reached or not item.finish) else 0
                if failures >= GIVE_UP_AFTER:
                    raise EndpointError(
                        f"{place(server)}: {failures} dialogues in a row failed, "
                        f"the last with: {item.error}; what was answered is kept: run again to go on"
                    )
        if spent:
            left = f"{line.left() + later:,} questions to {server.model} are left"
            raise BudgetReached(f"{spent}: {line.account.told()}; {left}")
    finally:
        line.stop.set()  # workers that sleep wake up; those that wait for the server are daemons
        line.provider.close()
        line.replies.close()


@dataclass(slots=True)
class Line:
    """The dialogues that wait, shared by the workers, and the queue of what they got."""

    server: Server
    dialogues: Iterator[Question | tuple[int, Sequence[Message]]]
    follow_up: FollowUp
    schema: Mapping[str, Any] | None
    sampling: dict[str, Any]
    provider: Provider = field(init=False)
    flow: Flow = field(init=False)
    account: Account = field(init=False)
    replies: cache.Replies = field(init=False)
    price: prices.Price | None = field(init=False)
    rung: Rung = field(init=False)
    proven: bool = False
    """Whether the rung has brought an answer yet."""
    known: bool = False
    """Whether it did so in an earlier run: then nobody waits for a proof."""
    finding: threading.Lock = field(default_factory=threading.Lock)
    """Held by who tries a rung of which nothing is known, so that a server refuses it once, and not to all."""
    refused_since: float = 0.0
    """When the first connection was refused; 0 where none was."""
    done: queue.SimpleQueue[Reply | Exception | None] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    reached: bool = False
    """Whether the server has answered anything yet."""
    taken: int = 0
    answered: int = 0

    def __post_init__(self) -> None:
        self.account = current()
        self.price = prices.price_of(self.server)
        if self.price is None and self.account.limits.usd is not None:
            raise prices.unknown(self.server)
        if "max_tokens" not in self.sampling and self.account.limits.usd is not None:
            raise RecipeError(
                f"{self.server.model}: --max-usd needs max_tokens: no reply may be of any length"
            )
        self.flow = Flow(self.server.concurrency, self.server.requests_per_minute)
        self.replies = cache.Replies(cache.folder(), self.server)
        kept = self.replies.rung() if self.schema is not None else "text"
        self.rung, self.known = kept or RUNGS[0], kept is not None
        self.provider = connect(self.server)

    def work(self) -> None:
        """Ask until no dialogue is left. What goes wrong is passed on to the reader of `done`, never lost."""
        try:
            for question in iter(self.take, None):
                reply = self.ask(question, question.messages)
                more = reply and not reply.error and self.follow_up(question.messages, reply)
                if more:
                    reply = self.ask(question, more)
                if reply is None:
                    break
                self.done.put(reply)
        except Exception as error:
            self.stop.set()
            self.done.put(error)
        self.done.put(None)

    def take(self) -> Question | None:
        with self.lock:
            given = None if self.stop.is_set() else next(self.dialogues, None)
            self.taken += given is not None
            return given if given is None or isinstance(given, Question) else Question(*given)

    def left(self) -> int:
        """How many questions have no reply. Only after the workers are done."""
        return self.taken - self.answered + sum(1 for _ in self.dialogues)

    def ask(self, question: Question, messages: Sequence[Message]) -> Reply | None:
        """One reply, from the cache or after up to TRIES tries; None where the run stopped meanwhile."""
        sampling = {**self.sampling, **question.sampling}
        request = Request(self.server.model, messages, sampling, self.schema)
        key = cache.key_of(self.server, request, question.sample)
        if kept := self.replies.get(key):
            self.account.cached += 1
            return reply_of(question.index, *kept, cached=True)
        tries = 0
        while True:
            try:
                said = self.by_rung(request, key)
                return None if said is None else reply_of(question.index, *said)
            except Failure as failure:
                self.check(failure)
                if failure.kind == "refused":
                    return Reply(question.index, finish=REFUSED, error=str(failure))
                tries += 1
                lost = not self.reached and not failure.sent
                if self.in_vain() if lost else tries >= TRIES and not self.reached:
                    raise EndpointError(
                        f"{place(self.server)}: nobody answers ({failure}); is the server running?"
                    ) from None
                if tries >= TRIES and not lost:
                    return Reply(question.index, error=str(failure))
                wait = min(jitter(tries), NOBODY_SECONDS / 5) if lost else jitter(tries)
                if not failure.retry_after and self.stop.wait(wait):
                    return None

    def in_vain(self) -> bool:
        """Whether nobody has taken a connection for as long as a server may need to start."""
        with self.lock:
            first, self.refused_since = not self.refused_since, self.refused_since or time.monotonic()
        if first and not self.stop.is_set():
            say(f"{place(self.server)}: nobody takes the connection; trying for {NOBODY_SECONDS:g} seconds")
        return time.monotonic() - self.refused_since >= NOBODY_SECONDS

    def by_rung(self, request: Request, key: str) -> tuple[Completion, Rung] | None:
        """What the request brings, and by which rung: the first that the server does not refuse.

        Of a server that nothing is known of, one finds out and the others wait: it refuses a rung once, not to all.
        """
        alone = request.schema is not None and not self.proven and not self.known
        while alone and not self.finding.acquire(timeout=WAKE_SECONDS):
            if self.stop.is_set():
                return None
        if alone and self.proven:  # by the one that was waited for
            self.finding.release()
            alone = False
        try:
            for rung in RUNGS[RUNGS.index(self.rung) :]:
                try:
                    completion = self.send(replace(request, rung=rung), key)
                    return None if completion is None else (completion, rung)
                except Failure as failure:
                    if failure.kind != "refused" or rung == "text" or (self.proven and self.rung == rung):
                        raise
            raise AssertionError("the last rung is text")
        finally:
            if alone:
                self.finding.release()

    def check(self, failure: Failure) -> None:
        """Raise EndpointError where no other dialogue would fare better, or nobody seems to be there."""
        if failure.kind == "fatal":
            raise EndpointError(advice(self.server, failure)) from None
        if (failure.retry_after or 0) > LONGEST_RETRY_AFTER_SECONDS:
            raise EndpointError(
                f"{place(self.server)}: asks to wait for {failure.retry_after:,.0f} seconds ({failure}); "
                "what was answered is kept: run again then"
            ) from None
        self.reached |= failure.status > 0 or (failure.sent and "timed out" in str(failure))

    def send(self, request: Request, key: str) -> Completion | None:
        """One request, when the server bears it and the budget allows it; None where the run stopped meanwhile.

        Raises:
            Failure: no answer, this time.
            BudgetReached: not sent.
        """
        round = self.flow.enter(self.stop.is_set)
        if round is None:
            return None
        try:
            worst, source = self.worst(request)
            host = urlsplit(place(self.server)).netloc
            ticket = self.account.reserve(worst, host, request.model, key, source, stopped=self.stop.is_set)
            return None if ticket is None else self.sent(request, key, round, ticket, worst)
        finally:
            self.flow.leave()

    def sent(self, request: Request, key: str, round: int, ticket: int, worst: float | None) -> Completion:
        """What came back: kept first, and then written down as paid."""
        try:
            completion = self.provider.ask(request)
        except Failure as failure:
            lost = failure.may_cost
            self.account.settle(ticket, "lost" if lost else "refused", worst if lost else 0.0)
            if failure.status in TOO_MANY or failure.retry_after:
                self.flow.refused(round, failure.retry_after)
            raise
        if completion.finish != FILTERED:
            self.replies.put(key, completion, request.rung)
            self.prove(request)
        read, written = completion.input_tokens, completion.output_tokens
        usd = worst if self.price is None or not (read or written) else self.price.usd(read, written)
        self.account.settle(ticket, "answered", usd, read, written)
        self.flow.answered()
        self.reached = True
        return completion

    def prove(self, request: Request) -> None:
        """The rung has brought an answer: all keep to it, in this run and in later ones."""
        if request.schema is None or self.proven:
            return
        with self.lock:
            if not self.proven:
                self.rung, self.proven = request.rung, True
                self.replies.prove(request.rung)

    def worst(self, request: Request) -> tuple[float | None, str]:
        """The most that a request may cost, in USD, and whose price that is."""
        if self.price is None:
            return None, ""
        most = prices.most_tokens(request.messages, request.schema)
        return self.price.usd(most, request.sampling.get("max_tokens", 0)), self.price.source


def jitter(tries: int) -> float:
    """Seconds before the next try: a random share of a time that doubles each time.

    Random ("full jitter") so that workers that were refused together do not come back together.
    """
    return random.uniform(0, min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**tries))
