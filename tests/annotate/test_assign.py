"""Who is asked what next, and on which side: laws of the design, over drawn people, items and answers."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.annotate.assign import (
    GAP,
    MAX_LEAN,
    Pool,
    Queue,
    check_due,
    drawn_side,
    fair_share,
    own_order,
    shared_items,
    side,
    to_repeat,
)
from handful.annotate.items import Content, Study, held
from handful.annotate.ledger import Answer
from handful.annotate.rows import hash_of
from handful.annotate.standing import Standing
from handful.core.types import Turn
from handful.recipe.evaluation import Annotate


def items(count):
    shown = [Content((Turn("user", f"Question {n}"),), (f"l{n}", f"r{n}")) for n in range(count)]
    made = [held("preference", "Which?", one, subject=f"c{n}") for n, one in enumerate(shown)]
    return {item.key: item for item in made}


class Trial:
    """People who answer what `Standing` offers them, without pages and ledger."""

    def __init__(self, count, crowd, **params):
        asked = items(count)
        self.study = Study(("preference",), {"preference": "Which?"}, asked)
        self.standing = Standing(self.study, Annotate(**params), (), ())
        self.names = [f"p{n}" for n in range(crowd)]
        for name in self.names:
            self.standing.stand(self.standing.seat(name), "", "active", "")
        self.said = []

    def step(self, name):
        """Whether the person had something to answer."""
        seat = self.standing.seat(name)
        self.standing.fill(seat, 0.0)
        offer = next((hold.offer for hold in seat.holds.values()), None)
        if offer is not None:
            first = hash_of(offer.item.load(offer.order).texts[0])
            self.said.append(
                Answer(
                    id=len(self.said) + 1, at="", person=name, item=offer.item.key, round=offer.round,
                    task="preference", subject="", shown=offer.order, first=first, choice="first", reason="",
                    ms=1000, nonce=None, supersedes=None,
                )
            )  # fmt: skip
            self.standing.take(seat, self.said[-1])
        return offer is not None

    def waits(self, name):
        return self.standing.may_open(self.standing.seat(name))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 9), st.integers(1, 14), st.integers(1, 5), st.integers(1, 3), st.integers(0, 20), st.data()
)
def test_every_item_is_answered_by_k_people_shared_ones_by_all_and_none_twice_by_one(
    seed, count, crowd, people, shared, data
):
    """Whoever comes when: at the end every item has k answers (as far as there are k people), by different people, no
    more; and the shared ones have one of everybody."""
    trial = Trial(count, crowd, people=people, shared=shared, seed=seed)
    busy = set(trial.names)
    while busy:
        name = data.draw(st.sampled_from(sorted(busy)))
        if not trial.step(name) and not trial.waits(name):
            busy.discard(name)
    by_item = Counter(answer.item for answer in trial.said)
    assert max(Counter((a.person, a.item) for a in trial.said).values()) == 1
    common = set(shared_items(seed, "preference", trial.study.items, shared))
    for key in trial.study.items:
        assert by_item[key] == (crowd if key in common else min(people, crowd))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 9), st.integers(1, 20), st.integers(1, 6), st.integers(1, 4), st.integers(0, 8), st.data()
)
def test_sides_are_balanced_in_each_person_each_item_and_the_study_wherever_they_stop(
    seed, count, crowd, people, shared, data
):
    trial = Trial(count, crowd, people=people, shared=shared, seed=seed)
    for _ in range(data.draw(st.integers(0, count * people))):
        trial.step(data.draw(st.sampled_from(trial.names)))
    lean = Counter()
    for answer in trial.said:
        for what in (answer.person, answer.item):
            lean[what] += 1 if answer.shown == "forward" else -1
    held_back = 2  # on the screen and fetched ahead: drawn, and perhaps not answered
    assert all(abs(lean[name]) <= MAX_LEAN + held_back for name in trial.names)
    assert all(abs(lean[key]) <= 1 + crowd for key in trial.study.items)
    assert abs(sum(lean[name] for name in trial.names)) <= (MAX_LEAN + held_back) * crowd


def test_of_a_whole_study_half_is_shown_forward_within_one_percent():
    """20 people, 300 items, 2 answers each and 50 by everybody: 1,500 answers."""
    trial = Trial(300, 20, people=2, shared=50)
    busy = list(trial.names)
    while busy:
        busy = [name for name in busy if trial.step(name)]
    assert len(trial.said) == 250 * 2 + 50 * 20
    forward = sum(answer.shown == "forward" for answer in trial.said)
    assert abs(forward / len(trial.said) - 0.5) < 0.01
    each = Counter()
    for answer in trial.said:
        each[answer.item] += 1 if answer.shown == "forward" else -1
    even = sum(abs(lean) <= 1 for lean in each.values())
    assert even > 0.8 * 300  # a coin would make it half


@pytest.mark.parametrize(
    ("person", "item", "study", "shown"),
    [
        (0, 0, 0, "drawn"),
        (0, 1, 0, "swapped"),
        (0, -1, 0, "forward"),
        (1, -1, 0, "forward"),  # the item's balance may lean the person's
        (2, -1, 0, "swapped"),  # but not beyond two
        (-2, 1, 0, "forward"),
        (1, 0, -5, "swapped"),
        (0, 0, 3, "swapped"),
    ],
)
def test_the_side_is_the_one_that_balances(person, item, study, shown):
    assert side(person, item, study, "drawn") == shown


def test_draws_depend_on_seed_and_person_and_not_on_the_order_of_items():
    keys = [f"k{n}" for n in range(20)]
    assert own_order(1, "ann", keys) == own_order(1, "ann", keys[::-1])
    assert own_order(1, "ann", keys) != own_order(1, "ben", keys)
    assert own_order(1, "ann", keys) != own_order(2, "ann", keys)
    assert shared_items(1, "preference", keys, 5) == shared_items(1, "preference", keys[::-1], 5)
    assert len(shared_items(1, "preference", keys, 50)) == 20
    sides = Counter(drawn_side(0, "ann", key) for key in map(str, range(400)))
    assert 150 <= sides["forward"] <= 250  # binomial(400, 1/2): 5 sigma is 50


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 5), st.sampled_from("+-")), max_size=40))
def test_a_queue_always_offers_an_open_item_of_the_lowest_level(people, moves):
    """The model: look through all of them every time."""
    keys = [f"k{n}" for n in range(6)]
    pool = Pool(keys, people)
    ranks = own_order(0, "ann", keys)
    queue, done = Queue(pool, ranks), set()
    for number, move in moves:
        key = keys[number]
        if move == "+":
            pool.rise(key)
        elif pool.levels[key]:
            pool.fall(key)
        open = [key for key in keys if key not in done and pool.levels[key] < people]
        expected = min(open, key=lambda key: (pool.levels[key], ranks[key]), default=None)
        assert queue.next(done.__contains__) == expected
        if number == 5 and expected:
            done.add(expected)


@given(st.integers(1, 60), st.integers(1, 8))
def test_checks_are_spread_evenly_and_all_come(total, checks):
    came, done = [], 0
    for answered in range(1, total + 1):
        while check_due(answered, total - answered, done, checks):
            came.append(answered)
            done += 1
    assert done == checks
    gaps = [b - a for a, b in zip([0, *came], [*came, total], strict=False)]
    assert max(gaps) - min(gaps) <= 1 + total // (checks + 1)
    even = total / (checks + 1)
    assert all(abs(place - even * (n + 1)) <= 1 for n, place in enumerate(came))


@given(st.integers(0, 60), st.integers(0, 12))
def test_repeats_are_old_answers_asked_once_more_in_their_order(answered, count):
    keys = [f"k{n}" for n in range(answered)]
    again = []
    while left := to_repeat(0, "ann", keys, again, count):
        again.append(left[0])
    assert len(again) == len(set(again)) == min(count, answered)
    assert again == [key for key in keys if key in set(again)]
    if answered >= count + GAP:
        assert all(answered - keys.index(key) + n >= GAP for n, key in enumerate(again))


@pytest.mark.parametrize(
    ("wanted", "people", "most", "share"), [(10, 3, 99, 4), (10, 0, 99, 10), (0, 3, 9, 0), (90, 2, 7, 7)]
)
def test_what_is_left_to_all_is_shared_out(wanted, people, most, share):
    assert fair_share(wanted, people, most) == share
