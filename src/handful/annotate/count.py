"""What stands in one study, in memory: what was asked and said, counted as it changes. No ledger, no lock, no clock.

`Standing` goes on from here: what is kept for whom, and what comes next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from handful.annotate import assign
from handful.annotate.assign import SIGN, Pool
from handful.annotate.items import SKIP, Item, Study, meaning, order_seen
from handful.annotate.ledger import Answer
from handful.annotate.places import sides
from handful.annotate.seats import Asked, Hold, Seat, Tally, took, took_back
from handful.core.types import Task
from handful.recipe.evaluation import Annotate


class Count:
    """Seats and tallies of one study."""

    def __init__(
        self, study: Study, params: Annotate, practice: Sequence[Item], checks: Sequence[Item]
    ) -> None:
        self.params = params
        self.practice = {item.key: item for item in practice}
        self.checks = {item.key: item for item in checks}
        self.items: dict[str, Item] = {}
        self.tallies: dict[str, Tally] = {}
        self.seats: dict[str, Seat] = {}
        self.shared: dict[Task, list[str]] = {}
        self.pools: dict[Task, Pool] = {}
        self.wanted: Counter[Task] = Counter()
        """Task -> answers still wanted of the items that people share out."""
        self.planned: Counter[Task] = Counter()
        """Task -> items that people share out, without those that came later."""
        self.active = 0
        self.lean = 0
        self.kept_for: dict[str, str] = {}
        self._strays: dict[str, list[Answer]] = {}
        """Answers to what is not asked, or not yet."""
        for task in study.tasks:
            self.ask(task, study.of(task))

    # What is asked

    def ask(self, task: Task, items: Sequence[Item]) -> None:
        keys = [item.key for item in items]
        shared = assign.shared_items(self.params.seed, task, keys, self.params.shared)
        common = set(shared)
        self.shared[task] = shared
        self.pools[task] = Pool((), self.params.people)
        self.planned[task] = len(keys) - len(common)
        for item in items:
            self.add(item, pooled=item.key not in common)

    def add(self, item: Item, pooled: bool = True) -> None:
        self.items[item.key] = item
        self.tallies[item.key] = Tally(len(self.tallies), pooled)
        if pooled:
            self.pools[item.task].add(item.key)
            self.wanted[item.task] += self.params.people

    def add_for(self, item: Item, person: str) -> None:
        """Ask an item that nobody was asked; `person` gets it first where it is not empty."""
        if item.key in self.items:
            return
        if item.task not in self.pools:
            self.ask(item.task, [])
        self.add(item)
        if person:
            seat = self.seat(person)
            seat.own.setdefault(item.task, []).append(item.key)
            seat.goal = None if seat.goal is None else seat.goal + 1
            self.kept_for[item.key] = person
            self.pools[item.task].rise(item.key)
        for answer in self._strays.pop(item.key, []):
            self.recall(answer)

    # What was said

    def seat(self, person: str) -> Seat:
        return self.seats.setdefault(person, Seat(person))

    def recall(self, answer: Answer) -> None:
        """Take in the last word of a person on an item, as the ledger has it."""
        if not self.knows(answer.item):
            self._strays.setdefault(answer.item, []).append(answer)
        elif answer.choice is None:
            self.seat(answer.person).sides[answer.item, answer.round] = sides(answer.shown)
        else:
            self.take(self.seat(answer.person), answer)

    def knows(self, key: str) -> bool:
        return key in self.items or key in self.checks or key in self.practice

    def take(self, seat: Seat, answer: Answer) -> None:
        """An answer or a skip stands."""
        asked = answer.item, answer.round
        if asked in seat.answers or answer.id in seat.undone:
            return
        hold = seat.holds.pop(asked, None)
        seat.answers[asked] = answer
        seat.taken_back.pop(asked, None)
        self.count_answer(seat, answer, 1)
        if hold is not None:
            self.count_hold(seat, asked, hold, -1, settled=answer.choice != SKIP)

    def count_answer(self, seat: Seat, answer: Answer, sign: int) -> None:
        key, skipped = answer.item, answer.choice == SKIP
        if key in self.practice:
            return
        if skipped:
            seat.skipped += sign
        else:
            seat.given += sign
            (took if sign > 0 else took_back)(seat.milliseconds, answer.ms)
        if key not in self.items or answer.round:
            return
        item, tally = self.items[key], self.tallies[key]
        seat.done[item.task, tally.pooled] += sign
        if self.kept_for.get(key) == seat.name and sign > 0:
            self._unkeep(item)
        if not skipped:
            self._lean_by(seat, key, sign * SIGN[order_seen(item, answer.shown, answer.first)])
        if seat.counts:
            self._tell(item, tally, meaning(item, answer), sign, skipped)

    def _tell(self, item: Item, tally: Tally, said: str, sign: int, skipped: bool) -> None:
        """Count one answer, or one less, of somebody who is not dropped."""
        if skipped:
            tally.skipped += sign
            return
        tally.counts[said] += sign
        before = min(tally.answers, self.params.people)
        tally.answers += sign
        if tally.pooled:
            self.wanted[item.task] -= min(tally.answers, self.params.people) - before
            pool = self.pools[item.task]
            if sign > 0:
                pool.rise(item.key)
            else:
                pool.fall(item.key)

    def stand(self, seat: Seat, group: str, state: str, reason: str) -> None:
        """How a person stands now; what they said counts, or does not."""
        counted, active = seat.counts, seat.known and seat.active
        seat.group, seat.state, seat.reason, seat.known = group, state, reason, True
        self.active += seat.active - active
        if not seat.active:
            self.free_all(seat)
        if seat.counts != counted:
            for (key, round), answer in seat.answers.items():
                if round == 0 and key in self.items:
                    item = self.items[key]
                    skipped = answer.choice == SKIP
                    self._tell(
                        item, self.tallies[key], meaning(item, answer), 1 if seat.counts else -1, skipped
                    )
        if seat.state in ("dropped", "revoked"):
            for key, person in list(self.kept_for.items()):
                if person == seat.name:
                    self._unkeep(self.items[key])

    def _unkeep(self, item: Item) -> None:
        del self.kept_for[item.key]
        self.pools[item.task].fall(item.key)

    # What is on screens

    def count_hold(self, seat: Seat, asked: Asked, hold: Hold, sign: int, settled: bool = False) -> None:
        """`settled`: an answer took the place of the hold, so the item is no more open than before."""
        key, round = asked
        if key not in self.items or round:
            return
        tally = self.tallies[key]
        tally.held += sign
        self._lean_by(seat, key, sign * SIGN[hold.offer.order])
        if tally.pooled:
            pool = self.pools[self.items[key].task]
            if sign > 0:
                pool.rise(key)
            else:
                pool.fall(key, settled)

    def _lean_by(self, seat: Seat, key: str, amount: int) -> None:
        seat.lean += amount
        self.tallies[key].lean += amount
        self.lean += amount

    def free_all(self, seat: Seat) -> int:
        freed = len(seat.holds)
        for asked, hold in seat.holds.items():
            self.count_hold(seat, asked, hold, -1)
        seat.holds.clear()
        return freed
