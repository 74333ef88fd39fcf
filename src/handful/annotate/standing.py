"""What a person gets next: the rules of `assign` over what stands, and what is kept for whom meanwhile.

No ledger, no lock, no clock: `board` has these. Every step costs O(log n) of the items, but for the first visit of a
person, which draws their order, and the repeats at their end.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from handful.annotate import assign
from handful.annotate.assign import Queue
from handful.annotate.count import Count
from handful.annotate.items import PAIRS, Item, Study, order_seen
from handful.annotate.ledger import Answer
from handful.annotate.places import Offer, Place, Sides, Where, sides
from handful.annotate.seats import Asked, Hold, Seat, median_seconds
from handful.core.types import Task
from handful.recipe.evaluation import Annotate

AHEAD = 2
"""Items held for a person: the one on the screen, and the next."""
FEW_ANSWERS = 5
"""Below this many, nobody is told how long the rest will take: other people's speed is not theirs."""
CHECKED: Task = "preference"
"""The task whose items checks and practice pairs look like."""


class Standing(Count):
    """Seats and tallies of one study, and the queues that follow from them."""

    def __init__(
        self, study: Study, params: Annotate, practice: Sequence[Item], checks: Sequence[Item]
    ) -> None:
        super().__init__(study, params, practice, checks)
        self._queues: dict[tuple[str, Task], Queue] = {}
        self._lapses: list[tuple[float, str, Asked]] = []
        """When holds lapse, the next one first."""

    # What is held for whom

    def hold(self, seat: Seat, item: Item, round: int, now: float) -> Offer:
        """Keep an item for a person, with its sides drawn; nobody else is offered it while that lasts."""
        asked = item.key, round
        offer = Offer(item, round, self.side_of(seat, item, round), seat.taken_back.get(asked))
        until = now + self.params.lease_minutes * 60
        seat.holds[asked] = Hold(offer, now, until)
        heapq.heappush(self._lapses, (until, seat.name, asked))
        self.count_hold(seat, asked, seat.holds[asked], 1)
        return offer

    def untake(self, seat: Seat, answer: Answer, now: float) -> None:
        """It does not stand any more: the person gets it again, as it was."""
        asked = answer.item, answer.round
        seat.undone.add(answer.id)
        if not self.knows(answer.item):
            return
        seat.sides[asked] = sides(answer.shown)
        standing = seat.answers.get(asked)
        if standing is not None and standing.id == answer.id:
            del seat.answers[asked]
            seat.taken_back[asked] = answer
            self.count_answer(seat, answer, -1)
        item = self.items.get(answer.item) or self.checks.get(answer.item)
        if item is not None and seat.active and asked not in seat.holds and asked not in seat.answers:
            later = dict(seat.holds)
            seat.holds.clear()
            self.hold(seat, item, answer.round, now)
            seat.holds.update(later)

    def lapse(self, now: float) -> None:
        """Free what was held too long."""
        while self._lapses and self._lapses[0][0] <= now:
            _, name, asked = heapq.heappop(self._lapses)
            seat = self.seats[name]
            hold = seat.holds.get(asked)
            if hold is None:
                continue
            if hold.until > now:  # seen again since
                heapq.heappush(self._lapses, (hold.until, name, asked))
                continue
            del seat.holds[asked]
            self.count_hold(seat, asked, hold, -1)

    def side_of(self, seat: Seat, item: Item, round: int) -> Sides:
        """How a pair stands for a person: as it stood before, swapped in a repeat, else as balance asks."""
        if item.task not in PAIRS:
            return ""
        before = seat.sides.get((item.key, round))
        if before:
            return before
        if round:
            first = seat.answers[item.key, 0]
            return assign.other(order_seen(item, first.shown, first.first))
        drawn = assign.drawn_side(self.params.seed, seat.name, item.key)
        if item.key not in self.items:
            return drawn
        return assign.side(seat.lean, self.tallies[item.key].lean, self.lean, drawn)

    # What comes next

    def next_practice(self, seat: Seat) -> Item | None:
        return next((item for key, item in self.practice.items() if (key, 0) not in seat.answers), None)

    def fill(self, seat: Seat, now: float) -> None:
        """Hold for a person what is on the screen and the one after it, as far as there is something."""
        for hold in seat.holds.values():
            hold.until = now + self.params.lease_minutes * 60
        while len(seat.holds) < AHEAD and (found := self.next(seat)):
            self.hold(seat, *found, now)

    def next(self, seat: Seat) -> tuple[Item, int] | None:
        """The item that a person gets next and the round; None where nothing is open to them."""
        for task in self.pools:
            key = self._next_of(seat, task)
            check = self._next_check(seat, key is None) if task == CHECKED else None
            if check is not None:
                return check, 0
            if key is not None:
                return self.items[key], 0
        if self.params.repeats and (again := self._next_repeat(seat)):
            return self.items[again], 1
        return None

    def _next_of(self, seat: Seat, task: Task) -> str | None:
        if seat.done[task, False] < len(self.shared[task]):
            for key in self.shared[task]:
                if not seat.closed(key):
                    return key
        for key in seat.own.get(task, ()):
            if not seat.closed(key):
                return key
        if (seat.name, task) not in self._queues:
            pool = self.pools[task]
            ranks = assign.own_order(self.params.seed, seat.name, pool.levels)
            self._queues[seat.name, task] = Queue(pool, ranks)
        return self._queues[seat.name, task].next(seat.closed)

    def _next_check(self, seat: Seat, at_end: bool) -> Item | None:
        if not self.checks:
            return None
        open = [item for key, item in self.checks.items() if not seat.closed(key)]
        answered = seat.done[CHECKED, False] + seat.done[CHECKED, True]
        answered += sum(key in self.items and not round for key, round in seat.holds)
        left = 0 if at_end else max(1, self.left_of(seat, CHECKED) - len(seat.holds))
        done = len(self.checks) - len(open)
        if not open or answered == 0 or not assign.check_due(answered, left, done, len(self.checks)):
            return None
        order = assign.own_order(self.params.seed, f"{seat.name}/checks", self.checks)
        return min(open, key=lambda item: order[item.key])

    def _next_repeat(self, seat: Seat) -> str | None:
        answered = [key for key in seat.answered(0) if key in self.items]
        again = [key for key, round in (*seat.answers, *seat.holds) if round == 1]
        params = self.params
        left = assign.to_repeat(params.seed, seat.name, answered, again, params.repeats)
        return left[0] if left else None

    # How much is left

    def left(self, seat: Seat) -> int:
        """About how many items a person still has before them: theirs alone, and a fair share of what all have."""
        items = sum(self.left_of(seat, task) for task in self.pools)
        checks = sum((key, 0) not in seat.answers for key in self.checks) if CHECKED in self.pools else 0
        again = sum(round == 1 for _, round in seat.answers)
        answerable = items + sum(1 for _ in seat.done.elements()) if self.params.repeats else 0
        return items + checks + max(0, min(self.params.repeats, answerable) - again)

    def left_of(self, seat: Seat, task: Task) -> int:
        pooled = len(self.pools[task].levels) - seat.done[task, True]
        share = assign.fair_share(self.wanted[task], self.active, pooled)
        return len(self.shared[task]) - seat.done[task, False] + share

    def share(self) -> int:
        """What falls to each of those who take part now, were nothing answered yet."""
        pooled = (
            assign.fair_share(self.params.people * count, self.active, count)
            for count in self.planned.values()
        )
        items = sum(map(len, self.shared.values())) + sum(pooled)
        checks = len(self.checks) if CHECKED in self.pools else 0
        return items + checks + min(self.params.repeats, items)

    def told_left(self, seat: Seat) -> int:
        """What a person is told is left: with what they dealt with never more than they were told before. Who works
        faster than others finds more open at the end; 0 then, and where people went and their part falls to others.
        """
        share, dealt = self.share(), seat.given + seat.skipped
        whole = min(share + sum(map(len, seat.own.values())), dealt + self.left(seat))
        seat.share = share if seat.share is None else min(share, seat.share)
        grown = share > seat.share and seat.goal is not None and whole > seat.goal
        seat.goal = whole if seat.goal is None else min(whole, seat.goal)
        return 0 if grown else max(0, seat.goal - dealt)

    def may_open(self, seat: Seat) -> bool:
        """Whether others hold what this person could still be given."""
        held = {
            key
            for other in self.seats.values()
            if other is not seat
            for key, round in other.holds
            if not round
        }
        return any(
            key in self.items and self.tallies[key].answers < self.params.people and not seat.closed(key)
            for key in held
        )

    def place(
        self, seat: Seat, where: Where, offer: Offer | None = None, following: Offer | None = None
    ) -> Place:
        """What a page is told."""
        practice = self.practice
        own = seat.milliseconds
        return Place(
            where=where,
            offer=offer,
            following=following,
            answered=seat.given,
            left=self.told_left(seat) if where == "item" else 0,
            seconds=median_seconds(own) if len(own) >= FEW_ANSWERS else None,
            last=seat.last(self.practice),
            practised=sum((key, 0) in seat.answers for key in practice),
            practice=len(practice),
            waiting=where == "finished" and self.may_open(seat),
        )
