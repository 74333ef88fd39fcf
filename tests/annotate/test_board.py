"""What a person is shown, what is kept for them, and what becomes of what they say, with the real ledger."""

import shutil
import threading
import time
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handful.annotate.board import Board, NotOffered
from handful.annotate.items import read_study
from handful.annotate.ledger import open_ledger as open_at
from handful.annotate.practice import checks_of, practice_of
from handful.core.types import Verdict
from handful.recipe.evaluation import Annotate


@pytest.fixture
def target(made_target):
    return made_target


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def say(board, person, choice="first", **more):
    """Answer what is on the person's screen; returns the offer."""
    offer = board.visit(person).offer
    board.give(person, offer.item.key, round=offer.round, order=offer.order, choice=choice, **more)
    return offer


def walk(board, person, choice="first"):
    """Answer until there is nothing left; returns the offers."""
    seen = []
    while board.visit(person).where == "item":
        offer = board.visit(person).offer
        seen.append(say(board, person, choice if choice in offer.item.choices else offer.item.choices[0]))
    return seen


def test_a_person_agrees_practises_answers_and_is_done(study, ledger, make_board):
    ledger.add_person("ann")
    practice = practice_of(Annotate(), study)
    board = make_board(practice=practice)
    assert board.visit("ann").where == "consent"
    board.consent("ann")
    place = board.visit("ann")
    assert (place.where, place.practised, place.practice, place.following) == ("practice", 0, 3, None)
    first = place.offer
    assert board.feedback("ann", first.item.key) is None
    say(board, "ann", "first")
    better = {"left": "first", "right": "second", "tie": "neither"}
    turned = first.item if first.order == "forward" else None
    told = board.feedback("ann", first.item.key)
    assert told.explanation == first.item.explanation != ""
    if turned:
        assert told.better == better[first.item.known]
    assert told.right == (told.better == "first")
    say(board, "ann", "second")
    say(board, "ann", "neither")
    assert board.visit("ann").where == "item"
    assert len(walk(board, "ann")) == 6
    place = board.visit("ann")
    assert (place.where, place.answered, place.left, place.waiting) == ("finished", 6, 0, False)


def test_a_reload_shows_the_same_and_nobody_else_is_shown_it(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board()
    one = board.visit("ann")
    assert board.visit("ann").offer == one.offer
    held = {one.offer.item.key, one.following.item.key}
    for _ in range(4):
        assert say(board, "ben").item.key not in held
    place = board.visit("ben")
    assert (place.where, place.waiting) == ("finished", True)
    assert board.visit("ann").following == one.following
    walk(board, "ann")
    assert board.visit("ben").waiting is False


def test_what_is_fetched_ahead_is_what_comes(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    while (place := board.visit("ann")).where == "item":
        following = place.following
        say(board, "ann")
        assert board.visit("ann").offer == following


def test_an_abandoned_item_opens_again_when_its_lease_is_over(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    clock = Clock()
    board = make_board(clock=clock, lease_minutes=30)
    held = board.visit("ann").offer
    clock.now += 29 * 60
    assert len(walk(board, "ben")) == 4
    clock.now += 61
    assert held.item.key in {offer.item.key for offer in walk(board, "ben")}
    # What she was still reading is kept when she sends it, beyond what was wanted.
    assert board.give("ann", held.item.key, round=0, order=held.order, choice="second") == (True, True)
    assert board.items()[0][[i.key for i in board.items()[0]].index(held.item.key)].answers == 2


def test_a_visit_renews_the_lease(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    clock = Clock()
    board = make_board(clock=clock)
    for _ in range(4):
        board.visit("ann")
        clock.now += 29 * 60
    assert len(walk(board, "ben")) == 4


def test_the_researcher_frees_what_somebody_holds(ledger, make_board, enter):
    enter(ledger, "ann", "ben", "cleo")
    board = make_board()
    board.visit("ann")
    board.visit("cleo")
    assert board.release("ann") == 2
    assert board.release() == 2
    assert len(walk(board, "ben")) == 6


def test_an_answer_counts_once_however_often_it_is_sent(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    offer = board.visit("ann").offer
    sent = {"round": 0, "order": offer.order, "choice": "first", "nonce": "n1"}
    assert board.give("ann", offer.item.key, **sent) == (True, True)
    assert board.give("ann", offer.item.key, **sent) == (False, True)
    assert board.give("ann", offer.item.key, **{**sent, "choice": "second", "nonce": "n2"}) == (False, False)
    assert board.visit("ann").answered == 1
    assert len(list(ledger.history())) == 1


def test_an_answer_whose_commit_nobody_was_told_of_is_taken_in_when_it_is_given_again(
    ledger, make_board, enter
):
    """The connection was lost after the commit: the row is there, and the page said that nothing was stored."""
    enter(ledger, "ann")
    board = make_board()
    offer = board.visit("ann").offer
    item = offer.item
    ledger.answer(
        person="ann", item=item.key, task=item.task, subject=item.subject, shown=offer.order, first=item.first,
        choice="first", reason="once",
    )  # fmt: skip
    assert board.visit("ann").offer == offer
    given = {"round": offer.round, "order": offer.order, "choice": "first"}
    assert board.give("ann", item.key, reason="again", **given) == (False, False)
    place = board.visit("ann")
    assert (place.answered, place.offer.item.key == item.key) == (1, False)
    board.undo("ann")
    assert board.visit("ann").offer.item.key == item.key


def test_undo_gives_the_same_item_back_at_once_with_the_same_sides(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    first, second = say(board, "ann"), say(board, "ann")
    following = board.visit("ann").offer
    assert board.undo("ann")
    assert board.visit("ann").offer == second
    assert board.undo("ann")
    assert board.visit("ann").offer == first
    assert not board.undo("ann")
    assert board.visit("ann").answered == 0
    say(board, "ann"), say(board, "ann")
    assert board.visit("ann").offer == following


def test_nobody_undoes_what_another_said(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board()
    say(board, "ann")
    assert not board.undo("ben", board.visit("ann").last)
    assert board.visit("ann").answered == 1


def test_what_is_passed_over_counts_for_nobody_and_goes_to_another(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board()
    offer = board.visit("ann").offer
    assert board.skip("ann", offer.item.key, round=0, order=offer.order, reason="not my language")
    assert offer.item.key not in {seen.item.key for seen in walk(board, "ann")}
    assert board.visit("ann").answered == 5
    assert [seen.item.key for seen in walk(board, "ben")] == [offer.item.key]
    ann, _ = board.progress().people
    assert (ann.skipped, ann.answered) == (1, 5)


def test_a_skip_can_be_taken_back(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    offer = board.visit("ann").offer
    board.skip("ann", offer.item.key, round=0, order=offer.order, reason="")
    assert board.undo("ann")
    assert board.visit("ann").offer == offer
    assert len(walk(board, "ann")) == 6


@pytest.mark.parametrize(
    ("off", "back"), [("paused", "resumed"), ("revoked", "restored"), ("dropped", "kept")]
)
def test_who_is_not_active_is_shown_nothing_and_holds_nothing(ledger, make_board, enter, off, back):
    enter(ledger, "ann", "ben")
    board = make_board()
    say(board, "ann")
    board.visit("ann")
    ledger.event(off, "ann", "because")
    assert board.visit("ann").where == ("paused" if off == "paused" else "over")
    assert len(walk(board, "ben")) == (6 if off == "dropped" else 5)
    ledger.event(back, "ann")
    assert board.visit("ann").where == "finished"


def test_what_a_dropped_person_said_is_asked_again_until_they_are_kept(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board()
    walk(board, "ann")
    assert board.visit("ben").where == "finished"
    ledger.event("dropped", "ann", "clicked through")
    assert board.visit("ben").where == "item"
    assert board.verdicts() == []
    with pytest.raises(NotOffered):
        board.give("ann", board.visit("ben").offer.item.key, round=0, order="forward", choice="first")
    ledger.event("kept", "ann")
    assert len(board.verdicts()) == 6
    walk(board, "ben")
    (task,) = board.progress().tasks
    assert (task.given, task.wanted, task.items) == (6, 6, 6)


def test_a_paused_study_shows_nothing_and_still_takes_what_was_on_the_screen(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    offer = board.visit("ann").offer
    ledger.event("study_paused")
    assert board.visit("ann").where == "paused"
    assert board.progress().paused
    assert board.give("ann", offer.item.key, round=0, order=offer.order, choice="first") == (True, True)
    ledger.event("study_resumed")
    assert board.visit("ann").answered == 1


def test_repeats_come_at_the_end_with_the_sides_swapped(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board(repeats=2)
    seen = walk(board, "ann", "first")
    assert [offer.round for offer in seen] == [0] * 6 + [1] * 2
    first = {offer.item.key: offer.order for offer in seen[:6]}
    for offer in seen[6:]:
        assert {offer.order, first[offer.item.key]} == {"forward", "swapped"}
    # She always took what stood first: never the same text twice.
    (ann,) = board.progress().people
    assert (ann.repeats, ann.first) == ((0, 2), (8, 8))


def test_checks_lie_between_the_items_and_say_who_reads(study, ledger, make_board, enter, tmp_path):
    enter(ledger, "ann")
    (tmp_path / "checks.csv").write_text("prompt,left,right,choice\n1+1?,2,3,left\n2+2?,5,4,right\n")
    checks = checks_of(Annotate(checks=(str(tmp_path / "checks.csv"),)), study)
    board = make_board(checks=checks)
    seen = []
    while board.visit("ann").where == "item":
        offer = board.visit("ann").offer
        good = {"2": 0, "4": 0}
        place = next((n for n, text in enumerate(offer.item.load(offer.order).texts) if text in good), None)
        seen.append(say(board, "ann", "first" if place in (0, None) else "second").item.kind)
    assert sorted(seen) == ["check"] * 2 + ["item"] * 6
    assert seen[0] == "item"
    assert board.progress().people[0].checks == (2, 2)


def test_tasks_come_one_after_another(make_folder, make_comparison, make_submission, ledger, enter):
    folder = make_folder(
        [make_comparison(n) for n in range(3)],
        [make_submission(n, task) for n, task in ((5, "quality"), (6, "safety"))],
    )
    enter(ledger, "ann")
    board = Board(read_study(folder), ledger, Annotate(people=1, shared=1))
    assert [offer.item.task for offer in walk(board, "ann")] == ["preference"] * 3 + ["quality", "safety"]
    assert {answer.choice for answer in ledger.answers()} == {"first", "fail", "safe"}


@pytest.mark.parametrize(
    "wrong",
    [{"choice": "fail"}, {"choice": ""}, {"order": ""}, {"round": 1}, {"round": 2}, {"key": "f" * 64}],
)
def test_what_was_not_asked_is_not_stored(ledger, make_board, enter, wrong):
    enter(ledger, "ann")
    board = make_board()
    offer = board.visit("ann").offer
    sent = {"key": offer.item.key, "round": 0, "order": offer.order, "choice": "first", **wrong}
    with pytest.raises(NotOffered):
        board.give("ann", sent.pop("key"), **sent)
    with pytest.raises(NotOffered, match="nobody"):
        board.visit("mallory")
    assert ledger.answers() == []


def test_a_restart_finds_everything_but_the_leases(study, ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    before = make_board(repeats=1)
    for _ in range(3):
        say(before, "ann")
    taken_back = say(before, "ann")
    before.undo("ann")
    after = make_board(repeats=1)
    assert after.visit("ann").answered == 3
    assert after.visit("ann").last == before.visit("ann").last
    assert after.progress().tasks == before.progress().tasks
    seen = walk(after, "ann")
    assert next(o for o in seen if o.item.key == taken_back.item.key).order == taken_back.order


def test_time_is_what_the_item_was_on_the_screen(ledger, make_board, enter):
    enter(ledger, "ann")
    clock = Clock()
    board = make_board(clock=clock)
    for seconds in (10, 20, 60, 30, 15):
        assert board.visit("ann").seconds_left is None  # few answers tell no speed
        clock.now += seconds
        say(board, "ann")
    assert [answer.ms for answer in ledger.answers()] == [10_000, 20_000, 60_000, 30_000, 15_000]
    place = board.visit("ann")
    assert (place.seconds, place.left, place.seconds_left) == (20, 1, 20)


def test_nobody_is_told_how_long_it_will_take_by_what_others_took(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board(people=2)
    walk(board, "ann")
    assert board.visit("ben").seconds is None


def test_what_is_left_is_a_fair_share(ledger, make_board, enter):
    enter(ledger, "ann", "ben", "cleo")
    board = make_board(people=1, shared=3, repeats=1)
    assert board.visit("ann").left == 3 + 1 + 1


def totals_of(board, person, count=99):
    """What a person is told their items come to, before each answer; None where no total is told."""
    told = []
    while len(told) < count and (place := board.visit(person)).where == "item":
        told.append(place.answered + place.left if place.left else None)
        say(board, person)
    return told


def test_the_finish_line_never_moves_away(ledger, make_board, enter):
    enter(ledger, "ann", "ben", "cleo")
    board = make_board(people=1)
    assert totals_of(board, "ann") == [2, 2, None, None, None, None]  # more is open, and others are away
    assert board.visit("ann").where == "finished"


def test_the_finish_line_comes_nearer_as_others_answer_and_survives_a_restart(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board(people=1)
    assert totals_of(board, "ann", 1) == [3]
    say(board, "ben"), say(board, "ben"), say(board, "ben"), say(board, "ben")
    assert totals_of(board, "ann", 1) == [2]
    restarted = make_board(people=1)
    assert restarted.visit("ann").where == "finished"
    assert restarted.undo("ann")
    place = restarted.visit("ann")
    assert place.answered + place.left == 2


def test_no_total_is_told_where_it_grows_since_somebody_is_dropped(ledger, make_board, enter):
    enter(ledger, "ann", "ben")
    board = make_board(people=1)
    assert totals_of(board, "ann", 1) == [3]
    ledger.event("dropped", "ben")
    assert totals_of(board, "ann", 1) == [None]
    ledger.event("kept", "ben")
    assert totals_of(board, "ann", 1) == [3]


def test_a_skip_brings_the_finish_line_nearer_and_its_undo_takes_it_back(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    offer = board.visit("ann").offer
    board.skip("ann", offer.item.key, round=0, order=offer.order, reason="other")
    assert totals_of(board, "ann", 1) == [5]
    assert board.undo("ann")
    assert board.undo("ann")
    assert totals_of(board, "ann", 1) == [6]


def test_what_is_taken_back_is_offered_with_what_was_said(ledger, make_board, enter):
    enter(ledger, "ann")
    board = make_board()
    assert say(board, "ann", "second").before is None
    board.undo("ann")
    assert board.visit("ann").offer.before.choice == "second"
    assert board.visit("ann").following.before is None
    say(board, "ann", "first")
    assert board.visit("ann").offer.before is None


def test_live_verdicts_are_said_of_the_comparisons(ledger, make_board):
    ledger.add_person("ann", "crowd")
    board = make_board()
    board.consent("ann"), board.practised("ann")
    offer = say(board, "ann", "first")
    choice = "left" if offer.order == "forward" else "right"
    assert board.verdicts() == [Verdict(offer.item.subject, "crowd:ann", choice, offer.order, raw="A")]


def test_items_made_meanwhile_are_asked_of_their_person_first(
    ledger, make_board, enter, make_folder, make_comparison
):
    enter(ledger, "ann", "ben")
    extra = read_study(make_folder([make_comparison(n) for n in (70, 71)], name="more"))
    board = make_board(people=1)
    board.add_items(extra.items.values(), "ann")
    board.add_items(extra.items.values(), "ben")  # asked already
    assert {say(board, "ann").item.subject for _ in range(2)} == {"c70", "c71"}
    assert {offer.item.subject for offer in walk(board, "ben")}.isdisjoint({"c70", "c71"})
    more = read_study(make_folder([make_comparison(80)], name="still-more"))
    board.add_items(more.items.values(), "ann")
    assert board.visit("ben").where == "finished"
    ledger.event("revoked", "ann")
    assert "c80" in {offer.item.subject for offer in walk(board, "ben")}
    again = make_board(people=1)
    again.add_items(extra.items.values(), "ann")
    assert again.progress().people[0].answered == 2


def test_many_at_once_give_each_item_once(ledger, make_board, enter, make_folder, make_comparison):
    names = [f"p{n}" for n in range(8)]
    enter(ledger, *names)
    study = read_study(make_folder([make_comparison(n) for n in range(40)], name="large"))
    board = make_board(study, people=1)
    threads = [threading.Thread(target=walk, args=(board, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        walk(board, name)
    assert sorted(answer.item for answer in ledger.answers()) == sorted(study.items)


def test_ten_thousand_items_and_a_hundred_people_are_quick(
    ledger, make_board, enter, make_folder, make_comparison
):
    """The median of what one visit computes; the bound leaves room for a busy machine (measured: 0.5 ms)."""
    study = read_study(make_folder([make_comparison(n) for n in range(10_000)], name="large"))
    for name in (names := [f"p{n}" for n in range(100)]):
        ledger.add_person(name)
    ledger.event("consented", "p0")
    board = make_board(study, people=2, shared=50)
    for name in names:
        seat = board._standing.seat(name)
        seat.consented = seat.practised = True
    times = []
    for name in names:
        began = time.perf_counter()
        board.visit(name)
        times.append(time.perf_counter() - began)
    assert sorted(times)[50] < 0.005


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "ben", "cleo"]),
        st.sampled_from(
            ["answer"] * 4 + ["skip", "undo", "drop", "keep", "pause", "resume", "free", "later"]
        ),
    ),
    max_size=25,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS, st.integers(1, 2), st.integers(0, 2))
def test_what_is_kept_in_memory_is_what_a_restart_finds(tmp_path_factory, blank, study, acts, people, shared):
    """Whatever happened in whichever order: counts, and what is open, follow from the ledger alone."""
    path = shutil.copy(blank, tmp_path_factory.mktemp("ledger") / "people.sqlite")
    clock = Clock()
    params = Annotate(people=people, shared=shared, repeats=1)
    events = {"drop": "dropped", "keep": "kept", "pause": "paused", "resume": "resumed"}
    with closing(open_at(path)) as ledger:
        for name in ("ann", "ben", "cleo"):
            ledger.add_person(name)
            ledger.event("consented", name)
        board = Board(study, ledger, params, clock=clock)
        for person, act in acts:
            place = board.visit(person)
            if act in ("answer", "skip") and place.offer:
                choice = "first" if act == "answer" else "skip"
                board.give(
                    person,
                    place.offer.item.key,
                    round=place.offer.round,
                    order=place.offer.order,
                    choice=choice,
                )
            elif act == "undo":
                board.undo(person)
            elif act == "free":
                board.release(person)
            elif act == "later":
                clock.now += 3600
            elif act in events:
                ledger.event(events[act], person)
        board.release()
        live, again = board.progress(), Board(study, ledger, params).progress()
        assert live.tasks == again.tasks
        assert board.items() == Board(study, ledger, params).items()
        assert [(p.name, p.answered, p.skipped, p.left) for p in live.people] == [
            (p.name, p.answered, p.skipped, p.left) for p in again.people
        ]
        standing = board._standing
        for pool in standing.pools.values():
            assert pool.levels == {key: standing.tallies[key].answers for key in pool.levels}
        shown = [
            a
            for s in standing.seats.values()
            for (_, r), a in s.answers.items()
            if a.choice != "skip" and not r
        ]
        assert standing.lean == sum(1 if a.shown == "forward" else -1 for a in shown)
