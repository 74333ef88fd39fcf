"""What a run's requests to servers cost: a ledger that is written before each is sent, and limits that hold.

    with limited(Limits(usd=5.0)):       # `handful run --max-usd 5`
        execute(steps, root)             # opens root/ledger.jsonl as the run's account

    account = current()                  # in `models.endpoint`, wherever a stage asks a server
    ticket = account.reserve(worst, asked)
    account.settle(ticket, usd, …)

A request's worst case is reserved before it is sent, so what is spent never passes the limit. What was reserved and
never settled (a kill, a connection that broke) counts in full: it may have been paid for. A limit is for all that the
steps of the plan have cost in this work folder, in earlier runs too: a run that was killed and goes on spends once.

The ledger tells the order of things and no times. It is not synced line by line: a killed process loses nothing of
it, a power cut may lose the last second.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from handful.core import jsonl
from handful.core.errors import BudgetReached

LEDGER = "ledger.jsonl"
ROUNDING = 1e-9
"""USD: what sums of many small amounts may be wrong by."""

Outcome = Literal["answered", "refused", "lost"]


@dataclass(frozen=True, slots=True)
class Limits:
    """None sets no limit."""

    usd: float | None = None
    calls: int | None = None
    """Requests sent, with those that are sent again."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line before a request is sent."""

    id: int
    step: str
    server: str
    """Host and port."""
    model: str
    request: str
    """The key of the request, as the cache of replies has it."""
    usd: float | None
    """The worst case; None where no price is known."""
    price: str
    """Whose price that is."""


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line after it, of the same id."""

    id: int
    outcome: Outcome
    """"refused" by an error of the server's, or by nobody there; "lost" where it may have worked in vain."""
    usd: float | None
    """0 of what was refused, the worst case of what was lost; None where no price is known."""
    input_tokens: int = 0
    output_tokens: int = 0


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either of them, as it is read back."""

    id: int
    step: str = ""
    server: str = ""
    model: str = ""
    request: str = ""
    usd: float | None = None
    price: str = ""
    outcome: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(slots=True)
class Tally:
    """Of requests that were sent."""

    calls: int = 0
    refused: int = 0
    """Of them, by an error of the server's: free."""
    unpriced: int = 0
    """Of the others, those of unknown price."""
    usd: float = 0.0

    def count(self, outcome: str, usd: float | None) -> None:
        """Take in how a call ended, and what it did cost; None where that is unknown."""
        self.refused += outcome == "refused"
        self.unpriced += usd is None
        self.usd += usd or 0.0

    def told(self) -> str:
        """In words."""
        number = "1 request was" if self.calls == 1 else f"{self.calls:,} requests were"
        refused = f" ({self.refused:,} of them refused, at no cost)" if self.refused else ""
        paid = self.calls - self.refused
        if self.refused and not paid:
            return f"{number} sent and refused, at no cost"
        if self.unpriced == paid > 0:
            what = "it" if self.calls == 1 else f"the other {paid:,}" if self.refused else "they"
            return f"{number} sent{refused}; what {what} cost is not known"
        unknown = f" and what {self.unpriced:,} of them cost at unknown prices" if self.unpriced else ""
        return f"{number} sent{refused}, for ${money(self.usd)}{unknown}"


class Account:
    """What was spent, what is reserved and what may be. Shared by the threads that ask."""

    def __init__(self, path: Path | None = None, limits: Limits | None = None, steps: Collection[str] = ()):
        """
        Args:
            path: the ledger; None keeps none.
            steps: names of the steps whose earlier spending counts.
        """
        self.limits = limits or Limits()
        self.step = ""
        self.changed = threading.Condition()
        self.open: dict[int, float] = {}
        self.before, self.now = Tally(), Tally()
        """Of earlier runs, and of this one."""
        self.cached = 0
        """Replies of this run that were there already."""
        self.next = 1
        self.file = -1
        self.path = path
        if path is not None and path.exists():
            self.recall(jsonl.recover(path, Line), steps)

    def recall(self, lines: Collection[Line], steps: Collection[str]) -> None:
        """Count what earlier runs of the same steps have spent."""
        last: dict[int, Line] = {}
        for line in lines:
            self.next = max(self.next, line.id + 1)
            if (line.step in steps) if not line.outcome else (line.id in last):
                last[line.id] = line
        self.before.calls = len(last)
        for line in last.values():
            self.before.count(line.outcome, line.usd)

    @property
    def calls(self) -> int:
        return self.before.calls + self.now.calls

    @property
    def spent(self) -> float:
        return self.before.usd + self.now.usd

    def reserve(
        self,
        usd: float | None,
        server: str,
        model: str,
        request: str,
        price: str = "",
        stopped: Callable[[], bool] = lambda: False,
    ) -> int | None:
        """Set the worst case aside and write it down; the ticket to `settle`. None where `stopped` meanwhile.

        Where others hold what is lacking, it waits for them: most cost less than they might.

        Raises:
            BudgetReached: the limit does not allow it, whatever becomes of those.
        """
        with self.changed:
            while not self.allows(usd):
                if not self.open or self.out_of_calls():
                    raise BudgetReached(self.reached(usd))
                self.changed.wait(0.1)
                if stopped():
                    return None
            ticket, self.next = self.next, self.next + 1
            self.now.calls += 1
            self.open[ticket] = usd or 0.0
            self.write(Asked(ticket, self.step, server, model, request, usd, price))
            return ticket

    def settle(
        self, ticket: int, outcome: Outcome, usd: float | None, input_tokens: int = 0, output_tokens: int = 0
    ) -> None:
        """Write down what the request did cost; None where that is unknown."""
        with self.changed:
            del self.open[ticket]
            self.now.count(outcome, usd)
            self.write(Settled(ticket, outcome, usd, input_tokens, output_tokens))
            self.changed.notify_all()

    def allows(self, usd: float | None) -> bool:
        if self.out_of_calls():
            return False
        if self.limits.usd is None:
            return True
        assert usd is not None, "an unknown price is refused before"
        return self.spent + sum(self.open.values()) + usd <= self.limits.usd + ROUNDING

    def out_of_calls(self) -> bool:
        return self.limits.calls is not None and self.calls >= self.limits.calls

    def reached(self, usd: float | None) -> str:
        if self.out_of_calls():
            return f"--max-calls {self.limits.calls} is reached"
        return f"--max-usd {self.limits.usd:g} is reached (the next request may cost ${money(usd or 0.0)})"

    def told(self) -> str:
        """What was spent in all runs, in words."""
        was, now = self.before, self.now
        both = (was.refused + now.refused, was.unpriced + now.unpriced, self.spent)
        return Tally(self.calls, *both).told() + self.kept()

    def told_now(self) -> str:
        """What this run alone has spent, in words; "" where it needed no server."""
        return self.now.told() + self.kept() if self.now.calls or self.cached else ""

    def kept(self) -> str:
        replies = "1 reply was" if self.cached == 1 else f"{self.cached:,} replies were"
        return f"; {replies} there already" if self.cached else ""

    def write(self, line: Asked | Settled) -> None:
        if self.path is None:
            return
        if self.file < 0:
            self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self.file, jsonl.dumps(line))

    def close(self) -> None:
        with self.changed:
            if self.file >= 0:
                os.fsync(self.file)
                os.close(self.file)
                self.file = -1


def money(usd: float) -> str:
    """Cents where there are some, and what is less to two digits."""
    return f"{usd:,.2f}" if usd >= 0.1 or usd == 0 else format(Decimal(f"{usd:.2g}"), "f")


LIMITS: ContextVar[Limits] = ContextVar("limits", default=Limits())  # noqa: B039 (frozen)
OPENED: ContextVar[list[Account] | None] = ContextVar("opened", default=None)
ALSO: ContextVar[frozenset[str]] = ContextVar("also", default=frozenset())
ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def limited(limits: Limits, also: Collection[str] = ()) -> Iterator[list[Account]]:
    """What `execute` within may spend. Yields a list that holds its account as soon as there is one.

    Args:
        also: names of steps of other plans whose spending counts too, where one limit is for several plans.
    """
    opened: list[Account] = []
    tokens = LIMITS.set(limits), OPENED.set(opened), ALSO.set(frozenset(also))
    try:
        yield opened
    finally:
        LIMITS.reset(tokens[0])
        OPENED.reset(tokens[1])
        ALSO.reset(tokens[2])


@contextmanager
def account_of(root: Path, steps: Collection[str]) -> Iterator[Account]:
    """The account of a run: the ledger of its work folder, the limits that hold, the steps that it may run."""
    account = Account(root / LEDGER, LIMITS.get(), {*steps, *ALSO.get()})
    token = ACCOUNT.set(account)
    if (opened := OPENED.get()) is not None:
        opened.append(account)
    try:
        yield account
    finally:
        ACCOUNT.reset(token)
        account.close()


def current() -> Account:
    """The run's account; outside a run one without a ledger and without limits."""
    return ACCOUNT.get() or Account()
